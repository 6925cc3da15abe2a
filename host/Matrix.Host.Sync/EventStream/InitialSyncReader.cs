using Matrix.Core.Json;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.AccountData;
using Matrix.Host.Streams.Streams.StrippedRooms;
using Matrix.Host.Users.PushRules;

namespace Matrix.Host.Sync.EventStream;

/// <summary>Reads rooms as they are now.</summary>
internal sealed class InitialSyncReader(
    IMembershipsTable membershipsTable,
    StrippedRoomReader strippedRooms,
    AccountDataReader accountData,
    Notifier notifier,
    RoomSnapshots rooms,
    RoomAccess access,
    EventStore events,
    EventPages pages,
    RoomInfo info,
    NewEvents news,
    IPresentUsers presence,
    SyncOptions options) : IInitialSync
{
    public async ValueTask<RoomFailure?> OfRoomAsync(
        UserDevice reader, string roomId, long? limit, ResponseWriter response, CancellationToken stop)
    {
        var now = notifier.Now;
        var found = await access.OfAsync(reader.UserId, roomId, stop);
        if (!found.IsOk) return found.Failure;
        var member = await membershipsTable.FindAsync(found.Value.Room.Nid, reader.UserId, stop);
        await info.WriteAsync(response, found.Value, member?.Membership, reader, LimitOf(limit), now, stop);
        return null;
    }

    public async ValueTask OfUserAsync(
        UserDevice reader, long? limit, bool archived, ResponseWriter response, CancellationToken stop)
    {
        var now = notifier.Now;
        response.Buffer.Raw("{\"account_data\":["u8);
        await AccountDataAsync(response, reader.UserId, now.Position, stop);
        response.Buffer.Raw("],\"end\":"u8);
        CanonicalJson.WriteString(response.Buffer, now.ToString());

        response.Buffer.Raw(",\"presence\":"u8);
        var present = await presence.OfAsync(reader.UserId, stop);
        CanonicalJson.Write(response.Buffer, Json.Of([.. present]));
        response.Buffer.Raw(",\"rooms\":["u8);
        await RoomsAsync(response, reader, LimitOf(limit), archived, now, stop);
        response.Buffer.Raw("]}"u8);
    }

    private int LimitOf(long? limit) => (int)Math.Min(limit ?? options.DefaultTimelineLimit, options.MaxTimelineLimit);

    private async ValueTask AccountDataAsync(
        ResponseWriter response, string userId, long upTo, CancellationToken stop)
    {
        var rows = await accountData.OfUserAsync(userId, 0, upTo, stop);
        var own = rows.Where(static row => row.Room is null && !AccountDataFormat.IsPushRules(row)).ToArray();
        await info.WriteAccountDataAsync(response, userId, own, stop);
        var rules = rows.FirstOrDefault(AccountDataFormat.IsPushRules);
        var content = rules is null
            ? UserPushRules.DefaultContent(userId)
            : UserPushRules.ContentOf(userId, await accountData.ContentAsync(userId, rules, stop));
        if (own.Length > 0) response.Buffer.Byte((byte)',');
        AccountDataFormat.Write(response.Buffer, UserPushRules.Type, CanonicalJson.Bytes(Json.Of(content)));
    }

    private async ValueTask RoomsAsync(
        ResponseWriter response, UserDevice reader, int limit, bool archived, SyncToken now, CancellationToken stop)
    {
        var userId = reader.UserId;
        var shown = MembershipSet.Join | MembershipSet.Invite;
        if (archived) shown |= MembershipSet.Leave | MembershipSet.Ban;
        var stripped = await strippedRooms.OfUserAsync(userId, 0, now.Position, stop);
        var open = stripped.Where(static room => room.Membership == Membership.Invite).ToArray();
        var output = response.Buffer;
        var isFirst = true;
        foreach (var row in await membershipsTable.RoomsOfAsync(userId, shown, stop))
        {
            if (row.Forgotten || open.Any(room => room.RoomId == row.RoomId)) continue;
            if (await rooms.FindAsync(row.Room, stop) is not { } snapshot) continue;
            if (row.Membership == Membership.Invite)
            {
                if (await InviteAsync(snapshot, reader, row, stop) is not { } invite) continue;
                Separate();
                output.Raw("{\"invite\":"u8);
                var own = NewEvents.OwnEvent(snapshot, reader.UserId, invite.Nid);
                await pages.WriteOneAsync(output, own, invite, reader, stop);
                EndInvite(output, row.RoomId);
            }
            else if (await access.OfAsync(userId, row.RoomId, stop) is { IsOk: true } found)
            {
                Separate();
                await info.WriteAsync(response, found.Value, row.Membership, reader, limit, now, stop);
            }

            await response.StepAsync(stop);
        }

        foreach (var room in open)
        {
            if (await news.IsHiddenAsync(userId, room.Sender, stop)) continue;
            Separate();
            WriteInvite(output, userId, room);
            await response.StepAsync(stop);
        }

        void Separate()
        {
            if (!isFirst) output.Byte((byte)',');
            isFirst = false;
        }
    }

    /// <summary>The invite to a room; null if it is not shown.</summary>
    private async ValueTask<StoredEvent?> InviteAsync(
        RoomSnapshot snapshot, UserDevice reader, UserRoomRow row, CancellationToken stop) =>
        await events.GetAsync(snapshot.Room, row.Event, stop) is { } invite
            && !await news.IsHiddenAsync(reader.UserId, invite.Row.Sender, stop)
            ? invite
            : null;

    private static void WriteInvite(ByteBuffer output, string userId, StrippedRoomRow room)
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
