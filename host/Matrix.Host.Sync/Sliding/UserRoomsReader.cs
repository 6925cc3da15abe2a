using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.Memberships;
using Matrix.Host.Streams.Streams.StrippedRooms;
using Matrix.Host.Users.AccountData;

namespace Matrix.Host.Sync.Sliding;

/// <summary>
/// Keeps the rooms of a user current: from the notifier, which costs what changed, or else from the database.
/// </summary>
internal sealed class UserRoomsReader(
    RoomsTable roomsTable,
    IMembershipsTable membershipsTable,
    StrippedRoomReader strippedRooms,
    IAccountDataTable accountDataTable,
    RoomSnapshots snapshots,
    EventStore events,
    FilteredRoomReader filteredRooms,
    MembershipReader memberships,
    IgnoredUsers ignored,
    InviteSetting permission)
{
    /// <summary>Applies all changes up to a position.</summary>
    public async ValueTask UpdateAsync(UserRooms rooms, UserStream? stream, long through, CancellationToken stop)
    {
        var changed = new List<UpdatedRoom>();
        if (rooms.IsStale
            || stream is null
            || !stream.TryCollect(rooms.Through, long.MaxValue, changed))
        {
            try
            {
                await FillAsync(rooms, through, stop);
            }
            catch
            {
                // A request that ended meanwhile must not leave a part of the rooms.
                rooms.IsStale = true;
                throw;
            }

            return;
        }

        var after = rooms.Through;
        if (stream.LastAccountData > after)
        {
            // Deleted data is among these, without a content.
            var data = await accountDataTable.OfUserAsync(rooms.UserId, after, through, stop);
            await DirectAsync(rooms, data, through, stop);
            await InvitesAsync(rooms, stop);
            await DataAsync(rooms, data, stop);
        }

        while (rooms.TakeForgotten() is { } forgotten)
        {
            try
            {
                await ForgetAsync(rooms, forgotten, stop);
            }
            catch
            {
                // Otherwise it would stay in lists.
                rooms.Forget(forgotten);
                throw;
            }
        }

        foreach (var each in changed) await UpdateAsync(rooms, each, stop);
        if (stream.LastStrippedRooms > after) await StrippedAsync(rooms, after, through, stop);
        rooms.Through = Math.Max(after, through);
    }

    /// <summary>The list of a filter, with all rooms that pass it.</summary>
    public async ValueTask<RoomListView> ViewAsync(
        UserRooms rooms, RoomListFilter filter, int most, CancellationToken stop)
    {
        if (rooms.View(filter) is { } known) return known;
        if (filter.LooksAtState)
        {
            var unread = rooms.All.Where(static room => !room.KnowsState).ToArray();
            var nids = unread.Select(static room => room.Nid).OfType<RoomNid>().ToArray();
            await snapshots.FindManyAsync(nids, stop);
            foreach (var room in unread) rooms.Put(await filteredRooms.ReadAsync(room, stop));
        }

        var children = filter.Spaces is { } spaces
            ? await filteredRooms.ChildrenAsync([.. spaces.Select(rooms.Find).OfType<RoomEntry>()], stop)
            : null;
        return rooms.Add(new RoomListView(filter) { OfSpaces = children }, most);
    }

    /// <summary>Marks a room as forgotten, unless the user has come back to it.</summary>
    private async ValueTask ForgetAsync(UserRooms rooms, ForgottenRoom forgotten, CancellationToken stop)
    {
        var room = forgotten.Nid is { } known ? rooms.Find(known) : rooms.Find(forgotten.RoomId!);
        if (room is null) return;
        if (room.Stripped is { } stripped)
        {
            if (!stripped.IsOpen) rooms.Put(room with { IsForgotten = true });
        }
        else if (room.Nid is { } nid
            && await membershipsTable.FindAsync(nid, rooms.UserId, stop)
                is { Forgotten: true } row
            && row.Position == room.Since)
        {
            rooms.Put(room with { IsForgotten = true, IsListed = false });
        }
    }

    /// <summary>
    /// Lists the invites that the user may see, and no others: the account data that hides invites may have changed.
    /// </summary>
    private async ValueTask InvitesAsync(UserRooms rooms, CancellationToken stop)
    {
        var invites = rooms.All.Where(static room => room.Membership == Membership.Invite).ToArray();
        if (invites.Length == 0) return;
        var hidden = await HiddenAsync(rooms.UserId, stop);
        foreach (var room in invites)
        {
            var isListed = !await hidden(room.Nid, room.Member, room.Stripped);
            if (room.IsListed != isListed) rooms.Put(room with { IsListed = isListed });
        }
    }

    /// <summary>
    /// Tells which invites the user is not shown: all of a user who blocks them, and those of ignored users. They are
    /// not counted in lists, and take no space in windows.
    /// </summary>
    private async ValueTask<Func<RoomNid?, EventNid, StrippedRoomRow?, ValueTask<bool>>> HiddenAsync(
        string userId, CancellationToken stop)
    {
        if (await permission.BlocksAsync(userId, stop))
        {
            return static (_, _, _) => ValueTask.FromResult(true);
        }

        var users = await ignored.OfAsync(userId, stop);
        return async (nid, member, stripped) =>
            users.Count > 0
            && (stripped?.Sender ?? await SenderAsync(nid, member, stop)) is { } sender
            && users.Contains(sender);
    }

    private async ValueTask<string?> SenderAsync(RoomNid? room, EventNid member, CancellationToken stop) =>
        room is { } nid && await snapshots.FindAsync(nid, stop) is { } snapshot
            ? (await events.GetAsync(snapshot.Room, member, stop))?.Row.Sender
            : null;

    /// <summary>Reads all rooms from the database. The queries follow the rooms that the user left.</summary>
    private async ValueTask FillAsync(UserRooms rooms, long through, CancellationToken stop)
    {
        rooms.Clear();
        rooms.IsStale = false;
        rooms.Through = through;
        rooms.DirectChanged = through;
        var rows = await membershipsTable
            .RoomsOfAsync(rooms.UserId, MembershipSet.Any, stop);
        var headers = (await roomsTable.FindManyAsync(
                [.. rows.Where(static row => row.Membership == Membership.Join).Select(static row => row.Room)], stop))
                .ToDictionary(static row => row.Nid, static row => row.LastPosition);
        var data = await accountDataTable
            .OfUserAsync(rooms.UserId, 0, long.MaxValue, stop);
        var direct = DirectOf(await WholeAsync(
            rooms.UserId, data.FirstOrDefault(static row => row.Room is null && row.Type == EventTypes.Direct), stop));
        var tags = new Dictionary<RoomNid, string[]>();
        foreach (var row in data.Where(static row => row.Room is not null && row.Type == EventTypes.Tag))
        {
            tags[row.Room!.Value] = TagsOf(await WholeAsync(rooms.UserId, row, stop));
        }

        var dataOf = data.Where(static row => row.Room is not null)
            .GroupBy(static row => row.Room!.Value)
            .ToDictionary(static rows => rows.Key, static rows => rows.Max(static row => row.Position));
        foreach (var row in rows)
        {
            var member = new MemberRow(rooms.UserId, row.Membership, row.Event, row.Position, row.Forgotten);
            rooms.Put(new RoomEntry
            {
                RoomId = row.RoomId,
                Nid = row.Room,
                Membership = row.Membership,
                Member = row.Event,
                Since = row.Position,
                Activity = Math.Max(row.Position, headers.GetValueOrDefault(row.Room)),
                IsListed = await IsListedAsync(row.Room, member, stop),
                IsForgotten = row.Forgotten,
                IsDirect = direct.Contains(row.RoomId),
                Tags = tags.GetValueOrDefault(row.Room) ?? [],
                AccountData = dataOf.GetValueOrDefault(row.Room),
            });
        }

        await StrippedAsync(rooms, 0, through, stop);
        await InvitesAsync(rooms, stop);
    }

    private async ValueTask UpdateAsync(UserRooms rooms, UpdatedRoom changed, CancellationToken stop)
    {
        var nid = changed.Room.RoomNid;
        if ((changed.Parts & (RoomParts.Events | RoomParts.Membership | RoomParts.AccountData)) == 0) return;
        if (await snapshots.FindAsync(nid, stop) is not { } snapshot) return;
        var before = rooms.Find(nid);
        var after = before;
        if (before is null || (changed.Parts & RoomParts.Membership) != 0)
        {
            var row = await membershipsTable.FindAsync(nid, rooms.UserId, stop);
            if (row is null)
            {
                if (before is { Stripped: null }) rooms.Remove(before);
                return;
            }

            var isListed = await IsListedAsync(nid, row, stop);
            after = WithMember(before ?? await NewAsync(rooms, snapshot, row, stop), snapshot, row, isListed);
        }
        else if (before.Membership == Membership.Join)
        {
            after = before with { Activity = Math.Max(before.Activity, snapshot.Position) };
        }

        if ((changed.Parts & RoomParts.AccountData) != 0)
        {
            var row = await accountDataTable.FindAsync(rooms.UserId, nid, EventTypes.Tag, stop);
            after = after! with { Tags = TagsOf(row) };
        }

        if (after!.Membership == Membership.Invite && (changed.Parts & RoomParts.Membership) != 0)
        {
            var hidden = await HiddenAsync(rooms.UserId, stop);
            var isHidden = await hidden(after.Nid, after.Member, null);
            after = after with { IsListed = !isHidden };
        }

        after = rooms.AnyViewLooksAtState
            ? await filteredRooms.ReadAsync(after!, stop)
            : after! with { KnowsState = false };
        rooms.Put(after);
        rooms.SpaceChanged(after.RoomId);
    }

    private static RoomEntry WithMember(RoomEntry entry, RoomSnapshot snapshot, MemberRow row, bool isListed) =>
        entry with
        {
            Nid = snapshot.Room.Nid,
            Membership = row.Membership,
            Member = row.Event,
            Since = row.Position,
            Activity = row.Membership == Membership.Join ? Math.Max(row.Position, snapshot.Position) : row.Position,
            IsListed = isListed,
            IsForgotten = row.Forgotten,
            Stripped = null,
            KnowsState = false,
        };

    private async ValueTask<RoomEntry> NewAsync(
        UserRooms rooms, RoomSnapshot snapshot, MemberRow row, CancellationToken stop)
    {
        var direct = await accountDataTable
            .FindAsync(rooms.UserId, null, EventTypes.Direct, stop);
        var tags = await accountDataTable
            .FindAsync(rooms.UserId, snapshot.Room.Nid, EventTypes.Tag, stop);
        return new RoomEntry
        {
            RoomId = snapshot.Room.RoomId,
            Nid = snapshot.Room.Nid,
            Membership = row.Membership,
            Since = row.Position,
            Activity = row.Position,
            IsListed = true,
            IsDirect = DirectOf(direct).Contains(snapshot.Room.RoomId),
            Tags = TagsOf(tags),
        };
    }

    /// <summary>
    /// Whether lists have the room: not if the user left it by themselves, or was never in it. MSC4186, "Lists".
    /// </summary>
    private async ValueTask<bool> IsListedAsync(RoomNid room, MemberRow row, CancellationToken stop)
    {
        if (row.Forgotten) return false;
        if (row.Membership is not (Membership.Leave or Membership.Ban)) return true;
        if (await snapshots.FindAsync(room, stop) is not { } snapshot) return false;
        var departure = await memberships.DepartureAsync(snapshot.Room, row.Event, row.Position, stop);
        return departure is { Previous: not null, Event: var gone } && gone.Row.Sender != row.UserId;
    }

    private async ValueTask DirectAsync(
        UserRooms rooms, IReadOnlyList<AccountDataRow> changed, long through, CancellationToken stop)
    {
        var row = changed.FirstOrDefault(static row => row.Room is null && row.Type == EventTypes.Direct);
        if (row is null) return;
        rooms.DirectChanged = through;
        var direct = DirectOf(await WholeAsync(rooms.UserId, row, stop));
        foreach (var room in rooms.All.Where(room => room.IsDirect != direct.Contains(room.RoomId)).ToArray())
        {
            rooms.Put(room with { IsDirect = !room.IsDirect });
        }
    }

    /// <summary>
    /// Account data of rooms that the stream does not have, because the user left them before it was filled.
    /// </summary>
    private async ValueTask DataAsync(
        UserRooms rooms, IReadOnlyList<AccountDataRow> changed, CancellationToken stop)
    {
        foreach (var row in changed)
        {
            if (row.Room is not { } nid || rooms.Find(nid) is not { } room) continue;
            var tags = row.Type == EventTypes.Tag
                ? TagsOf(await WholeAsync(rooms.UserId, row, stop))
                : room.Tags;
            rooms.Put(room with
            {
                AccountData = Math.Max(room.AccountData, row.Position),
                Tags = tags,
            });
        }
    }

    /// <summary>Invites and knocks of rooms of other servers. No local user is in these rooms.</summary>
    private async ValueTask StrippedAsync(UserRooms rooms, long after, long through, CancellationToken stop)
    {
        var rows = await strippedRooms
            .OfUserAsync(rooms.UserId, after, through, stop);
        if (rows.Count == 0) return;
        var hidden = await HiddenAsync(rooms.UserId, stop);
        foreach (var row in rows)
        {
            var before = rooms.Find(row.RoomId);
            if (before is { Membership: Membership.Join }) continue;
            var (isEncrypted, knowsType, roomType) = FilteredRoomReader.OfStripped(row);
            rooms.Put(new RoomEntry
            {
                RoomId = row.RoomId,
                Nid = before?.Nid,
                Membership = row.IsOpen ? row.Membership : Membership.Leave,
                Since = row.Position,
                Activity = row.Position,
                IsListed = row.IsOpen
                    && (row.Membership != Membership.Invite
                        || !await hidden(null, EventNid.None, row)),
                IsForgotten = row.Forgotten,
                IsDirect = before?.IsDirect ?? false,
                Tags = before?.Tags ?? [],
                AccountData = before?.AccountData ?? 0,
                Stripped = row,
                KnowsState = true,
                IsEncrypted = isEncrypted,
                KnowsType = knowsType,
                RoomType = roomType,
            });
        }
    }

    /// <summary>A listed piece of account data with its content, large or not.</summary>
    private async ValueTask<AccountDataRow?> WholeAsync(string userId, AccountDataRow? row, CancellationToken stop) =>
        row is { IsLarge: true }
            ? await accountDataTable.FindAsync(userId, row.Room, row.Type, stop)
            : row;

    /// <summary>The rooms that `m.direct` names. Clients write this content, in any shape.</summary>
    private static HashSet<string> DirectOf(AccountDataRow? row)
    {
        var rooms = new HashSet<string>(StringComparer.Ordinal);
        if (row is null || !JsonText.TryParseStored(row.Content.Span, out var content)) return rooms;
        for (var i = 0; i < content.Count; i++)
        {
            if (content.Value(i) is not Json.Array list) continue;
            foreach (var item in list.Item)
            {
                if (item is Json.String text) rooms.Add(text.Item);
            }
        }

        return rooms;
    }

    private static string[] TagsOf(AccountDataRow? row)
    {
        if (row is null || !JsonText.TryParseStored(row.Content.Span, out var content)) return [];
        if (content.IndexOf("tags") is not (>= 0 and var at) || content.Value(at) is not Json.Object tags) return [];
        var names = new string[tags.Item.Count];
        for (var i = 0; i < names.Length; i++) names[i] = tags.Item.Key(i);
        return names;
    }
}
