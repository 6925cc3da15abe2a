namespace Matrix.Host.Streams.Notifying;

/// <summary>How a user stands to a room, as far as sync shows it.</summary>
public enum ShownMembership : byte
{
    /// <summary>Joined: the room's events reach the user.</summary>
    Joined,

    /// <summary>Invited: only the invitation does.</summary>
    Invited,

    /// <summary>Left, kicked, banned, or the invitation is gone: the departure does, once.</summary>
    Left,
}

/// <summary>
/// A room in a user's list: a link of two lists at once, the user's rooms by recency and the room's active members.
/// Its fields belong to the lock of <see cref="Stream"/>, its place among the members to that of <see cref="Room"/>.
/// </summary>
internal sealed class RoomSubscription(UserStream stream, RoomStream room)
{
    /// <summary>Whose list it is in.</summary>
    public readonly UserStream Stream = stream;

    /// <summary>What all its members share.</summary>
    public readonly RoomStream Room = room;

    /// <summary>Towards the most recently touched.</summary>
    public RoomSubscription? Newer;

    /// <summary>Towards the least recently touched.</summary>
    public RoomSubscription? Older;

    /// <summary>The durable position at the last touch. It never grows from newer to older, nor does <see cref="TouchedEphemeral"/>.</summary>
    public long TouchedPosition;

    /// <summary>The ephemeral counter at the last touch.</summary>
    public long TouchedEphemeral;

    /// <summary>The last change of the user's account data in the room.</summary>
    public long AccountData;

    /// <summary>The last change of the user's own read position there, which changes the unread counts.</summary>
    public long OwnReceipts;

    /// <summary>When <see cref="Membership"/> became what it is.</summary>
    public long MembershipSince;

    /// <summary>How the user stands to the room.</summary>
    public ShownMembership Membership;

    /// <summary>The place among the room's members, or -1.</summary>
    public int MemberIndex = -1;
}
