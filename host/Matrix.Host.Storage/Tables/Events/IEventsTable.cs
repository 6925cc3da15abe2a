namespace Matrix.Host.Storage.Tables.Events;

/// <summary>Events.</summary>
public interface IEventsTable
{
    /// <summary>The event of that id, or null.</summary>
    ValueTask<EventRow?> FindAsync(string eventId, CancellationToken stop);

    /// <summary>The event of that number, or null.</summary>
    ValueTask<EventRow?> FindAsync(EventNid nid, CancellationToken stop);

    /// <summary>The events of these ids, in no order, in one round trip; absent ones are left out.</summary>
    ValueTask<IReadOnlyList<EventRow>> FindManyAsync(IReadOnlyCollection<string> eventIds, CancellationToken stop);

    /// <summary>The events of these numbers, in no order, in one round trip; absent ones are left out.</summary>
    ValueTask<IReadOnlyList<EventRow>> FindManyAsync(IReadOnlyCollection<EventNid> nids, CancellationToken stop);

    /// <summary>Which of these ids are stored, and under which numbers: no event is read.</summary>
    ValueTask<IReadOnlyDictionary<string, EventNid>> NidsAsync(IReadOnlyCollection<string> eventIds, CancellationToken stop);

    /// <summary>The ids of these numbers: no event's JSON is read.</summary>
    ValueTask<IReadOnlyDictionary<EventNid, string>> IdsAsync(IReadOnlyCollection<EventNid> nids, CancellationToken stop);

    /// <summary>Redactions of a room that wait for an event of that id, or for any if it is null; the earliest first.</summary>
    ValueTask<IReadOnlyList<EventNid>> WaitingRedactionsAsync(RoomNid room, string? targetId, int limit, CancellationToken stop);

    /// <summary>
    /// Events of a room in timeline order, from the one next to <paramref name="from"/> (itself not included) in the given direction, up to and
    /// with <paramref name="until"/>. Events with any flag of <paramref name="without"/> are left out and do not count.
    /// </summary>
    /// <param name="room">The room.</param>
    /// <param name="from">Where to start; <see cref="EventNid.FirstOf"/> or <see cref="EventNid.LastOf"/> for the room's ends.</param>
    /// <param name="until">The last one that may be answered; null for the room's end.</param>
    /// <param name="direction">Which way.</param>
    /// <param name="limit">At most this many.</param>
    /// <param name="without">Flags of events that are passed over.</param>
    /// <param name="stop">Cancels the question.</param>
    ValueTask<IReadOnlyList<EventRow>> RangeAsync(
        RoomNid room, EventNid from, EventNid? until, Direction direction, int limit, EventStanding without, CancellationToken stop);

    /// <summary>
    /// Events of all rooms in the order in which they became durable: those after one position and up to another, at most so many.
    /// </summary>
    ValueTask<IReadOnlyList<EventRow>> AfterPositionAsync(long after, long through, int limit, CancellationToken stop);

    /// <summary>The events that these events redacted.</summary>
    ValueTask<IReadOnlyList<EventRow>> RedactedByAsync(IReadOnlyCollection<EventNid> redactions, CancellationToken stop);

    /// <summary>
    /// The last live event of the room with that position or an earlier one: where the timeline ended when that position was published.
    /// <see cref="EventNid.None"/> if there was none.
    /// </summary>
    ValueTask<EventNid> LastNidAtAsync(RoomNid room, long position, CancellationToken stop);

    /// <summary>The same for several rooms at once; rooms without any are left out.</summary>
    ValueTask<IReadOnlyDictionary<RoomNid, EventNid>> LastNidsAtAsync(
        IReadOnlyCollection<RoomNid> rooms, long position, CancellationToken stop);
}
