using Matrix.Core.Json;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Streams.Streams.StrippedRooms;

namespace Matrix.Host.Sync.EventStream;

/// <summary>Writes the rooms to which a user is invited.</summary>
internal sealed class InitialInvites(
    StrippedRoomReader strippedRooms, EventStore events, EventPages pages, NewEvents news)
{
    /// <summary>The open invites to rooms in which this server has no user.</summary>
    public async ValueTask<StrippedRoomRow[]> StrippedAsync(string userId, long upTo, CancellationToken stop) =>
        [
            .. (await strippedRooms.OfUserAsync(userId, 0, upTo, stop))
                .Where(static room => room.Membership == Membership.Invite),
        ];

    /// <summary>The invite to a room that is stored here; null if it is not shown.</summary>
    public async ValueTask<StoredEvent?> FindAsync(
        RoomSnapshot snapshot, UserDevice reader, UserRoomRow row, CancellationToken stop) =>
        await events.GetAsync(snapshot.Room, row.Event, stop) is { } invite
            && !await news.IsHiddenAsync(reader.UserId, invite.Row.Sender, stop)
            ? invite
            : null;

    public async ValueTask WriteAsync(
        ByteBuffer output, RoomSnapshot snapshot, StoredEvent invite, UserDevice reader, CancellationToken stop)
    {
        output.Raw("{\"invite\":"u8);
        var own = NewEvents.OwnEvent(snapshot, reader.UserId, invite.Nid);
        await pages.WriteOneAsync(output, own, invite, reader, stop);
        EndInvite(output, snapshot.Room.RoomId);
    }

    /// <summary>Whether the user is not shown an invite.</summary>
    public ValueTask<bool> IsHiddenAsync(string userId, StrippedRoomRow room, CancellationToken stop) =>
        news.IsHiddenAsync(userId, room.Sender, stop);

    public static void Write(ByteBuffer output, string userId, StrippedRoomRow room)
    {
        output.Raw("{\"invite\":"u8);
        StrippedMember.Of(userId, room).Write(output, withRoomId: true);
        EndInvite(output, room.RoomId);
    }

    private static void EndInvite(ByteBuffer output, string roomId)
    {
        output.Raw(",\"membership\":\"invite\",\"room_id\":"u8);
        CanonicalJson.WriteString(output, roomId);
        output.Byte((byte)'}');
    }
}
