using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.StagedEvents;

/// <summary>Received events that wait for others. Their sender's transaction was acknowledged.</summary>
public interface IStagedEventsTable
{
    /// <summary>The rooms that have any.</summary>
    ValueTask<IReadOnlyList<RoomNid>> RoomsAsync(CancellationToken stop);

    /// <summary>Whether a room has any.</summary>
    ValueTask<bool> AnyAsync(RoomNid room, CancellationToken stop);

    /// <summary>A room's staged events, in the order in which they came.</summary>
    ValueTask<IReadOnlyList<StagedEventRow>> OfRoomAsync(RoomNid room, int limit, CancellationToken stop);
}

/// <summary>A staged event.</summary>
/// <param name="Peer">The server that sent it.</param>
/// <param name="Json">The event as it came.</param>
public sealed record StagedEventRow(string EventId, string Peer, ReadOnlyMemory<byte> Json);

/// <summary>A received event waits for others. A second copy of it is ignored.</summary>
public sealed record EventStaged(RoomNid Room, string EventId, string Peer, ReadOnlyMemory<byte> Json) : Change
{
    internal override int Weight => 200 + Json.Length;
}

/// <summary>A staged event was decided or dropped.</summary>
public sealed record StagedEventRemoved(RoomNid Room, string EventId) : Change;
