using Matrix.Core.Json;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.Presence;
using Matrix.Host.Streams.Streams.Receipts;
using Matrix.Host.Streams.Streams.Typing;
using Matrix.Host.Users.AccountData;
using Matrix.Host.Users.Presence;

namespace Matrix.Host.Sync.EventStream;

/// <summary>What is not stored as events, for the event stream: typing users, receipts and presence.</summary>
internal sealed class EphemeralNews(
    IMembershipsTable membershipsTable,
    Notifier notifier,
    RoomSnapshots rooms,
    ITypingBoard typing,
    ReceiptReader receipts,
    PresenceStream presence,
    PresenceBoard board,
    IgnoredUsers ignored,
    PresenceOptions options) : IPresentUsers
{
    public async ValueTask<IReadOnlyList<Json>> OfAsync(string userId, CancellationToken stop)
    {
        if (!board.IsOn) return [];
        var stream = await notifier.ActivateAsync(userId, stop);
        var present = await presence.PresentAsync(stream, userId, stop);
        var hidden = await ignored.OfAsync(userId, stop);
        return PresenceOf(present.Append(userId).Distinct(), hidden);
    }

    /// <summary>The news between two tokens, as events.</summary>
    public async ValueTask<IReadOnlyList<Json>> BetweenAsync(
        string userId, UserStream? stream, SyncToken since, SyncToken through, CancellationToken stop)
    {
        var found = new List<Json>();
        var hidden = await ignored.OfAsync(userId, stop);
        var after = since.EphemeralIn(notifier.Epoch);
        foreach (var (room, parts) in await RoomsAsync(userId, stream, since.Position, after, stop))
        {
            if (await rooms.FindAsync(room, stop) is not { } snapshot
                || !snapshot.Local.IsJoined(userId))
            {
                continue;
            }

            if ((parts & RoomParts.Typing) != 0)
            {
                found.Add(TypingFormat.EventOf(snapshot.Room.RoomId, typing.Shown(room, hidden)));
            }

            if ((parts & RoomParts.Receipts) == 0) continue;
            var read = await receipts.OfRoomAsync(room, since.ReceiptsUpTo, through.Position, stop);
            if (receipts.VisibleTo(read, userId, hidden) is { Count: > 0 } shown)
            {
                found.Add(ReceiptFormat.EventOf(snapshot.Room.RoomId, shown, withThreads: false));
            }
        }

        if (!board.IsOn || through.Ephemeral <= after) return found;
        var changed = await presence.ChangedAsync(stream, userId, since, through.Ephemeral, stop);
        found.AddRange(PresenceOf(changed, hidden));
        return found;
    }

    /// <summary>The rooms that may have news. If memory does not reach back, all of them may.</summary>
    private async ValueTask<IEnumerable<(RoomNid Room, RoomParts Parts)>> RoomsAsync(
        string userId, UserStream? stream, long position, long ephemeral, CancellationToken stop)
    {
        var news = new List<UpdatedRoom>();
        if (stream?.TryCollect(position, ephemeral, news) == true)
        {
            return news.Select(static each => (each.Room.RoomNid, each.Parts));
        }

        var joined = await membershipsTable.RoomsOfAsync(userId, MembershipSet.Join, stop);
        return joined.Select(row => (
            row.Room, RoomParts.Receipts | (typing.In(row.Room).Count > 0 ? RoomParts.Typing : RoomParts.None)));
    }

    private List<Json> PresenceOf(IEnumerable<string> users, IReadOnlySet<string> hidden)
    {
        var events = new List<Json>();
        foreach (var userId in users)
        {
            if (events.Count == options.MaxShown) break;
            if (hidden.Contains(userId) || board.Find(userId) is not { } seen) continue;
            events.Add(PresenceFormat.EventOf(seen, withActivity: false));
        }

        return events;
    }
}
