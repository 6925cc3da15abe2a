using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.StagedEvents;

/// <summary>
/// Received events that wait for others, and those of them that were given up. Their sender's transaction was
/// acknowledged.
/// </summary>
public interface IStagedEventsTable
{
    /// <summary>The rooms that have any.</summary>
    ValueTask<IReadOnlyList<RoomNid>> RoomsAsync(CancellationToken stop);

    /// <summary>Whether a room has any.</summary>
    ValueTask<bool> AnyAsync(RoomNid room, CancellationToken stop);

    /// <summary>A room's staged events, in the order in which they came.</summary>
    ValueTask<IReadOnlyList<StagedEventRow>> OfRoomAsync(RoomNid room, int limit, CancellationToken stop);

    /// <summary>The events of a room that were given up, the latest first.</summary>
    ValueTask<IReadOnlyList<GivenUpEventRow>> GivenUpAsync(RoomNid room, int limit, CancellationToken stop);
}

/// <summary>A staged event.</summary>
/// <param name="Peer">The server that sent it.</param>
/// <param name="Json">The event as it came.</param>
/// <param name="StagedAt">When it came, in milliseconds; 0 if that is not known.</param>
public sealed record StagedEventRow(string EventId, string Peer, ReadOnlyMemory<byte> Json, long StagedAt);

/// <summary>A staged event that was given up.</summary>
/// <param name="GivenUpAt">When, in milliseconds.</param>
public sealed record GivenUpEventRow(string EventId, long GivenUpAt, string Reason);

/// <summary>A received event waits for others. A second copy of it is ignored.</summary>
public sealed record EventStaged(
    RoomNid Room, string EventId, string Peer, ReadOnlyMemory<byte> Json, long StagedAt) : Change
{
    internal override int Weight => 200 + Json.Length;
}

/// <summary>A staged event was decided or dropped.</summary>
public sealed record StagedEventRemoved(RoomNid Room, string EventId) : Change;

/// <summary>A staged event was given up.</summary>
/// <param name="Keep">The most such events of a room that are kept; the earliest are deleted.</param>
public sealed record StagedEventGivenUp(RoomNid Room, string EventId, string Reason, int Keep) : Change;
