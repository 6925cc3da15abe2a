using Matrix.Core.Sync;
using Matrix.Host.Storage;
using Matrix.Host.Sync.V3;

namespace Matrix.Host.Sync.Sliding;

/// <summary>Sliding sync. MSC4186.</summary>
public interface ISlidingSync
{
    /// <summary>The names of the extensions.</summary>
    IReadOnlyCollection<string> Extensions { get; }

    /// <summary>
    /// Returns the news for a connection, at once or as soon as there is some, or a response without news after the
    /// timeout.
    /// </summary>
    ValueTask<SlidingAnswer> SyncAsync(SlidingRequest request, CancellationToken stop);
}

/// <summary>The outcome of a request.</summary>
/// <param name="Body">The response; null if there is none.</param>
/// <param name="Problem">The reason why the request was refused; null if the position is unknown, and the client has to
/// start a new connection.</param>
public sealed record SlidingAnswer(SyncAnswer? Body, string? Problem)
{
    internal static SlidingAnswer UnknownPos { get; } = new(null, null);

    internal static SlidingAnswer Of(SyncAnswer body) => new(body, null);

    internal static SlidingAnswer Refused(string problem) => new(null, problem);
}

/// <summary>A request of a device.</summary>
public sealed record SlidingRequest
{
    /// <summary>The user and device.</summary>
    public required UserDevice Reader { get; init; }

    /// <summary>The lists, subscriptions and extensions.</summary>
    public required SlidingBody Body { get; init; }

    /// <summary>The position that the client returns with; null for a new connection.</summary>
    public string? Pos { get; init; }

    /// <summary>The longest wait for news.</summary>
    public TimeSpan Timeout { get; init; }

    /// <summary>Whether the response has the form of the unstable endpoint.</summary>
    public bool IsUnstable { get; init; }
}
