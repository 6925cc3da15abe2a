using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Storage.Tables.Unread;

namespace Matrix.Host.Outbound.Push;

/// <summary>An event that may have to be pushed.</summary>
/// <param name="IsMessage">Whether it has no state key: then its sender has read the room up to it.</param>
/// <param name="NotifiesMost">Whether it notifies users with default rules.</param>
/// <param name="Rows">The outcomes of users with pushers where they differ.</param>
internal sealed record PushedEvent(
    EventNid Nid, long Position, string Sender, bool IsMessage, bool NotifiesMost,
    IReadOnlyList<(string UserId, UnreadKind Kind)> Rows);

/// <summary>An invite of another server to a user with pushers, as it was stored.</summary>
internal readonly record struct PushedInvite(string UserId, string RoomId, long Position);

/// <summary>What a flush of the writer brings for pushers.</summary>
/// <param name="Through">The greatest position.</param>
/// <param name="Events">The events, in the order of their positions.</param>
/// <param name="Read">The users with pushers whose counts may have changed otherwise, by receipts, and the
/// rooms.</param>
/// <param name="Set">The pushers that were set: one by mail asks its address.</param>
/// <param name="Recounted">The rooms in which events were redacted or purged.</param>
/// <param name="Invites">The users with pushers whom other servers invited.</param>
internal sealed record PushFlush(
    long Through,
    IReadOnlyList<PushedEvent> Events,
    IReadOnlyList<(string UserId, RoomNid Room)> Read,
    IReadOnlyList<PusherName> Set,
    IReadOnlyList<RoomNid> Recounted,
    IReadOnlyList<PushedInvite> Invites)
{
    /// <summary>The number of changes, which its memory grows with.</summary>
    internal int Size { get; } =
        Events.Sum(static pushed => 1 + pushed.Rows.Count) + Read.Count + Set.Count + Recounted.Count + Invites.Count;

    internal bool IsEmpty => Size == 0;
}
