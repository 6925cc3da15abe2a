namespace Matrix.Host.Storage.Tables.Memberships;

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
