using Matrix.Core.Json;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.EventStream;

/// <summary>Reads rooms as they are now.</summary>
internal sealed class InitialSyncReader(
    IMembershipsTable membershipsTable,
    AccountDataWriter accountData,
    Notifier notifier,
    RoomSnapshots rooms,
    RoomAccess access,
    RoomInfo info,
    InitialInvites invites,
    IPresentUsers presence) : IInitialSync
{
    public async ValueTask<RoomFailure?> OfRoomAsync(
        UserDevice reader, string roomId, long? limit, ResponseWriter response, CancellationToken stop)
    {
        var now = notifier.Now;
        var found = await access.OfAsync(reader.UserId, roomId, stop);
        if (!found.IsOk) return found.Failure;
        var member = await membershipsTable.FindAsync(found.Value.Room.Nid, reader.UserId, stop);
        await info.WriteAsync(response, found.Value, member?.Membership, reader, limit, now, stop);
        return null;
    }

    public async ValueTask OfUserAsync(
        UserDevice reader, long? limit, bool archived, ResponseWriter response, CancellationToken stop)
    {
        var now = notifier.Now;
        response.Buffer.Raw("{\"account_data\":["u8);
        await accountData.WriteGlobalAsync(response, reader.UserId, now.Position, stop);
        response.Buffer.Raw("],\"end\":"u8);
        CanonicalJson.WriteString(response.Buffer, now.ToString());

        response.Buffer.Raw(",\"presence\":"u8);
        var present = await presence.OfAsync(reader.UserId, stop);
        CanonicalJson.Write(response.Buffer, Json.Of([.. present]));
        response.Buffer.Raw(",\"rooms\":["u8);
        await RoomsAsync(response, reader, limit, archived, now, stop);
        response.Buffer.Raw("]}"u8);
    }

    private async ValueTask RoomsAsync(
        ResponseWriter response, UserDevice reader, long? limit, bool archived, SyncToken now, CancellationToken stop)
    {
        var userId = reader.UserId;
        var shown = MembershipSet.Join | MembershipSet.Invite;
        if (archived) shown |= MembershipSet.Leave | MembershipSet.Ban;
        var open = await invites.StrippedAsync(userId, now.Position, stop);
        var output = response.Buffer;
        var isFirst = true;
        foreach (var row in await membershipsTable.RoomsOfAsync(userId, shown, stop))
        {
            if (row.Forgotten || open.Any(room => room.RoomId == row.RoomId)) continue;
            if (await rooms.FindAsync(row.Room, stop) is not { } snapshot) continue;
            if (row.Membership == Membership.Invite)
            {
                if (await invites.FindAsync(snapshot, reader, row, stop) is not { } invite) continue;
                Separate();
                await invites.WriteAsync(output, snapshot, invite, reader, stop);
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
            if (await invites.IsHiddenAsync(userId, room, stop)) continue;
            Separate();
            InitialInvites.Write(output, userId, room);
            await response.StepAsync(stop);
        }

        void Separate()
        {
            if (!isFirst) output.Byte((byte)',');
            isFirst = false;
        }
    }
}
