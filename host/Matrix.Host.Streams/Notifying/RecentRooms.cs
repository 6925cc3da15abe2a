using System.Diagnostics.CodeAnalysis;
using Matrix.Host.Storage;

namespace Matrix.Host.Streams.Notifying;

/// <summary>A room's changes for one user.</summary>
/// <param name="MembershipSince">The latest position at which the membership may have begun.</param>
internal readonly record struct UpdatedRoom(
    RoomStream Room, ShownMembership Membership, long MembershipSince, RoomParts Parts);

/// <summary>The positions of a room's last receipt, of the user's own, and of the user's account data.</summary>
internal readonly record struct RoomLast(long Receipts, long OwnReceipts, long AccountData);

/// <summary>The parts of a room in a sync response.</summary>
[Flags]
internal enum RoomParts : byte
{
    None = 0,

    /// <summary>Timeline or state.</summary>
    Events = 1,

    /// <summary>Receipts of other users.</summary>
    Receipts = 2,

    /// <summary>Typing users.</summary>
    Typing = 4,

    /// <summary>The user's account data in the room.</summary>
    AccountData = 8,

    /// <summary>The user's own read position.</summary>
    OwnReceipts = 16,

    /// <summary>The user's membership.</summary>
    Membership = 32,
}

/// <summary>A user's rooms, the most recently touched first. Guarded by the lock of the user's stream.</summary>
internal sealed class RecentRooms
{
    private readonly Dictionary<RoomNid, RoomSubscription> _byRoom = [];
    private RoomSubscription? _newest;
    private RoomSubscription? _oldest;

    public int Count => _byRoom.Count;

    public bool TryGet(RoomNid room, [NotNullWhen(true)] out RoomSubscription? subscription) =>
        _byRoom.TryGetValue(room, out subscription);

    /// <summary>Adds a room. The caller then moves it to the front, or appends it.</summary>
    public void Add(RoomSubscription subscription) => _byRoom.Add(subscription.Room.RoomNid, subscription);

    /// <summary>Collects the rooms with changes after a token.</summary>
    public void Collect(long after, long ephemeralAfter, List<UpdatedRoom> rooms)
    {
        for (var room = _newest; room is not null; room = room.Older)
        {
            if (room.TouchedPosition <= after && room.TouchedEphemeral <= ephemeralAfter) break;
            var parts = PartsOf(room, after, ephemeralAfter);
            if (parts != RoomParts.None) rooms.Add(new(room.Room, room.Membership, room.MembershipSince, parts));
        }
    }

    /// <summary>Collects the rooms that the user is joined to.</summary>
    public void CollectJoined(List<RoomStream> rooms)
    {
        foreach (var subscription in _byRoom.Values)
        {
            if (subscription.Membership == ShownMembership.Joined) rooms.Add(subscription.Room);
        }
    }

    public void MoveToFront(RoomSubscription subscription)
    {
        if (_newest == subscription) return;
        if (subscription.Newer is not null || _oldest == subscription)
        {
            if (subscription.Newer is { } newer) newer.Older = subscription.Older;
            if (subscription.Older is { } older) older.Newer = subscription.Newer;
            if (_oldest == subscription) _oldest = subscription.Newer;
        }

        subscription.Newer = null;
        subscription.Older = _newest;
        if (_newest is { } was) was.Newer = subscription;
        _newest = subscription;
        _oldest ??= subscription;
    }

    public void Append(RoomSubscription subscription)
    {
        subscription.Newer = _oldest;
        if (_oldest is { } was) was.Older = subscription;
        _oldest = subscription;
        _newest ??= subscription;
    }

    /// <summary>Removes and returns all rooms.</summary>
    public RoomSubscription[] Clear()
    {
        RoomSubscription[] all = [.. _byRoom.Values];
        _byRoom.Clear();
        _newest = _oldest = null;
        return all;
    }

    private static RoomParts PartsOf(RoomSubscription subscription, long after, long ephemeralAfter)
    {
        var parts = RoomParts.None;
        if (subscription.MembershipSince > after) parts |= RoomParts.Membership;
        if (subscription.AccountData > after) parts |= RoomParts.AccountData;
        if (subscription.Membership != ShownMembership.Joined) return parts;
        if (subscription.Room.LastEvents > after) parts |= RoomParts.Events;
        if (subscription.Room.LastReceipts > after) parts |= RoomParts.Receipts;
        if (subscription.Room.LastTyping > ephemeralAfter) parts |= RoomParts.Typing;
        if (subscription.OwnReceipts > after) parts |= RoomParts.OwnReceipts;
        return parts;
    }
}
