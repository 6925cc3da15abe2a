using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Sending;

/// <summary>Whether this server authorises a join.</summary>
/// <param name="User">The authorising user; null if the join needs none, and if it is refused.</param>
/// <param name="Refusal">Why it is not authorised; null if it is, or if it needs no authorising user.</param>
internal readonly record struct JoinAuthority(string? User, RoomFailure? Refusal);

/// <summary>
/// Authorises joins of restricted rooms: checks their conditions, and names a local member who may invite.
/// v1.19 client-server-api#restricted-rooms, v1.19 server-server-api#restricted-rooms
/// </summary>
internal sealed class RestrictedJoins(RoomSnapshots rooms, LaneState state, IMembershipsTable membershipsTable)
{
    /// <summary>The member of a join's content with its authorising user.</summary>
    internal const string AuthorisingUser = "join_authorised_via_users_server";

    /// <summary>The most rooms of a join rule that are checked.</summary>
    private const int MaxRooms = 50;

    private static JoinAuthority NotNeeded => default;

    private static RoomFailure MeetsNone { get; } = new(
        RoomFailureKind.Forbidden, "The user is in none of the rooms whose members may join.");

    private static RoomFailure CannotCheck { get; } = new(
        RoomFailureKind.UnableToAuthoriseJoin, "This server does not know the members of the rooms that may join.");

    private static RoomFailure CannotGrant { get; } = new(
        RoomFailureKind.UnableToGrantJoin, "This server has no user in the room with the power to invite.");

    /// <summary>The content of a join with an authorising user, or without one.</summary>
    internal static JsonObject WithAuthorisingUser(JsonObject content, string? authorisingUser)
    {
        if (authorisingUser is not null) return content.With(AuthorisingUser, Json.Of(authorisingUser));
        return content.Has(AuthorisingUser)
            ? JsonObject.OfSeq(content.Members.Where(static member => member.Item1 != AuthorisingUser))
            : content;
    }

    /// <summary>
    /// Finds the authorising user of a join. Joined and invited users need none; the rules decide about banned users,
    /// and in rooms that are not restricted.
    /// </summary>
    internal async ValueTask<JoinAuthority> AuthoriseAsync(
        LaneSession session, string userId, CancellationToken stop)
    {
        var member = await state.EventAsync(session, EventTypes.Member, userId, stop);
        var now = member is null ? null : LaneState.MembershipOf(member.Pdu);
        if (now is Membership.Join or Membership.Invite or Membership.Ban) return NotNeeded;

        var joinRules = await state.EventAsync(session, EventTypes.JoinRules, "", stop);
        if (joinRules is null || session.Pending.Room.Rules.JoinsThrough(joinRules.Auth) is not { } allowed)
        {
            return NotNeeded;
        }

        if (await MeetsNoneAsync(allowed, userId, stop) is { } refusal) return new(null, refusal);
        var levels = await state.SnapshotAsync(session, LaneState.Levels, stop);
        foreach (var local in session.Pending.Local.Joined)
        {
            if (session.Pending.Room.Rules.MayAuthorise(levels, local)) return new(local, null);
        }

        return new(null, CannotGrant);
    }

    /// <summary>
    /// Why this server does not sign a join that names one of its users as the authorising user; null if it does. The
    /// conditions are checked again.
    /// </summary>
    internal async ValueTask<RoomFailure?> RefusesAsync(
        LaneSession session, string userId, string authorisingUser, CancellationToken stop)
    {
        var authority = await AuthoriseAsync(session, userId, stop);
        if (authority.Refusal is { } refusal) return refusal;
        if (!session.Pending.Local.IsJoined(authorisingUser)) return CannotGrant;
        var levels = await state.SnapshotAsync(session, LaneState.Levels, stop);
        return session.Pending.Room.Rules.MayAuthorise(levels, authorisingUser) ? null : CannotGrant;
    }

    /// <summary>
    /// Why a user meets no condition; null if they meet one. A condition about a room without local users cannot be
    /// checked here, but another server may be able to.
    /// </summary>
    private async ValueTask<RoomFailure?> MeetsNoneAsync(
        IReadOnlyList<string> allowed, string userId, CancellationToken stop)
    {
        var unknown = false;
        var distinct = allowed.Distinct().ToArray();
        foreach (var roomId in distinct.Take(MaxRooms))
        {
            if (await rooms.FindAsync(roomId, stop) is not { IsResident: true } snapshot)
            {
                unknown = true;
                continue;
            }

            if (snapshot.Local.IsJoined(userId)) return null;
            var member = await membershipsTable.FindAsync(snapshot.Room.Nid, userId, stop);
            if (member?.Membership == Membership.Join) return null;
        }

        return unknown || distinct.Length > MaxRooms ? CannotCheck : MeetsNone;
    }
}
