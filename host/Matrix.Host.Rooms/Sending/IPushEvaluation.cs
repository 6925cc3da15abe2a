using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Unread;

namespace Matrix.Host.Rooms.Sending;

/// <summary>What push rules make of a new event, asked by the lane before it is written.</summary>
public interface IPushEvaluation
{
    /// <summary>Evaluates a new event. Looks at local members only, and at memory where it can.</summary>
    ValueTask<PushOutcome> EvaluateAsync(EventInRoom happening, CancellationToken stop);
}

/// <summary>A new event, and the room that it happened in.</summary>
/// <param name="Event">The event; its row is not written yet.</param>
/// <param name="Local">Local members, the event's effect included.</param>
/// <param name="JoinedCount">Users joined, remote ones included.</param>
/// <param name="StateEvent">The event of a type and state key in the state before, durable or not yet; null if there is none.</param>
public readonly record struct EventInRoom(
    StoredEvent Event, LocalMembers Local, int JoinedCount, Func<string, string, ValueTask<StoredEvent?>> StateEvent);

/// <summary>What is written of an event for unread counts.</summary>
/// <param name="NotifyClass">What the default rules make of it for most readers; 0 if it notifies nobody.</param>
/// <param name="Rows">For whom it is something else than that.</param>
public readonly record struct PushOutcome(int NotifyClass, IReadOnlyList<UnreadAdded> Rows)
{
    /// <summary>Nobody is notified.</summary>
    public static PushOutcome Nobody { get; } = new(0, []);
}

/// <summary>Evaluates nothing: for rooms that nobody is notified of, as in a measurement of sending alone.</summary>
public sealed class NoPushEvaluation : IPushEvaluation
{
    /// <inheritdoc/>
    public ValueTask<PushOutcome> EvaluateAsync(EventInRoom happening, CancellationToken stop) => new(PushOutcome.Nobody);
}
