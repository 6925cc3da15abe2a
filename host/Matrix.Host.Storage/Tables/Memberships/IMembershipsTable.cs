using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Memberships;

/// <summary>
/// Memberships by the rooms' current state. Queries by user return local users' rows; queries by room return all.
/// </summary>
public interface IMembershipsTable
{
    /// <summary>A local user's rooms with one of these memberships, forgotten ones included and marked.</summary>
    ValueTask<IReadOnlyList<UserRoomRow>> RoomsOfAsync(
        string userId, MembershipSet memberships, CancellationToken stop);

    /// <summary>The user's membership of the room; null if the room's state has none.</summary>
    ValueTask<MemberRow?> FindAsync(RoomNid room, string userId, CancellationToken stop);

    /// <summary>The memberships of these users; users without one are left out.</summary>
    ValueTask<IReadOnlyList<MemberRow>> FindManyAsync(
        RoomNid room, IReadOnlyCollection<string> userIds, CancellationToken stop);

    /// <summary>
    /// Members by user id, a page at a time: those after <paramref name="afterUser"/> (empty for the first page).
    /// </summary>
    ValueTask<IReadOnlyList<MemberRow>> MembersAsync(
        RoomNid room, MembershipSet memberships, string afterUser, int limit, CancellationToken stop);

    /// <summary>Local members with one of these memberships. The cost does not depend on remote members.</summary>
    ValueTask<IReadOnlyList<MemberRow>> LocalMembersAsync(
        RoomNid room, MembershipSet memberships, CancellationToken stop);

    /// <summary>The joined local users of these rooms, in one query.</summary>
    ValueTask<IReadOnlyList<(RoomNid Room, string UserId)>> JoinedLocalMembersAsync(
        IReadOnlyCollection<RoomNid> rooms, CancellationToken stop);

    /// <summary>The other servers with joined members, those with the most members first.</summary>
    ValueTask<IReadOnlyList<string>> RemoteServersAsync(RoomNid room, int limit, CancellationToken stop);

    /// <summary>Whether a user of another server is joined.</summary>
    ValueTask<bool> IsJoinedAsync(RoomNid room, string serverName, CancellationToken stop);

    /// <summary>Whether a user of another server is invited.</summary>
    ValueTask<bool> IsInvitedAsync(RoomNid room, string serverName, CancellationToken stop);

    /// <summary>The other servers with joined members, and the number of those members.</summary>
    ValueTask<IReadOnlyDictionary<string, int>> RemoteMembersAsync(RoomNid room, CancellationToken stop);

    /// <summary>
    /// The number of users with each membership. Reads all of them; requests use the counts in the room's header.
    /// </summary>
    ValueTask<MembershipCounts> CountAsync(RoomNid room, CancellationToken stop);

    /// <summary>Whether some room has both users as joined members. At least one of them must be local.</summary>
    ValueTask<bool> ShareRoomAsync(string localUser, string otherUser, CancellationToken stop);

    /// <summary>Rooms in which both users are joined, by their numbers: those after one.</summary>
    ValueTask<IReadOnlyList<MutualRoomRow>> MutualRoomsAsync(
        string localUser, string otherUser, RoomNid after, int limit, CancellationToken stop);

    /// <summary>The number of these rooms.</summary>
    ValueTask<int> MutualRoomCountAsync(string localUser, string otherUser, CancellationToken stop);

    /// <summary>Other local users who share a joined room with the user, who may be a user of another server.</summary>
    ValueTask<IReadOnlyList<string>> LocalUsersSharingWithAsync(string userId, CancellationToken stop);

    /// <summary>
    /// The rooms of other servers' users in which a local user is joined too. Reads all local members of these rooms.
    /// </summary>
    ValueTask<IReadOnlyList<SharedRoomRow>> SharedRoomsAsync(
        IReadOnlyCollection<string> remoteUsers, CancellationToken stop);

    /// <summary>
    /// The other servers with users who share a joined room with the local user, and the number of these rooms. Reads
    /// all members of the user's rooms.
    /// </summary>
    ValueTask<IReadOnlyDictionary<string, int>> ServersSharingWithAsync(string localUser, CancellationToken stop);

    /// <summary>
    /// The other servers with users in a room that the local user joined before a position, and is still joined to.
    /// </summary>
    ValueTask<IReadOnlySet<string>> ServersSharingBeforeAsync(
        string localUser, long position, CancellationToken stop);

    /// <summary>The candidates who share a joined room with the local user.</summary>
    ValueTask<IReadOnlySet<string>> SharingAmongAsync(
        string localUser, IReadOnlyCollection<string> candidates, CancellationToken stop);

    /// <summary>
    /// The rooms in which the local user and each of the candidates were joined at a position, or may have been: one of
    /// the two memberships changed after it.
    /// </summary>
    ValueTask<IReadOnlyList<FormerlySharedRow>> SharedAtAsync(
        string localUser, IReadOnlyCollection<string> candidates, long position, CancellationToken stop);

    /// <summary>
    /// Members by user id, a page at a time: those who are joined, and those whose membership changed after a position.
    /// </summary>
    ValueTask<IReadOnlyList<MemberRow>> JoinedOrChangedAsync(
        RoomNid room, long position, string afterUser, int limit, CancellationToken stop);
}

/// <summary>A membership. v1.19 client-server-api#room-membership</summary>
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
/// <param name="Event">The member event of the current state.</param>
/// <param name="Position">The position at which the membership began.</param>
/// <param name="Forgotten">The user left and forgot the room.</param>
public sealed record MemberRow(
    string UserId, Membership Membership, EventNid Event, long Position, bool Forgotten = false);

/// <summary>A room of a user.</summary>
/// <param name="Event">The member event of the current state.</param>
/// <param name="Position">The position at which the membership began.</param>
/// <param name="Forgotten">The user left and forgot the room.</param>
public sealed record UserRoomRow(
    RoomNid Room, string RoomId, Membership Membership, EventNid Event, long Position, bool Forgotten);

/// <summary>A room that another server's user shares with local users.</summary>
/// <param name="Since">The position since when both this user and one of the present local members are joined.</param>
public readonly record struct SharedRoomRow(string UserId, RoomNid Room, long Since);

/// <summary>A room that a user shared with a local user at a position, or may have.</summary>
/// <param name="IsSure">Whether both are joined without a break since then.</param>
public readonly record struct FormerlySharedRow(string UserId, RoomNid Room, bool IsSure);

/// <summary>A room in which two users are joined.</summary>
public readonly record struct MutualRoomRow(RoomNid Room, string RoomId);

/// <summary>The number of users with each membership.</summary>
public readonly record struct MembershipCounts(int Joined, int Invited, int Knocking, int Left, int Banned);

/// <summary>A user's membership changed in the current state.</summary>
/// <param name="Before">The membership before; null if there was none.</param>
/// <param name="After">The membership now; null if there is none.</param>
/// <param name="Event">The member event.</param>
/// <param name="IsLocal">Whether the user is a user of this server.</param>
public sealed record MembershipChanged(
    RoomNid Room, string UserId, Membership? Before, Membership? After, EventNid Event, bool IsLocal) : Change;

/// <summary>A user forgets a room. Not applied unless they have left or are banned.</summary>
public sealed record RoomForgotten(RoomNid Room, string UserId) : ConditionalChange;
