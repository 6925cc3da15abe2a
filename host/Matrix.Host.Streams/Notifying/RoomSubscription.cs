namespace Matrix.Host.Streams.Notifying;

/// <summary>A user's membership as far as sync shows it.</summary>
public enum ShownMembership : byte
{
    /// <summary>Joined: the user gets the room's events.</summary>
    Joined,

    /// <summary>Invited: the user gets only the invitation.</summary>
    Invited,

    /// <summary>The user left or was kicked or banned, or the invite ended. They get the departure once.</summary>
    Left,
}

/// <summary>
/// A room of a user, linked into two lists: the user's rooms by recency, and the room's active members. Its fields are
/// guarded by the lock of <see cref="Stream"/>, its index among the members by that of <see cref="Room"/>.
/// </summary>
internal sealed class RoomSubscription(UserStream stream, RoomStream room)
{
    /// <summary>The user's stream.</summary>
    public readonly UserStream Stream = stream;

    /// <summary>The part that all members of the room share.</summary>
    public readonly RoomStream Room = room;

    /// <summary>The next more recently touched room.</summary>
    public RoomSubscription? Newer;

    /// <summary>The next less recently touched room.</summary>
    public RoomSubscription? Older;

    /// <summary>
    /// The durable position at the last touch. It never grows from newer to older, nor does
    /// <see cref="TouchedEphemeral"/>.
    /// </summary>
    public long TouchedPosition;

    /// <summary>The ephemeral counter at the last touch.</summary>
    public long TouchedEphemeral;

    /// <summary>The last change of the user's account data in the room.</summary>
    public long AccountData;

    /// <summary>The last change of the user's own read position, which changes the unread counts.</summary>
    public long OwnReceipts;

    /// <summary>The position at which <see cref="Membership"/> began.</summary>
    public long MembershipSince;

    public ShownMembership Membership;

    /// <summary>The index among the room's members, or -1.</summary>
    public int MemberIndex = -1;
}
