using Matrix.Core.Json;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Sync.V3;
using Matrix.Host.Users.PushRules;

namespace Matrix.Host.Sync.EventStream;

/// <summary>Reads rooms as they are now.</summary>
internal sealed class InitialSyncReader(
    IStorage storage,
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
    public async ValueTask<RoomResult<SyncAnswer>> OfRoomAsync(
        UserDevice reader, string roomId, long? limit, CancellationToken stop)
    {
        var now = Now();
        var found = await access.OfAsync(reader.UserId, roomId, stop).ConfigureAwait(false);
        if (!found.IsOk) return found.Failure;
        var member = await storage.Memberships.FindAsync(
            found.Value.Room.Nid, reader.UserId, stop).ConfigureAwait(false);
        var output = new ByteBuffer(64 * 1024);
        try
        {
            await info.WriteAsync(output, found.Value, member?.Membership, reader, LimitOf(limit), now, stop)
                .ConfigureAwait(false);
            return new SyncAnswer(output);
        }
        catch
        {
            ((IDisposable)output).Dispose();
            throw;
        }
    }

    public async ValueTask<SyncAnswer> OfUserAsync(
        UserDevice reader, long? limit, bool archived, CancellationToken stop)
    {
        var now = Now();
        var output = new ByteBuffer(64 * 1024);
        try
        {
            output.Raw("{\"account_data\":["u8);
            await AccountDataAsync(output, reader.UserId, now.Position, stop).ConfigureAwait(false);
            output.Raw("],\"end\":"u8);
            CanonicalJson.writeString(output, now.ToString());

            output.Raw(",\"presence\":"u8);
            var present = await presence.OfAsync(reader.UserId, stop).ConfigureAwait(false);
            CanonicalJson.write(output, Json.NewArray([.. present]));
            output.Raw(",\"rooms\":["u8);
            await RoomsAsync(output, reader, LimitOf(limit), archived, now, stop).ConfigureAwait(false);
            output.Raw("]}"u8);
            return new SyncAnswer(output);
        }
        catch
        {
            ((IDisposable)output).Dispose();
            throw;
        }
    }

    private SyncToken Now() => new(notifier.Applied, notifier.Epoch, notifier.Ephemeral);

    private int LimitOf(long? limit) => (int)Math.Min(limit ?? options.DefaultTimelineLimit, options.MaxTimelineLimit);

    private async ValueTask AccountDataAsync(ByteBuffer output, string userId, long upTo, CancellationToken stop)
    {
        var rows = await storage.AccountData.OfUserAsync(userId, 0, upTo, stop).ConfigureAwait(false);
        var own = rows.Where(static row => row.Room is null && row.Type != UserPushRules.Type)
            .Select(static row => (row.Type, row.Content));
        var rules = rows.FirstOrDefault(static row => row.Room is null && row.Type == UserPushRules.Type);
        var content = rules is null
            ? UserPushRules.DefaultContent(userId)
            : UserPushRules.ContentOf(userId, rules.Content);
        ReadOnlyMemory<byte> written = CanonicalJson.bytes(Json.NewObject(content));
        RoomInfo.WriteAccountData(output, own.Append((UserPushRules.Type, written)));
    }

    private async ValueTask RoomsAsync(
        ByteBuffer output, UserDevice reader, int limit, bool archived, SyncToken now, CancellationToken stop)
    {
        var userId = reader.UserId;
        var shown = MembershipSet.Join | MembershipSet.Invite;
        if (archived) shown |= MembershipSet.Leave | MembershipSet.Ban;
        var stripped = await storage.StrippedRooms.OfUserAsync(userId, 0, now.Position, stop).ConfigureAwait(false);
        var open = stripped.Where(static room => room.Membership == Membership.Invite).ToArray();
        var isFirst = true;
        foreach (var row in await storage.Memberships.RoomsOfAsync(userId, shown, stop).ConfigureAwait(false))
        {
            if (row.Forgotten || open.Any(room => room.RoomId == row.RoomId)) continue;
            if (await rooms.FindAsync(row.Room, stop).ConfigureAwait(false) is not { } snapshot) continue;
            using var one = new ByteBuffer(16 * 1024);
            if (row.Membership == Membership.Invite)
            {
                await InviteAsync(one, snapshot, reader, row, stop).ConfigureAwait(false);
            }
            else if (await access.OfAsync(userId, row.RoomId, stop).ConfigureAwait(false) is { IsOk: true } found)
            {
                await info.WriteAsync(one, found.Value, row.Membership, reader, limit, now, stop)
                    .ConfigureAwait(false);
            }

            Add(one);
        }

        foreach (var room in open)
        {
            using var one = new ByteBuffer(4096);
            if (!await news.IsHiddenAsync(userId, room.Sender, stop).ConfigureAwait(false)) WriteInvite(one, room);
            Add(one);
        }

        void Add(ByteBuffer one)
        {
            if (one.Length == 0) return;
            if (!isFirst) output.Byte((byte)',');
            isFirst = false;
            output.Raw(one.Written);
        }
    }

    private async ValueTask InviteAsync(
        ByteBuffer output, RoomSnapshot snapshot, UserDevice reader, UserRoomRow row, CancellationToken stop)
    {
        if (await events.GetAsync(snapshot.Room, row.Event, stop).ConfigureAwait(false) is not { } invite) return;
        if (await news.IsHiddenAsync(reader.UserId, invite.Row.Sender, stop).ConfigureAwait(false)) return;
        var own = NewEvents.OwnEvent(snapshot, reader.UserId, invite.Nid);
        output.Raw("{\"invite\":"u8);
        await pages.WriteOneAsync(output, own, invite, reader, stop).ConfigureAwait(false);
        EndInvite(output, row.RoomId);
    }

    private static void WriteInvite(ByteBuffer output, StrippedRoomRow room)
    {
        output.Raw("{\"invite\":"u8);
        NewEvents.WriteStripped(output, room);
        EndInvite(output, room.RoomId);
    }

    private static void EndInvite(ByteBuffer output, string roomId)
    {
        output.Raw(",\"membership\":\"invite\",\"room_id\":"u8);
        CanonicalJson.writeString(output, roomId);
        output.Byte((byte)'}');
    }
}
