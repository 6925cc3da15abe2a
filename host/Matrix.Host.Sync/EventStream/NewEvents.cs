using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.StrippedRooms;
using Matrix.Host.Streams.Streams.Timelines;
using Matrix.Host.Users.AccountData;

namespace Matrix.Host.Sync.EventStream;

/// <summary>An event for the stream: one of a room that is stored here, or an invite to one that is not.</summary>
/// <param name="Position">Where it comes in the stream.</param>
/// <param name="Readable">What the user may read of its room; null for <paramref name="Stripped"/>.</param>
internal sealed record NewEvent(long Position, Readable? Readable, StoredEvent? Stored, StrippedMember? Stripped);

/// <summary>The events between two positions, in the order of the stream.</summary>
/// <param name="Through">The position up to which these are all.</param>
internal sealed record NewEventsPage(IReadOnlyList<NewEvent> Events, long Through);

/// <summary>Finds what happened in a user's rooms between two positions.</summary>
internal sealed class NewEvents(
    IMembershipsTable membershipsTable,
    StrippedRoomReader strippedRooms,
    RoomSnapshots rooms,
    RoomAccess access,
    EventStore events,
    EventPages pages,
    RoomPositions positions,
    IgnoredUsers ignored,
    InviteSetting permission,
    SyncOptions options,
    ReadingOptions reading)
{
    /// <summary>The most rooms whose memberships are read one by one.</summary>
    private const int MostSingleRooms = 16;

    /// <summary>The events after one position and up to another, at most as many as a timeline may have.</summary>
    public async ValueTask<NewEventsPage> BetweenAsync(
        string userId, UserStream? stream, SyncToken since, long upTo, CancellationToken stop)
    {
        var found = new List<NewEvent>();
        foreach (var row in await ChangedAsync(userId, stream, since, stop))
        {
            await AddAsync(found, userId, row, since.Position, upTo, stop);
            upTo = Bounded(found, upTo);
        }

        if (StrippedRoomReader.MayHave(stream, since.Position))
        {
            foreach (var room in await strippedRooms.OfUserAsync(
                userId, since.Position, upTo, stop))
            {
                if (room.Membership == Membership.Invite
                    && await IsHiddenAsync(userId, room.Sender, stop))
                {
                    continue;
                }

                found.Add(new NewEvent(room.Position, null, null, StrippedMember.Of(userId, room)));
            }
        }

        return Cut([.. found.OrderBy(static each => each.Position).ThenBy(static each => each.Stored?.Nid)], upTo);
    }

    /// <summary>Whether the user is not shown an invite: they block all, or ignore its sender.</summary>
    public async ValueTask<bool> IsHiddenAsync(string userId, string sender, CancellationToken stop) =>
        (await ignored.OfAsync(userId, stop)).Contains(sender)
        || await permission.BlocksAsync(userId, stop);

    /// <summary>The user's own member event, for a user who may read nothing else of the room.</summary>
    public static Readable OwnEvent(RoomSnapshot snapshot, string userId, EventNid member) => new(
        snapshot.Room,
        new Viewer(userId, snapshot.State, false, EventNid.None, EventNid.None),
        member,
        member,
        HasRelations: false);

    /// <summary>The rooms that may have changed for the user; all of them if memory does not reach back.</summary>
    private async ValueTask<IReadOnlyList<UserRoomRow>> ChangedAsync(
        string userId, UserStream? stream, SyncToken since, CancellationToken stop)
    {
        var news = new List<UpdatedRoom>();
        if (stream?.TryCollect(since.Position, long.MaxValue, news) != true)
        {
            return await membershipsTable.RoomsOfAsync(userId, MembershipSet.Any, stop);
        }

        if (news.Count > MostSingleRooms)
        {
            var nids = news.Select(static each => each.Room.RoomNid).ToHashSet();
            var all = await membershipsTable.RoomsOfAsync(userId, MembershipSet.Any, stop);
            return [.. all.Where(row => nids.Contains(row.Room))];
        }

        var changed = new List<UserRoomRow>(news.Count);
        foreach (var room in news.Select(static each => each.Room.RoomNid))
        {
            if (await membershipsTable.FindAsync(room, userId, stop) is { } row)
            {
                changed.Add(new UserRoomRow(room, "", row.Membership, row.Event, row.Position, row.Forgotten));
            }
        }

        return changed;
    }

    private async ValueTask AddAsync(
        List<NewEvent> found, string userId, UserRoomRow row, long since, long upTo, CancellationToken stop)
    {
        var isNew = row.Position > since;
        if (row.Membership != Membership.Join && !isNew) return;
        if (await rooms.FindAsync(row.Room, stop) is not { } snapshot) return;
        if (snapshot.Position <= since) return;

        // A membership that began after this response ends is news of the next one.
        var isYet = row.Position <= upTo;
        if (row.Membership is Membership.Invite or Membership.Knock)
        {
            if (isYet) await AddOwnAsync(found, snapshot, userId, row, stop);
            return;
        }

        var result = await access.OfAsync(userId, snapshot.Room.RoomId, stop);
        var after = (await positions.AtAsync(snapshot, since, stop)).LastNid;
        var last = (await positions.AtAsync(snapshot, upTo, stop)).LastNid;
        if (row.Membership != Membership.Join)
        {
            last = row.Event.IsLive ? new EventNid(Math.Min(last.Value, row.Event.Value)) : EventNid.None;
        }
        else if (isNew && row.Event.IsLive)
        {
            // What was before the join is history, not news.
            after = new EventNid(Math.Max(after.Value, row.Event.Value - 1));
        }

        if (!result.IsOk || last.IsNone)
        {
            if (isYet) await AddOwnAsync(found, snapshot, userId, row, stop);
            return;
        }

        await AddReadableAsync(found, result.Value, after, last, stop);
    }

    /// <summary>Adds the events of a room after one, through another, until a response is full.</summary>
    private async ValueTask AddReadableAsync(
        List<NewEvent> found, Readable readable, EventNid after, EventNid through, CancellationToken stop)
    {
        var last = new EventNid(Math.Min(through.Value, readable.Through.Value));
        var before = found.Count;
        while (after.Value < last.Value)
        {
            var page = await pages.ReadAsync(
                readable, after, last, Direction.Forward, options.MaxTimelineLimit, EventFilter.Everything, stop);
            found.AddRange(page.Events.Select(stored => new NewEvent(stored.Row.Position, readable, stored, null)));

            // A full response suffices, unless all of it is of one batch, which the stream does not divide.
            if (page.Next is not { } next) break;
            if (IsFull(found, before) && found[before].Position != found[^1].Position) break;

            after = next;
        }
    }

    /// <summary>Adds the user's own member event, unless it is an invite that they are not shown.</summary>
    private async ValueTask AddOwnAsync(
        List<NewEvent> found, RoomSnapshot snapshot, string userId, UserRoomRow row, CancellationToken stop)
    {
        if (await events.GetAsync(snapshot.Room, row.Event, stop) is not { } member) return;
        if (row.Membership == Membership.Invite
            && await IsHiddenAsync(userId, member.Row.Sender, stop))
        {
            return;
        }

        found.Add(new NewEvent(row.Position, OwnEvent(snapshot, userId, member.Nid), member, null));
    }

    private bool IsFull(List<NewEvent> found, int from) =>
        found.Count - from >= MostOf(found.Skip(from));

    /// <summary>How many of the first events fill a response; more than there are if they do not.</summary>
    private int MostOf(IEnumerable<NewEvent> events)
    {
        var (count, bytes) = (0, 0L);
        foreach (var each in events)
        {
            count++;
            bytes += each.Stored?.Row.Json.Length ?? each.Stripped?.Json.Length ?? 0;
            if (bytes >= reading.PageBytes || count == options.MaxTimelineLimit) return count;
        }

        return options.MaxTimelineLimit;
    }

    /// <summary>
    /// Drops what the response has no space for. Of further rooms only what comes before its end is read.
    /// </summary>
    /// <returns>The position up to which events are sought from now on.</returns>
    private long Bounded(List<NewEvent> found, long upTo)
    {
        var sorted = found.OrderBy(static each => each.Position).ToArray();
        var most = MostOf(sorted);
        if (found.Count <= most) return upTo;
        var last = sorted[most - 1].Position;
        found.RemoveAll(each => each.Position > last);
        return last;
    }

    /// <summary>As many events as a response has, up to the end of a position.</summary>
    private NewEventsPage Cut(NewEvent[] all, long upTo)
    {
        var most = MostOf(all);
        if (all.Length < most) return new NewEventsPage(all, upTo);
        var last = all[most - 1].Position;
        var first = all[0].Position;

        // The last position may go on beyond what was read of its room.
        var kept = first == last
            ? all.TakeWhile(each => each.Position == first)
            : all.TakeWhile(each => each.Position < last);
        NewEvent[] page = [.. kept];
        return new NewEventsPage(page, page[^1].Position);
    }
}
