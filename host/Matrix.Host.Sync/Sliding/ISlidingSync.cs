using Matrix.Core.Sync;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;

namespace Matrix.Host.Sync.Sliding;

/// <summary>Sliding sync. MSC4186.</summary>
public interface ISlidingSync
{
    /// <summary>The names of the extensions.</summary>
    IReadOnlyCollection<string> Extensions { get; }

    /// <summary>
    /// Writes the news for a connection, at once or as soon as there is some, or a response without news after the
    /// timeout, or if no memory for it is free in time.
    /// </summary>
    ValueTask<SlidingAnswer> SyncAsync(SlidingRequest request, ResponseWriter response, CancellationToken stop);
}

/// <summary>The outcome of a request.</summary>
/// <param name="Kind">What became of it.</param>
/// <param name="Problem">The reason why the request was refused.</param>
public sealed record SlidingAnswer(SlidingAnswerKind Kind, string? Problem = null)
{
    internal static SlidingAnswer Written { get; } = new(SlidingAnswerKind.Written);

    internal static SlidingAnswer UnknownPos { get; } = new(SlidingAnswerKind.UnknownPos);

    internal static SlidingAnswer Busy { get; } = new(SlidingAnswerKind.Busy);

    internal static SlidingAnswer Refused(string problem) => new(SlidingAnswerKind.Refused, problem);
}

/// <summary>What becomes of a request.</summary>
public enum SlidingAnswerKind
{
    /// <summary>The response is written.</summary>
    Written,

    /// <summary>The position is unknown: the client starts a new connection.</summary>
    UnknownPos,

    /// <summary>The request has an invalid value.</summary>
    Refused,

    /// <summary>No memory for a first response was free in time.</summary>
    Busy,
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
