using System.Collections.Concurrent;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>A submitted batch.</summary>
/// <param name="Batch">The batch.</param>
/// <param name="Before">The room before it.</param>
/// <param name="FirstDecision">The number of its first decision; 0 if it has none.</param>
/// <param name="LastDecision">The number of its last.</param>
/// <param name="HasReceived">Whether the machine was given input from other servers.</param>
/// <param name="OnlyEvent">The id of the only event that it decides, if it stages none; null otherwise.</param>
internal sealed record SubmittedBatch(
    WriteBatch Batch,
    PendingRoom Before,
    long FirstDecision,
    long LastDecision,
    bool HasReceived,
    string? OnlyEvent);

/// <summary>
/// The batches that a lane submitted and whose outcome its machine does not know yet, and their events that are not
/// durable. Used while the lane is held; the counts and events by many threads.
/// </summary>
internal sealed class SubmittedBatches
{
    private readonly ConcurrentDictionary<uint, StoredEvent> _undurable = new();
    private readonly Queue<SubmittedBatch> _batches = new();
    private long _count;
    private long _settled;

    /// <summary>The number of batches that were ever submitted.</summary>
    internal long Count => Volatile.Read(ref _count);

    /// <summary>
    /// The number of batches that were submitted, if storage has all of them; null otherwise. A batch that is being
    /// submitted is not counted: it is before the lane is free again.
    /// </summary>
    internal long? CountIfSettled
    {
        get
        {
            var settled = Volatile.Read(ref _settled);
            return settled == Count ? settled : null;
        }
    }

    /// <summary>Whether the machine knows every outcome.</summary>
    internal bool IsEmpty => _batches.Count == 0;

    /// <summary>The batch that was submitted first; null if there is none.</summary>
    internal SubmittedBatch? Oldest => _batches.TryPeek(out var oldest) ? oldest : null;

    /// <summary>
    /// Whether the machine may decide again what was not written. Received events may be the reason of the failure, so
    /// it must not decide those again.
    /// </summary>
    internal bool MayTakeBack =>
        _batches.All(static each => each.Batch.Outcome == WriteOutcome.NotWritten && !each.HasReceived);

    /// <summary>The number of the first decision of all batches; null if there is none.</summary>
    internal long? FirstDecision =>
        _batches.FirstOrDefault(static each => each.FirstDecision > 0)?.FirstDecision;

    /// <summary>An undurable event by ordinal; null if there is none.</summary>
    internal StoredEvent? Undurable(uint ordinal) => _undurable.GetValueOrDefault(ordinal);

    /// <summary>An undurable event by id; null if there is none. There are few, so this scans them.</summary>
    internal StoredEvent? Undurable(string eventId)
    {
        foreach (var (_, waiting) in _undurable)
        {
            if (waiting.EventId == eventId) return waiting;
        }

        return null;
    }

    /// <summary>Whether any undurable event satisfies the predicate.</summary>
    internal bool AnyUndurable(Func<StoredEvent, bool> predicate)
    {
        foreach (var (_, waiting) in _undurable)
        {
            if (predicate(waiting)) return true;
        }

        return false;
    }

    /// <summary>The session's events are found as undurable from now on.</summary>
    internal void Begin(LaneSession session)
    {
        foreach (var made in session.Events) _undurable[made.Nid.Ordinal] = made;
    }

    /// <summary>Adds the batch of a session, which the writer accepted.</summary>
    internal void Add(LaneSession session, WriteBatch batch)
    {
        _batches.Enqueue(new SubmittedBatch(
            batch,
            session.Start,
            session.FirstDecision,
            session.LastDecision,
            session.HasReceived,
            session.OnlyEvent));
        Interlocked.Increment(ref _count);
    }

    /// <summary>Counts a batch that storage has, and that no machine has to know.</summary>
    internal void AddSettled()
    {
        Interlocked.Increment(ref _count);
        Interlocked.Increment(ref _settled);
    }

    /// <summary>The batch of a session is durable or failed.</summary>
    internal void Settle(LaneSession session)
    {
        ForgetEvents(session);
        Interlocked.Increment(ref _settled);
    }

    /// <summary>The events of a session are not undurable any more.</summary>
    internal void ForgetEvents(LaneSession session)
    {
        foreach (var made in session.Events) _undurable.TryRemove(made.Nid.Ordinal, out _);
    }

    /// <summary>No event is undurable any more.</summary>
    internal void ForgetEvents() => _undurable.Clear();

    /// <summary>The oldest batch, if it is durable: the machine is to know that. Null otherwise.</summary>
    internal SubmittedBatch? TakeDurable() =>
        _batches.TryPeek(out var oldest) && oldest.Batch.Outcome == WriteOutcome.Durable ? _batches.Dequeue() : null;

    /// <summary>Drops the batches: the machine is replaced, or has taken them back.</summary>
    internal void Clear() => _batches.Clear();
}
