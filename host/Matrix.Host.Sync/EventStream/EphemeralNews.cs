using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Presence;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.Presence;
using Matrix.Host.Streams.Streams.Typing;
using Matrix.Host.Sync.V3;
using Matrix.Host.Users.AccountData;
using Matrix.Host.Users.Presence;

namespace Matrix.Host.Sync.EventStream;

/// <summary>What is not stored as events, for the event stream: typing users, receipts and presence.</summary>
internal sealed class EphemeralNews(
    IMembershipsTable membershipsTable,
    ReceiptsTable receiptsTable,
    Notifier notifier,
    RoomSnapshots rooms,
    ITypingBoard typing,
    EphemeralReader receipts,
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
                found.Add(TypingOf(snapshot.Room.RoomId, typing.In(room).Where(user => !hidden.Contains(user))));
            }

            if ((parts & RoomParts.Receipts) == 0) continue;
            var read = await ReceiptsAsync(room, since.Position, through.Position, stop);
            if (receipts.Shown(read, userId, hidden) is { Count: > 0 } shown)
            {
                found.Add(ReceiptsOf(snapshot.Room.RoomId, shown));
            }
        }

        if (!board.IsOn || through.Ephemeral <= after) return found;
        var changed = await presence.ChangedAsync(stream, userId, after, through.Ephemeral, stop);
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

    private async ValueTask<List<ReceiptMark>> ReceiptsAsync(
        RoomNid room, long after, long upTo, CancellationToken stop)
    {
        var read = new List<ReceiptMark>();
        if (notifier.Room(room) is { } stream && stream.TryReceipts(after, upTo, read)) return read;
        foreach (var row in await receiptsTable.OfRoomAsync(room, after, upTo, stop))
        {
            read.Add(new ReceiptMark(row.Position, row.UserId, row.Type, row.ThreadId, row.EventId, row.Timestamp));
        }

        return read;
    }

    private List<Json> PresenceOf(IEnumerable<string> users, IReadOnlySet<string> hidden)
    {
        var events = new List<Json>();
        foreach (var userId in users)
        {
            if (events.Count == options.MaxShown) break;
            if (hidden.Contains(userId) || board.Find(userId) is not { } seen) continue;
            var content = new List<(string, Json)>
            {
                ("presence", Json.Of(PresenceStates.Name(seen.State))),
            };
            if (seen.LastActiveAgo is { } ago) content.Add(("last_active_ago", Json.Of(ago)));
            if (seen.StatusMessage is { } message) content.Add(("status_msg", Json.Of(message)));
            events.Add(ObjectOf(
                ("content", ObjectOf([.. content])),
                ("sender", Json.Of(userId)),
                ("type", Json.Of(EventTypes.Presence))));
        }

        return events;
    }

    private static Json TypingOf(string roomId, IEnumerable<string> users) => ObjectOf(
        ("content", ObjectOf(("user_ids", Json.Of([.. users.Select(Json.Of)])))),
        ("room_id", Json.Of(roomId)),
        ("type", Json.Of(EventTypes.Typing)));

    private static Json ReceiptsOf(string roomId, IReadOnlyList<ReceiptMark> shown) => ObjectOf(
        (
            "content",
            ObjectOf([.. shown.GroupBy(static each => each.EventId).Select(static ofEvent => (
                ofEvent.Key,
                ObjectOf([.. ofEvent.GroupBy(static each => each.Type).Select(static ofType => (
                    ofType.Key,
                    ObjectOf([.. ofType.Select(static each => (
                        each.UserId, ObjectOf(("ts", Json.Of(each.Timestamp)))))])))])))])),
        ("room_id", Json.Of(roomId)),
        ("type", Json.Of(EventTypes.Receipt)));

    private static Json ObjectOf(params (string Name, Json Value)[] members) =>
        Json.Of(JsonObject.OfSeq(members));
}
