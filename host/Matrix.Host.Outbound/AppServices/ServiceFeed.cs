using Matrix.Core.Event;
using Matrix.Host.Rooms.Changes;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Users.AppServices;

namespace Matrix.Host.Outbound.AppServices;

/// <summary>An event for a service.</summary>
/// <param name="Index">The number of events at the position that come before it, wanted or not.</param>
/// <param name="Event">The event; null for one of a room that a user knows by stripped state.</param>
/// <param name="Stripped">That room.</param>
internal readonly record struct FeedItem(long Position, int Index, StoredEvent? Event, StrippedRoomRow? Stripped);

/// <summary>
/// Reads the events that a service wants from storage, in commit order, from any position on. Not thread-safe.
/// </summary>
internal sealed class ServiceFeed(
    StrippedRoomsTable strippedRoomsTable, IStorageWriter writer, SharedPages pages, ServiceRooms rooms)
{
    private const int MostStripped = 10_000;

    private readonly Queue<FeedItem> _items = new();
    private long _readThrough;
    private int _skip;

    /// <summary>
    /// Up to here the service has got everything: a position, and the number of events of the next one.
    /// </summary>
    internal (long Position, int Skipped) Place => _items.TryPeek(out var next)
        ? (next.Position - 1, next.Index)
        : (_readThrough, 0);

    /// <summary>Begins to read after a place.</summary>
    internal void Start(long position, int skipped)
    {
        _items.Clear();
        (_readThrough, _skip) = (position, skipped);
    }

    /// <summary>The next event; false if the pages that were read have no more.</summary>
    internal bool TryPeek(out FeedItem item) => _items.TryPeek(out item);

    /// <summary>Takes the next event.</summary>
    internal void Take() => _items.Dequeue();

    /// <summary>Reads a page; false if there is nothing new.</summary>
    internal async ValueTask<bool> ReadAsync(AppService service, long aliasVersion, CancellationToken stop)
    {
        if (_readThrough >= writer.PublishedPosition) return false;
        var page = await pages.AfterAsync(_readThrough, stop);
        var (stripped, through) = await StrippedAsync(page.Through, stop);
        var batches = BatchesOf(page, through).ToLookup(static batch => batch.Position);
        var positions = batches.Select(static each => each.Key)
            .Concat(stripped.Select(static each => each.Room.Position))
            .Distinct()
            .Order();
        foreach (var position in positions)
        {
            var index = 0;
            foreach (var batch in batches[position])
            {
                var all = await rooms.WantsAsync(service, batch, aliasVersion, stop);
                foreach (var each in batch.Events)
                {
                    if (each.IsShown && (all || Concerns(service, each))) Add(position, index, each, null);
                    index++;
                }
            }

            foreach (var (userId, room) in stripped.Where(each => each.Room.Position == position))
            {
                if (!room.Event.IsEmpty
                    && service.HasUser(userId)
                    && !await ComesInRoomAsync(room, stop))
                {
                    Add(position, index, null, room);
                }

                index++;
            }

            _skip = 0;
        }

        _readThrough = through;
        return true;
    }

    /// <summary>Whether an invite of another server comes as an event of a room that is here, too.</summary>
    private async ValueTask<bool> ComesInRoomAsync(StrippedRoomRow room, CancellationToken stop) =>
        room.Membership == Membership.Invite && await rooms.IsHereAsync(room.RoomId, stop);

    private void Add(long position, int index, StoredEvent? each, StrippedRoomRow? stripped)
    {
        // Of the first position some events may have been sent before.
        if (index >= _skip) _items.Enqueue(new FeedItem(position, index, each, stripped));
    }

    private async ValueTask<(IReadOnlyList<(string UserId, StrippedRoomRow Room)> Rows, long Through)> StrippedAsync(
        long through, CancellationToken stop)
    {
        var rows = await strippedRoomsTable.ChangedAsync(_readThrough, through, MostStripped, stop);
        if (rows.Count < MostStripped || rows[^1].Room.Position == rows[0].Room.Position) return (rows, through);

        // The last position may have more: it is read with the next page.
        var whole = rows[^1].Room.Position - 1;
        return ([.. rows.Where(row => row.Room.Position <= whole)], whole);
    }

    private static IEnumerable<ServiceBatch> BatchesOf(RoomChanges page, long through)
    {
        EventsAppended? appended = null;
        var position = 0L;
        var memberships = new List<MembershipChanged>();
        foreach (var (at, change) in page.Changes)
        {
            if (at > through) break;
            if (change is EventsAppended next)
            {
                if (appended is not null) yield return Batch();
                (appended, position, memberships) = (next, at, []);
            }
            else if (change is MembershipChanged { IsLocal: true } changed)
            {
                memberships.Add(changed);
            }
        }

        if (appended is not null) yield return Batch();

        ServiceBatch Batch() => new(appended.Room, position, appended.Events, memberships);
    }

    /// <summary>Whether the event is of a user of the service, or about one, wherever it is.</summary>
    private static bool Concerns(AppService service, StoredEvent each) =>
        service.HasUser(each.Row.Sender)
        || ((each.Row.Marks & EventMarks.State) != 0
            && each.Pdu.Type == EventTypes.Member
            && each.Pdu.StateKey is { } userId
            && service.HasUser(userId));
}
