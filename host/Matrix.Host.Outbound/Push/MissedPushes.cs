using System.Runtime.CompilerServices;
using Matrix.Core.Event;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Storage.Tables.Unread;

namespace Matrix.Host.Outbound.Push;

/// <summary>Reads from the database what <see cref="PushFeed"/> did not take from commits.</summary>
internal sealed class MissedPushes(
    IEventsTable eventsTable,
    StrippedRoomsTable strippedRoomsTable,
    ReceiptsTable receiptsTable,
    UnreadTable unreadTable,
    RoomSnapshots rooms,
    PusherIndex index,
    PushOptions options)
{
    /// <summary>The same for other users.</summary>
    internal MissedPushes Of(PusherIndex others) => new(
        eventsTable, strippedRoomsTable, receiptsTable, unreadTable, rooms, others, options);

    /// <summary>A page of events after one position and up to another, as if they were one flush.</summary>
    internal async ValueTask<PushFlush> ReadAsync(long after, long through, CancellationToken stop)
    {
        var (invites, within) = await InvitesAsync(after, through, stop);
        var (rows, end) = await PageAsync(after, within, stop);
        var events = new List<PushedEvent>();
        foreach (var group in rows.GroupBy(row => row.Nid.Room))
        {
            events.AddRange(await EventsAsync(group.Key, [.. group], stop));
        }

        events.Sort(static (a, b) => (a.Position, a.Nid.Value).CompareTo((b.Position, b.Nid.Value)));
        return new PushFlush(end, events, [], [], [], [.. invites.Where(invite => invite.Position <= end)]);
    }

    /// <summary>The users whose receipts moved after a position.</summary>
    internal async IAsyncEnumerable<string> ReadersAsync(
        long after, [EnumeratorCancellation] CancellationToken stop)
    {
        for (var (position, user) = (after + 1, ""); ;)
        {
            var moved = await receiptsTable.MovedFromAsync(position, user, options.EventsPerPage, stop);
            foreach (var receipt in moved) yield return receipt.UserId;
            if (moved.Count < options.EventsPerPage) break;
            (position, user) = moved[^1];
        }
    }

    /// <summary>Reads invites of other servers to users with pushers, and the position up to which it has all of them.
    /// </summary>
    private async ValueTask<(IReadOnlyList<PushedInvite> Found, long Through)> InvitesAsync(
        long after, long through, CancellationToken stop)
    {
        var limit = options.EventsPerPage;
        var rows = await strippedRoomsTable.ChangedAsync(after, through, limit, stop);
        while (rows.Count >= limit && rows[0].Room.Position == rows[^1].Room.Position)
        {
            limit *= 2;
            rows = await strippedRoomsTable.ChangedAsync(after, through, limit, stop);
        }

        // The last position may have more: it is read with the next page.
        if (rows.Count >= limit) through = rows[^1].Room.Position - 1;
        return (
            [
                .. rows.Where(row => row.Room.Position <= through
                        && row.Room.Membership == Membership.Invite
                        && index.Has(row.UserId))
                    .Select(static row => new PushedInvite(row.UserId, row.Room.RoomId, row.Room.Position)),
            ],
            through);
    }

    /// <summary>Reads whole batches of events, and the position up to which there are no others.</summary>
    private async ValueTask<(IReadOnlyList<EventRow> Rows, long Through)> PageAsync(
        long after, long through, CancellationToken stop)
    {
        for (var limit = options.EventsPerPage; ; limit *= 2)
        {
            var rows = await eventsTable.AfterPositionAsync(after, through, limit, stop);
            if (rows.Count < limit) return (rows, through);
            var last = rows[^1].Position;
            if (rows[0].Position == last) continue;
            EventRow[] whole = [.. rows.TakeWhile(row => row.Position < last)];
            return (whole, whole[^1].Position);
        }
    }

    /// <summary>Events of one room, with the outcomes that were stored for users with pushers.</summary>
    private async ValueTask<IReadOnlyList<PushedEvent>> EventsAsync(
        RoomNid nid, IReadOnlyList<EventRow> rows, CancellationToken stop)
    {
        if (await rooms.FindAsync(nid, stop) is not { } room) return [];
        EventRow[] shown = [.. rows.Where(row => (row.Marks & StoredEvent.Hidden) == 0)];
        if (shown.Length == 0) return [];
        var users = index.Among(room.Local.Joined).ToHashSet(StringComparer.Ordinal);
        foreach (var row in shown)
        {
            // An invite notifies its target, who is not a member.
            if ((row.Marks & EventMarks.State) != 0
                && new StoredEvent(room.Room, row).Pdu is { Type: EventTypes.Member, StateKey: { } target }
                && index.Has(target))
            {
                users.Add(target);
            }
        }

        var outcomes = new Dictionary<EventNid, List<(string, UnreadKind)>>();
        var first = new EventNid(shown.Min(row => row.Nid.Value) - 1);
        foreach (var userId in users)
        {
            var own = await unreadTable.RowsAsync(userId, nid, first, EventNid.None, stop);
            foreach (var outcome in own)
            {
                if (!outcomes.TryGetValue(outcome.Event, out var of)) outcomes.Add(outcome.Event, of = []);
                of.Add((userId, outcome.Kind));
            }
        }

        return [.. shown.Select(row => PushFeed.EventOf(row, outcomes.GetValueOrDefault(row.Nid)))];
    }
}
