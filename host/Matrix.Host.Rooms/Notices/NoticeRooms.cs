using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.ServerNotices;

namespace Matrix.Host.Rooms.Notices;

/// <summary>
/// The rooms of server notices, one for each user. A room is made with its mark and its tag in one transaction, so that
/// a user never gets a second one.
/// </summary>
internal sealed class NoticeRooms(
    RoomCreator creator,
    RoomMemberships memberships,
    RoomSnapshots rooms,
    StateReader state,
    NoticeTag tag,
    IMembershipsTable membershipsTable,
    ServerNoticesTable serverNoticesTable,
    RoomsOptions options)
{
    /// <summary>Members may read, and change nothing.</summary>
    private const long MemberLevel = -10;

    /// <summary>The user who sends notices.</summary>
    internal string NoticesUser => $"@{options.Notices.Localpart}:{options.ServerName}";

    /// <summary>The user's room, to which they are invited or joined, and the user who sends there.</summary>
    internal async ValueTask<RoomResult<(RoomSnapshot Room, string Sender)>> OfAsync(
        string userId, CancellationToken stop)
    {
        if (await serverNoticesTable.FindAsync(userId, stop) is not { } nid)
        {
            var made = await CreateAsync(userId, stop);
            if (!made.IsOk) return made.Failure;
            return await rooms.FindAsync(made.Value, stop) is { } created
                ? (created, NoticesUser)
                : RoomFailure.Unknown;
        }

        if (await rooms.FindAsync(nid, stop) is not { } snapshot) return RoomFailure.Unknown;

        // The name of the configuration may have changed since.
        var create = await state.EventAsync(snapshot, EventTypes.Create, "", stop);
        var from = create?.Row.Sender ?? NoticesUser;
        var member = await membershipsTable.FindAsync(nid, userId, stop);
        if (member?.Membership is not (Membership.Join or Membership.Invite)
            && await memberships.InviteAsync(
                from, snapshot.Room.RoomId, userId, null, stop) is { } failure)
        {
            return failure;
        }

        await tag.PutAgainAsync(userId, nid, stop);
        return (snapshot, from);
    }

    private ValueTask<RoomResult<string>> CreateAsync(string userId, CancellationToken stop) => creator.CreateAsync(
        new RoomRequest
        {
            Creator = NoticesUser,
            Preset = Preset.PrivateChat,
            Name = options.Notices.RoomName,
            Invites = [userId],
            CreationContent = JsonObject.OfSeq([("m.federate", Json.Of(false))]),
            PowerLevelOverride = JsonObject.OfSeq([("users_default", Json.Of(MemberLevel))]),
            Requires = room => new NoticeRoomMade(userId, room),
            Writes = room => NoticeTag.Put(userId, room, JsonObject.Empty),
        },
        stop);
}
