using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Administration;

/// <summary>A forward extremity of a room.</summary>
/// <param name="Step">The number of the state after the event.</param>
public sealed record ListedExtremity(string EventId, long Depth, int Step);

/// <summary>
/// The forward extremities of a room, for administrators. None is dropped, because its state would be lost: they are
/// merged by an event that names them.
/// </summary>
public sealed class ForwardExtremities
{
    private static readonly RoomFailure _unknown = new(RoomFailureKind.NotFound, "This server has no such room.");

    private readonly DummyEvents _merging;
    private readonly EventStore _events;
    private readonly RoomsTable _roomsTable;

    internal ForwardExtremities(DummyEvents merging, EventStore events, RoomsTable roomsTable)
    {
        _merging = merging;
        _events = events;
        _roomsTable = roomsTable;
    }

    /// <summary>The extremities of a room.</summary>
    public async ValueTask<RoomResult<IReadOnlyList<ListedExtremity>>> OfAsync(string roomId, CancellationToken stop)
    {
        if (await _roomsTable.FindAsync(roomId, stop) is not { } row) return _unknown;
        var found = new List<ListedExtremity>();
        foreach (var extremity in row.Header.Extremities)
        {
            if (await _events.ByIdAsync(row.Identity, extremity.EventId, stop) is { } stored)
            {
                found.Add(new ListedExtremity(stored.EventId, stored.Pdu.Depth, stored.Row.Step));
            }
        }

        return found;
    }

    /// <summary>
    /// Merges the extremities by events of a local member. Returns how many fewer the room has; a failure if no local
    /// member may send such an event.
    /// </summary>
    public async ValueTask<RoomResult<int>> MergeAsync(string roomId, CancellationToken stop) =>
        await _roomsTable.FindAsync(roomId, stop) is { } row
            ? await _merging.MergeAllAsync(row.Nid, stop)
            : _unknown;
}
