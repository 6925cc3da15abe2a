using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Rooms.Aliases;
using Matrix.Host.Rooms.Joining;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.BlockedRooms;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Administration;

/// <summary>What administrators do to rooms.</summary>
public sealed class RoomAdministration(
    RoomSnapshots rooms,
    StateReader state,
    RoomSender sender,
    RoomMemberships memberships,
    RoomJoins joins,
    AliasResolver aliases,
    ILocalUsers users,
    BlockedRoomsTable blockedRoomsTable,
    IStorageWriter writer,
    RoomsOptions options)
{
    /// <summary>The usual level of a room's administrators.</summary>
    private const long AdminLevel = 100;

    /// <summary>The greatest number that JSON of rooms can have. Creators may have more power than that.</summary>
    private const long GreatestLevel = (1L << 53) - 1;

    private static readonly RoomFailure _unknown = new(RoomFailureKind.NotFound, "This server has no such room.");

    private static readonly RoomFailure _nobody = new(
        RoomFailureKind.BadState, "No local user of the room may change its power levels.");

    /// <summary>The id of a room that an administrator names by its id or an alias.</summary>
    public async ValueTask<RoomResult<string>> ResolveAsync(
        string adminId, string roomIdOrAlias, CancellationToken stop)
    {
        if (!roomIdOrAlias.StartsWith('#')) return roomIdOrAlias;
        var found = await aliases.FindAsync(adminId, roomIdOrAlias, stop);
        return found.IsOk ? found.Value.RoomId : found.Failure;
    }

    /// <summary>The block of a room; null if it is not blocked.</summary>
    public ValueTask<BlockedRoomRow?> FindBlockAsync(string roomId, CancellationToken stop) =>
        blockedRoomsTable.FindAsync(roomId, stop);

    /// <summary>
    /// Blocks a room, or ends its block. Local users cannot join a blocked room, or be invited to it; members stay.
    /// </summary>
    /// <param name="record">The record of the act, written with it.</param>
    public async ValueTask BlockAsync(
        string adminId, string roomId, bool isBlocked, ConditionalChange record, CancellationToken stop)
    {
        Change change = isBlocked ? new RoomBlocked(roomId, adminId) : new RoomUnblocked(roomId);
        var batch = new WriteBatch(Authority.Nobody, 2).Require(record).Add(change);
        await writer.WriteAsync(batch, stop);
    }

    /// <summary>
    /// Joins a local user to a room, as if they had asked for it. If the room needs an invite, an administrator who is
    /// in the room invites them first.
    /// </summary>
    /// <returns>The room's id.</returns>
    public async ValueTask<RoomResult<string>> JoinAsync(
        string adminId, string userId, string roomIdOrAlias, IReadOnlyList<string> via, CancellationToken stop)
    {
        if (await LocalAsync(userId, stop) is { } noUser) return noUser;
        var resolved = await ResolveAsync(adminId, roomIdOrAlias, stop);
        if (!resolved.IsOk) return resolved.Failure;
        if (await rooms.FindAsync(resolved.Value, stop) is { } snapshot
            && !snapshot.Local.IsJoined(userId)
            && snapshot.Local.IsJoined(adminId)
            && !await IsPublicAsync(snapshot, stop)
            && await memberships.InviteAsync(adminId, resolved.Value, userId, null, stop)
                is { } refused)
        {
            return refused;
        }

        return await joins.JoinAsync(new JoinRequest(userId, adminId, roomIdOrAlias, via, null, null), stop);
    }

    /// <summary>
    /// Gives a local user as much power in a room as its most powerful local member has, in that member's name, and
    /// invites them if they are not in the room and could not join it otherwise.
    /// </summary>
    public async ValueTask<RoomFailure?> MakeAdminAsync(string roomId, string userId, CancellationToken stop)
    {
        if (await LocalAsync(userId, stop) is { } noUser) return noUser;
        if (await rooms.FindAsync(roomId, stop) is not { } snapshot) return _unknown;
        if (await StrongestAsync(snapshot, stop) is not var (strongest, power)) return _nobody;

        var before = await state.EventAsync(snapshot, EventTypes.PowerLevels, "", stop);
        var level = power > GreatestLevel ? Math.Max(AdminLevel, NeededFor(before)) : power;
        var draft = Draft.State(
            EventTypes.PowerLevels, "", strongest, WithUser(before?.Pdu.Content, strongest, userId, level));
        if (userId != strongest)
        {
            var sent = await sender.SendStateAsync(roomId, draft, null, stop);
            if (!sent.IsOk) return sent.Failure;
        }

        return snapshot.Local.IsJoined(userId) || await IsPublicAsync(snapshot, stop)
            ? null
            : await memberships.InviteAsync(strongest, roomId, userId, null, stop);
    }

    /// <summary>The local member with the most power; null if none has enough to change the power levels.</summary>
    private async ValueTask<(string UserId, long Power)?> StrongestAsync(RoomSnapshot room, CancellationToken stop)
    {
        var create = await state.EventAsync(room, EventTypes.Create, "", stop);
        var levels = await state.EventAsync(room, EventTypes.PowerLevels, "", stop);
        if (create is null) return null;
        var known = levels is null ? [create.Auth] : new[] { create.Auth, levels.Auth };
        var best = room.Local.Joined
            .Select(user => (UserId: user, Power: room.Room.Rules.PowerOf(known, user)))
            .OrderByDescending(each => each.Power)
            .ThenBy(each => each.UserId, StringComparer.Ordinal)
            .FirstOrDefault();
        return best.UserId is not null && best.Power >= NeededFor(levels) ? best : null;
    }

    /// <summary>The power that changing the levels needs. Without the event, none.</summary>
    private static long NeededFor(StoredEvent? levels) =>
        levels?.Auth.Levels.Required(EventTypes.PowerLevels, isState: true) ?? 0;

    private static JsonObject WithUser(JsonObject? levels, string strongest, string userId, long level)
    {
        // Without the event, only the creator has power: they keep it.
        var before = levels ?? Members.Of(
            ("users", Json.Of(Members.Of((strongest, Json.Of(AdminLevel))))));
        var users = (before.Child("users") ?? JsonObject.Empty).With(userId, Json.Of(level));
        return before.With("users", Json.Of(users));
    }

    private async ValueTask<bool> IsPublicAsync(RoomSnapshot room, CancellationToken stop) =>
        (await state.ContentAsync(room, EventTypes.JoinRules, "", stop))?.Text("join_rule")
            == "public";

    private async ValueTask<RoomFailure?> LocalAsync(string userId, CancellationToken stop) =>
        RoomNames.ServerOf(userId) != options.ServerName
            ? new RoomFailure(RoomFailureKind.InvalidParam, "Only users of this server can be administered here.")
            : await users.UnknownAsync(userId, stop);
}
