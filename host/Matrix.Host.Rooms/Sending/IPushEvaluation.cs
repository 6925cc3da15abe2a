using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Unread;

namespace Matrix.Host.Rooms.Sending;

/// <summary>Evaluates push rules for a new event. The lane calls it before the event is written.</summary>
public interface IPushEvaluation
{
    /// <summary>Evaluates a new event for local members only, from memory where possible.</summary>
    ValueTask<UnreadContribution> EvaluateAsync(EventInRoom happening, CancellationToken stop);
}

/// <summary>A new event and its room.</summary>
/// <param name="Event">The event, not written yet.</param>
/// <param name="Local">Local members after the event.</param>
/// <param name="JoinedCount">The number of joined users, remote ones included.</param>
/// <param name="HiddenFrom">The local members who may not see the event.</param>
/// <param name="StateEvent">Finds the state event of a type and state key, durable or not yet; null if there is
/// none.</param>
public readonly record struct EventInRoom(
    StoredEvent Event,
    LocalMembers Local,
    int JoinedCount,
    IReadOnlySet<string> HiddenFrom,
    Func<string, string, ValueTask<StoredEvent?>> StateEvent);

/// <summary>The contribution of an event to unread counts.</summary>
/// <param name="NotifyClass">The outcome of the default rules; 0 if they notify nobody.</param>
/// <param name="Rows">A row for each user with another outcome.</param>
public readonly record struct UnreadContribution(int NotifyClass, IReadOnlyList<UnreadAdded> Rows)
{
    /// <summary>The event notifies nobody.</summary>
    public static UnreadContribution Nobody { get; } = new(0, []);
}

/// <summary>Notifies nobody: for measurements and tests of sending alone.</summary>
public sealed class NoPushEvaluation : IPushEvaluation
{
    /// <inheritdoc/>
    public ValueTask<UnreadContribution> EvaluateAsync(EventInRoom happening, CancellationToken stop) =>
        new(UnreadContribution.Nobody);
}
