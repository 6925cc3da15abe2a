namespace Matrix.Host.Streams.Notifying;

/// <summary>How a user stands to a room, as far as sync shows it.</summary>
public enum Standing : byte
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
/// Its fields belong to the lock of <see cref="Feed"/>, its place among the members to that of <see cref="Room"/>.
/// </summary>
internal sealed class RoomMark(UserFeed feed, RoomFeed room)
{
    /// <summary>Whose list it is in.</summary>
    public readonly UserFeed Feed = feed;

    /// <summary>What all its members share.</summary>
    public readonly RoomFeed Room = room;

    /// <summary>Towards the most recently touched.</summary>
    public RoomMark? Newer;

    /// <summary>Towards the least recently touched.</summary>
    public RoomMark? Older;

    /// <summary>The durable position at the last touch. It never grows from newer to older, nor does <see cref="TouchedEphemeral"/>.</summary>
    public long TouchedPosition;

    /// <summary>The ephemeral counter at the last touch.</summary>
    public long TouchedEphemeral;

    /// <summary>The last change of the user's account data in the room.</summary>
    public long AccountData;

    /// <summary>The last change of the user's own read position there, which changes the unread counts.</summary>
    public long OwnReceipts;

    /// <summary>When <see cref="Standing"/> became what it is.</summary>
    public long StandingSince;

    /// <summary>How the user stands to the room.</summary>
    public Standing Standing;

    /// <summary>The place among the room's members, or -1.</summary>
    public int MemberIndex = -1;
}
