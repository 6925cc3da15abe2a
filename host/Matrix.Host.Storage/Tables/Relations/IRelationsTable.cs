namespace Matrix.Host.Storage.Tables.Relations;

/// <summary>Relations between events, and threads. Client-Server API, "Forming relationships between events" and "Threading".</summary>
public interface IRelationsTable
{
    /// <summary>
    /// Events that relate to a parent, in timeline order, from the one next to <see cref="RelationsQuery.From"/> on. With a depth above 1 also
    /// those that relate to these, up to <see cref="StorageOptions.MaxRelationDepth"/>.
    /// </summary>
    ValueTask<IReadOnlyList<RelationRow>> ChildrenAsync(RelationsQuery query, CancellationToken stop);

    /// <summary>What is bundled with these events, in one round trip; events to which nothing relates are left out.</summary>
    /// <param name="room">The room of all of them.</param>
    /// <param name="parents">Their ids.</param>
    /// <param name="reader">For whom: whether they took part in a thread.</param>
    /// <param name="stop">Cancels the question.</param>
    ValueTask<IReadOnlyDictionary<string, Aggregation>> AggregationsAsync(
        RoomNid room, IReadOnlyCollection<string> parents, string reader, CancellationToken stop);

    /// <summary>Whether an event of the room is the root of a thread that has an event.</summary>
    ValueTask<bool> HasThreadAsync(RoomNid room, string rootId, CancellationToken stop);

    /// <summary>The senders of a thread's events up to one of them, those who spoke last first; the root is not counted.</summary>
    ValueTask<IReadOnlyList<ThreadSender>> ThreadSendersAsync(
        RoomNid room, string rootId, EventNid through, int limit, CancellationToken stop);

    /// <summary>Whether any event of the room relates to another: if not, nothing is bundled there.</summary>
    ValueTask<bool> AnyAsync(RoomNid room, CancellationToken stop);

    /// <summary>Whether the sender has already annotated the parent with this type and key: such a second annotation is refused.</summary>
    ValueTask<bool> HasAnnotationAsync(
        RoomNid room, string parentId, string sender, string eventType, string key, CancellationToken stop);

    /// <summary>Thread roots of a room, the one with the latest event first, a page at a time.</summary>
    /// <param name="room">The room.</param>
    /// <param name="before">Threads whose latest event is before this one; null for the first page.</param>
    /// <param name="reader">For whom: whether they took part.</param>
    /// <param name="participatedOnly">Only threads that the reader's events are in, root included.</param>
    /// <param name="limit">At most this many.</param>
    /// <param name="stop">Cancels the question.</param>
    ValueTask<IReadOnlyList<ThreadRow>> ThreadsAsync(
        RoomNid room, EventNid? before, string reader, bool participatedOnly, int limit, CancellationToken stop);
}
