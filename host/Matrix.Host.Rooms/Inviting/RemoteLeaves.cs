using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Commands;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Stripped;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.StrippedRooms;

namespace Matrix.Host.Rooms.Inviting;

/// <summary>
/// Leaves rooms that are known only by an invite or knock. The user has left even if no server takes the leave.
/// </summary>
internal sealed class RemoteLeaves(
    StrippedRoomsTable strippedRoomsTable,
    LeaveHandshakes handshakes,
    RoomSnapshots rooms,
    RoomReceiver receiver,
    RoomCommands commands,
    IStorageWriter writer,
    RoomsOptions options,
    TimeProvider time)
{
    /// <summary>Leaves a room. False if it is not known in this way.</summary>
    internal async ValueTask<bool> LeaveAsync(
        string who, string userId, string roomId, string? reason, CancellationToken stop)
    {
        var row = await strippedRoomsTable.FindAsync(userId, roomId, stop);
        if (row is null) return false;
        if (!row.IsOpen) return true;

        var left = await handshakes.ThroughAnyAsync(who, userId, row, reason, stop);
        var change = new StrippedRoomLeft(
            userId,
            roomId,
            row.EventId,
            userId,
            left?.EventId ?? row.EventId,
            left?.Canonical ?? ReadOnlyMemory<byte>.Empty,
            options.MaxEndedInvites)
        {
            EndedAt = left is null ? time.GetUtcNow().ToUnixTimeMilliseconds() : 0,
        };

        // Not cancelled: a server may have taken the leave.
        _ = await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(change), CancellationToken.None);
        if (left is not null) await EnterAsync(row, left);
        return true;
    }

    /// <summary>
    /// Gives a leave to the room if the room is here: no other server sends it, since it is ours. The room fetches the
    /// invite that it follows, if that has not come yet.
    /// </summary>
    private async ValueTask EnterAsync(StrippedRoomRow row, Pdu left)
    {
        var found = await rooms.FindAsync(row.RoomId, CancellationToken.None);
        if (found is not { IsResident: true, Room: var room }) return;
        if (!commands.IsHere(row.RoomId))
        {
            var received = new ReceiveEvents(row.RoomId, row.Server, [EventJson.Of(left)]);
            _ = await commands.AskAsync(received, CancellationToken.None);
            return;
        }

        var read = room.Rules.ReadReceived(EventJson.Of(left));
        if (read.IsOk)
        {
            _ = await receiver.ReceiveAsync(row.Server, room, [read.Value], CancellationToken.None);
        }
    }
}
