using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Memberships;

/// <summary>
/// Who is what in which room, by the rooms' current state. Questions by user answer for local users; questions by room for all.
/// </summary>
public interface IMembershipsTable
{
    /// <summary>A local user's rooms with one of these memberships, forgotten ones included (they say so).</summary>
    ValueTask<IReadOnlyList<UserRoomRow>> RoomsOfAsync(string userId, MembershipSet memberships, CancellationToken stop);

    /// <summary>What the user is in the room; null if the room's state does not mention them.</summary>
    ValueTask<MemberRow?> FindAsync(RoomNid room, string userId, CancellationToken stop);

    /// <summary>What these users are in the room; users it does not mention are left out.</summary>
    ValueTask<IReadOnlyList<MemberRow>> FindManyAsync(RoomNid room, IReadOnlyCollection<string> userIds, CancellationToken stop);

    /// <summary>Members by user id, a page at a time: those after <paramref name="afterUser"/> (empty for the first page).</summary>
    ValueTask<IReadOnlyList<MemberRow>> MembersAsync(
        RoomNid room, MembershipSet memberships, string afterUser, int limit, CancellationToken stop);

    /// <summary>Local members with one of these memberships. Costs the local members, however many remote ones there are.</summary>
    ValueTask<IReadOnlyList<MemberRow>> LocalMembersAsync(RoomNid room, MembershipSet memberships, CancellationToken stop);

    /// <summary>How many users have each membership. Reads all of them: the room's header has the counts that requests need.</summary>
    ValueTask<MembershipCounts> CountAsync(RoomNid room, CancellationToken stop);

    /// <summary>Whether both, at least one of them local, are joined to one room.</summary>
    ValueTask<bool> ShareRoomAsync(string localUser, string otherUser, CancellationToken stop);

    /// <summary>Local users, the asker not among them, who are joined to a room that the local user is joined to.</summary>
    ValueTask<IReadOnlyList<string>> LocalUsersSharingWithAsync(string localUser, CancellationToken stop);

    /// <summary>Which of the candidates are joined to a room that the local user is joined to.</summary>
    ValueTask<IReadOnlySet<string>> SharingAmongAsync(
        string localUser, IReadOnlyCollection<string> candidates, CancellationToken stop);
}

/// <summary>A membership. Client-Server API, "Room membership".</summary>
public enum Membership
{
    /// <summary>Joined.</summary>
    Join = 1,

    /// <summary>Invited.</summary>
    Invite = 2,

    /// <summary>Knocking.</summary>
    Knock = 3,

    /// <summary>Left or kicked, or declined.</summary>
    Leave = 4,

    /// <summary>Banned.</summary>
    Ban = 5,
}

/// <summary>A set of memberships.</summary>
[Flags]
public enum MembershipSet
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Joined.</summary>
    Join = 1 << Membership.Join,

    /// <summary>Invited.</summary>
    Invite = 1 << Membership.Invite,

    /// <summary>Knocking.</summary>
    Knock = 1 << Membership.Knock,

    /// <summary>Left.</summary>
    Leave = 1 << Membership.Leave,

    /// <summary>Banned.</summary>
    Ban = 1 << Membership.Ban,

    /// <summary>All.</summary>
    Any = Join | Invite | Knock | Leave | Ban,
}

/// <summary>A member of a room.</summary>
/// <param name="UserId">Who.</param>
/// <param name="Membership">What they are.</param>
/// <param name="Event">The member event that says so.</param>
/// <param name="Position">The position at which it became so.</param>
/// <param name="Forgotten">The user left and forgot the room.</param>
public sealed record MemberRow(string UserId, Membership Membership, EventNid Event, long Position, bool Forgotten = false);

/// <summary>A room of a user.</summary>
/// <param name="Room">The room's number.</param>
/// <param name="RoomId">Its id.</param>
/// <param name="Membership">What the user is there.</param>
/// <param name="Event">The member event that says so.</param>
/// <param name="Position">The position at which it became so.</param>
/// <param name="Forgotten">The user left and forgot it.</param>
public sealed record UserRoomRow(
    RoomNid Room, string RoomId, Membership Membership, EventNid Event, long Position, bool Forgotten);

/// <summary>How many users have each membership.</summary>
public readonly record struct MembershipCounts(int Joined, int Invited, int Knocking, int Left, int Banned);

/// <summary>What a user is in a room has changed, by the current state.</summary>
/// <param name="Room">The room.</param>
/// <param name="UserId">The user.</param>
/// <param name="Before">What they were; null if the state did not mention them.</param>
/// <param name="After">What they are; null if the state no longer mentions them.</param>
/// <param name="Event">The event that says so.</param>
/// <param name="IsLocal">Whether they are a user of this server.</param>
public sealed record MembershipChanged(
    RoomNid Room, string UserId, Membership? Before, Membership? After, EventNid Event, bool IsLocal) : Change;

/// <summary>A user forgets a room. Not applied unless they have left it or are banned.</summary>
public sealed record RoomForgotten(RoomNid Room, string UserId) : ConditionalChange;
