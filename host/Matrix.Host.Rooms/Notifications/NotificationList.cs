using System.Globalization;
using Matrix.Core.Push;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Imports;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Notifications;

/// <summary>An event that notified a user.</summary>
/// <param name="Rule">The rule that matched.</param>
/// <param name="IsRead">Whether a receipt or a later message of the user's says so.</param>
public sealed record Notification(StoredEvent Event, PushRule Rule, bool IsRead);

/// <summary>A page of notifications.</summary>
/// <param name="Next">Where the next page begins; null if there is none.</param>
public sealed record NotificationPage(IReadOnlyList<Notification> Notifications, string? Next);

/// <summary>
/// The events that notified a user, or would have, the latest first: the user's push rules are evaluated anew for the
/// events of the rooms that they are joined or invited to. v1.19 client-server-api#listing-notifications
/// </summary>
public sealed class NotificationList(
    IEventsTable eventsTable,
    IMembershipsTable membershipsTable,
    IStorageWriter writer,
    RoomSnapshots rooms,
    EventStore events,
    MembershipHistory history,
    Visibility visibility,
    NotifiedEvents notified, ILocalUsers users, ImportedPositions imported, ReadingOptions options)
{
    /// <summary>Reads a page; null if the token is not one of this list.</summary>
    /// <param name="from">The token of the page before; null for the first page.</param>
    /// <param name="onlyHighlights">Whether only events that highlight are returned.</param>
    public async ValueTask<NotificationPage?> PageAsync(
        string userId, string? from, int limit, bool onlyHighlights, CancellationToken stop)
    {
        var at = (Position: writer.PublishedPosition, Nid: long.MaxValue);
        if (from is not null && !TryParse(from, out at)) return null;
        var page = new Page(userId, await RoomsAsync(userId, stop))
        {
            Ignored = await users.IgnoredByAsync(userId, stop),
        };
        var commits = await eventsTable
            .CommitsBackAsync(at.Position, options.MaxNotificationBatches, stop);
        foreach (var commit in commits) page.Begins(commit.First);
        foreach (var commit in commits)
        {
            if (!page.Rooms.TryGetValue(commit.First.Room, out var member)) continue;
            foreach (var stored in await EventsAsync(page, commit, member, stop))
            {
                if (stored.Row.Position == at.Position && stored.Nid.Value >= at.Nid) continue;
                if (await NotificationAsync(page, stored, stop) is not { } found) continue;
                if (onlyHighlights && !found.Outcome.Highlights) continue;
                page.Found.Add(new Notification(stored, found.Outcome.Rule!, found.IsRead));
                if (page.Found.Count == limit) return new NotificationPage(page.Found, Token(stored));
            }
        }

        return new NotificationPage(
            page.Found,
            commits.Count < options.MaxNotificationBatches
                ? null
                : string.Create(CultureInfo.InvariantCulture, $"{commits[^1].Position}_{commits[^1].First.Value}"));
    }

    private async ValueTask<Dictionary<RoomNid, UserRoomRow>> RoomsAsync(string userId, CancellationToken stop) =>
        (await membershipsTable.RoomsOfAsync(userId, MembershipSet.Join | MembershipSet.Invite, stop))
            .ToDictionary(room => room.Room);

    /// <summary>The shown events of a batch, the latest first; of a room that the user is invited to, the
    /// invite.</summary>
    private async ValueTask<IReadOnlyList<StoredEvent>> EventsAsync(
        Page page, CommitRow commit, UserRoomRow member, CancellationToken stop)
    {
        if (await page.SnapshotAsync(rooms, commit.First.Room, stop) is not { } room) return [];
        if (member.Membership == Membership.Invite)
        {
            if (member.Event.Value < commit.First.Value || member.Event.Value >= commit.First.Value + commit.Ordinals)
            {
                return [];
            }

            var invite = await events.GetAsync(room.Room, member.Event, stop);
            return invite is { IsShown: true } ? [invite] : [];
        }

        var read = await events.RangeAsync(
            room.Room,
            new EventNid(commit.First.Value - 1),
            new EventNid(commit.First.Value + commit.Ordinals - 1),
            Direction.Forward,
            (int)Math.Min(commit.Ordinals, int.MaxValue),
            stop);
        return [.. read.Where(stored => stored.Row.Position == commit.Position).Reverse()];
    }

    private async ValueTask<(PushOutcome Outcome, bool IsRead)?> NotificationAsync(
        Page page, StoredEvent stored, CancellationToken stop)
    {
        if (stored.Row.Sender == page.UserId || stored.IsRedacted || page.Ignored.Contains(stored.Row.Sender))
        {
            return null;
        }

        var room = (await page.SnapshotAsync(rooms, stored.Nid.Room, stop))!;
        var outcome = await notified.OutcomeAsync(room, stored, page.UserId, stop);
        if (!outcome.Notifies || outcome.Rule is null) return null;
        var member = page.Rooms[stored.Nid.Room];
        if (member.Membership == Membership.Join)
        {
            var joined = await page.JoinedAsync(history, room, member, stop);
            if (stored.Nid.Value <= joined.Value) return null;
            var seen = await visibility.FilterAsync(room.Room, [stored], Viewer.Member(page.UserId, room.State), stop);
            if (seen.Count == 0) return null;
        }

        var read = await page.ReadAsync(notified, stored.Nid.Room, stop);
        return (outcome, NotifiedEvents.IsRead(stored, read));
    }

    private static string Token(StoredEvent stored) =>
        string.Create(CultureInfo.InvariantCulture, $"{stored.Row.Position}_{stored.Nid.Value}");

    /// <summary>
    /// Reads a token of this list, or one of an imported server: the position of the last event of its page.
    /// </summary>
    private bool TryParse(string token, out (long Position, long Nid) at)
    {
        at = default;
        if (long.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out var last))
        {
            at = (last - 1, long.MaxValue);
            return imported.Has(last);
        }

        var parts = token.Split('_');
        return parts.Length == 2
            && long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out at.Position)
            && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out at.Nid);
    }

    /// <summary>A page that is being made, with what was read of the user's rooms.</summary>
    private sealed class Page(string userId, Dictionary<RoomNid, UserRoomRow> memberOf)
    {
        private readonly Dictionary<RoomNid, RoomSnapshot?> _snapshots = [];
        private readonly Dictionary<RoomNid, EventNid> _joined = [];
        private readonly Dictionary<RoomNid, ReadPositions> _read = [];
        private readonly Dictionary<RoomNid, EventNid> _first = [];

        public string UserId => userId;

        public Dictionary<RoomNid, UserRoomRow> Rooms => memberOf;

        public required IReadOnlySet<string> Ignored { get; init; }

        public List<Notification> Found { get; } = [];

        /// <summary>The page may have this event of its room, and later ones.</summary>
        public void Begins(EventNid at)
        {
            if (!_first.TryGetValue(at.Room, out var first) || at.Value < first.Value) _first[at.Room] = at;
        }

        public async ValueTask<RoomSnapshot?> SnapshotAsync(RoomSnapshots all, RoomNid nid, CancellationToken stop)
        {
            if (!_snapshots.TryGetValue(nid, out var known))
            {
                _snapshots[nid] = known = await all.FindAsync(nid, stop);
            }

            return known;
        }

        public async ValueTask<EventNid> JoinedAsync(
            MembershipHistory history, RoomSnapshot room, UserRoomRow member, CancellationToken stop)
        {
            if (!_joined.TryGetValue(room.Room.Nid, out var known))
            {
                _joined[room.Room.Nid] = known = await history.JoinedAtAsync(room.Room, member.Event, stop);
            }

            return known;
        }

        public async ValueTask<ReadPositions> ReadAsync(NotifiedEvents notified, RoomNid nid, CancellationToken stop)
        {
            if (!_read.TryGetValue(nid, out var known))
            {
                _read[nid] = known = await notified.ReadAsync(nid, userId, _first[nid], stop);
            }

            return known;
        }
    }
}
