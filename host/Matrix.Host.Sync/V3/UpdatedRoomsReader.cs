using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Imports;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.AccountData;
using Matrix.Host.Streams.Streams.Receipts;
using Matrix.Host.Streams.Streams.StrippedRooms;

namespace Matrix.Host.Sync.V3;

/// <summary>
/// Finds the rooms with news for a device, from the notifier if it reaches back to the token and otherwise from the
/// database, and writes them.
/// </summary>
internal sealed class UpdatedRoomsReader(
    RoomsTable roomsTable,
    IMembershipsTable membershipsTable,
    ImportedWritersTable importedWriters,
    StrippedRoomReader strippedRooms,
    AccountDataReader accountData,
    ReceiptReader receiptReader,
    RoomSnapshots rooms,
    Notifier notifier,
    RoomSections sections)
{
    /// <summary>Writes `account_data` and `rooms`.</summary>
    public async ValueTask WriteAsync(SyncPass pass, CancellationToken stop)
    {
        var found = pass.IsInitial || pass.Request.FullState
            ? await AllAsync(pass, stop)
            : await LiveAsync(pass, stop) ?? await CatchUpAsync(pass, stop);
        if (pass.Since is not { } since
            || pass.Request.FullState
            || StrippedRoomReader.MayHave(pass.Stream, since.Position))
        {
            await StrippedAsync(pass, found, stop);
        }

        await sections.WriteAsync(pass, found, stop);
    }

    /// <summary>
    /// Adds the rooms that the user knows only by an invite or knock. Ended ones are sent once, or if the filter
    /// includes left rooms.
    /// </summary>
    private async ValueTask StrippedAsync(SyncPass pass, UpdatedRooms found, CancellationToken stop)
    {
        var all = pass.IsInitial || pass.Request.FullState;
        var rows = await strippedRooms.OfUserAsync(
            pass.Reader.UserId, all ? 0 : pass.SincePosition, pass.UpTo, stop);
        foreach (var row in rows)
        {
            var isNews = !pass.IsInitial && row.Position > pass.SincePosition;
            var isShown = row.IsOpen || isNews || (pass.IsInitial && pass.Filter.IncludeLeave && !row.Forgotten);
            if (!isShown || !pass.Filter.AdmitsRoom(row.RoomId)) continue;
            found.Stripped.Add(row);

            // What the room itself says of the user is older: no local user was in it since.
            found.Invited.RemoveAll(invited => invited.RoomId == row.RoomId);
            found.Knocked.RemoveAll(knocked => knocked.RoomId == row.RoomId);
            found.Left.RemoveAll(left => left.Pending.RoomId == row.RoomId);
        }
    }

    /// <summary>The news that the notifier has; null if it does not reach back to the token.</summary>
    private async ValueTask<UpdatedRooms?> LiveAsync(SyncPass pass, CancellationToken stop)
    {
        var news = new List<UpdatedRoom>();
        if (pass.Stream is not { } stream || pass.Since is not { } since) return null;
        if (!stream.TryCollect(since.Position, since.EphemeralIn(notifier.Epoch), news)) return null;

        var found = new UpdatedRooms();
        bool anyData = stream.LastAccountData > since.Position
            || news.Exists(each => (each.Parts & RoomParts.AccountData) != 0);
        if (anyData) await AccountDataAsync(pass, found, stop);

        foreach (var each in news)
        {
            var room = each.Room.RoomNid;
            if (await rooms.FindAsync(room, stop) is not { } snapshot) continue;
            if (!pass.Filter.AdmitsRoom(snapshot.Room.RoomId)) continue;
            if (each.Membership == ShownMembership.Joined)
            {
                found.Joined.Add(PendingOf(room, snapshot.Room.RoomId, each.Parts, found));
                continue;
            }

            if (await membershipsTable.FindAsync(room, pass.Reader.UserId, stop) is { } member)
            {
                AddNotJoined(pass, each, snapshot.Room.RoomId, member, found);
            }
        }

        if (found.AccountData.Count > 0) await DataOfLeftAsync(pass, news, found, stop);
        return found;
    }

    /// <summary>Adds a room to which the user is not joined now.</summary>
    private static void AddNotJoined(
        SyncPass pass, UpdatedRoom news, string roomId, MemberRow member, UpdatedRooms found)
    {
        var room = news.Room.RoomNid;
        bool isNewMembership = member.Position <= pass.UpTo && (news.Parts & RoomParts.Membership) != 0;
        if (news.Membership == ShownMembership.Left && member.Position > pass.UpTo)
        {
            // The user left after the position at which this response ends, and is still joined there.
            found.Joined.Add(PendingOf(room, roomId, news.Parts | RoomParts.Events, found));
        }
        else if (member.Position <= pass.UpTo && member.Membership is Membership.Leave or Membership.Ban)
        {
            AddLeft(pass, room, roomId, member, found);
        }
        else if (isNewMembership && member.Membership is Membership.Invite or Membership.Knock)
        {
            found.AddOpen(new OpenRoom(room, roomId, member.Event), member.Membership);
        }
    }

    /// <summary>
    /// Adds account data of rooms that the user left before the stream was filled: the notifier does not know these
    /// rooms.
    /// </summary>
    private async ValueTask DataOfLeftAsync(
        SyncPass pass, List<UpdatedRoom> news, UpdatedRooms found, CancellationToken stop)
    {
        foreach (var room in found.AccountData.Keys.Where(room => news.TrueForAll(each => each.Room.RoomNid != room)))
        {
            var member = await membershipsTable.FindAsync(room, pass.Reader.UserId, stop);
            if (member is null) continue;
            if (member.Position > pass.UpTo || member.Membership is not (Membership.Leave or Membership.Ban)) continue;
            if (await rooms.FindAsync(room, stop) is not { } snapshot) continue;
            if (pass.Filter.AdmitsRoom(snapshot.Room.RoomId)) AddLeft(pass, room, snapshot.Room.RoomId, member, found);
        }
    }

    /// <summary>
    /// Adds a room that was left after the token, or left earlier and not forgotten, whose account data may have
    /// changed.
    /// </summary>
    private static void AddLeft(
        SyncPass pass, RoomNid room, string roomId, MemberRow member, UpdatedRooms found)
    {
        if (member.Forgotten && member.Position <= pass.SinceIn(room)) return;
        found.Left.Add(
            new LeftRoom(PendingOf(room, roomId, RoomParts.Membership, found), member.Event, member.Position));
    }

    private static RoomToRead PendingOf(RoomNid room, string roomId, RoomParts parts, UpdatedRooms found) =>
        new(room, roomId, parts) { AccountData = found.AccountData.GetValueOrDefault(room) ?? [] };

    /// <summary>
    /// The news after a token that the notifier does not reach back to, with a bounded number of queries.
    /// </summary>
    private async ValueTask<UpdatedRooms> CatchUpAsync(SyncPass pass, CancellationToken stop)
    {
        var found = new UpdatedRooms();
        await AccountDataAsync(pass, found, stop);
        var rows = await membershipsTable
            .RoomsOfAsync(pass.Reader.UserId, MembershipSet.Any, stop);
        await ReachedAsync(pass, rows, stop);
        await JoinedNewsAsync(pass, rows, found, stop);
        foreach (var row in rows)
        {
            bool changed = row.Position > pass.SinceIn(row.Room) && row.Position <= pass.UpTo;
            bool data = found.AccountData.ContainsKey(row.Room);
            if (MayBeJoined(pass, row) || !(changed || data) || !pass.Filter.AdmitsRoom(row.RoomId)) continue;
            if (row.Membership is Membership.Invite or Membership.Knock)
            {
                if (changed) found.AddOpen(new OpenRoom(row.Room, row.RoomId, row.Event), row.Membership);
            }
            else if (row.Membership is Membership.Leave or Membership.Ban)
            {
                var member = new MemberRow(pass.Reader.UserId, row.Membership, row.Event, row.Position, row.Forgotten);
                AddLeft(pass, row.Room, row.RoomId, member, found);
            }
        }

        return found;
    }

    /// <summary>
    /// Finds how far the client has got in each room, if its token is of a server of several processes.
    /// </summary>
    private async ValueTask ReachedAsync(SyncPass pass, IReadOnlyList<UserRoomRow> rows, CancellationToken stop)
    {
        if (pass.Since?.Imported is not { Events: var clock } || clock.Greatest == clock.Least) return;
        pass.Reached = await importedWriters.ReachedAsync([.. rows.Select(static row => row.Room)], clock, stop);
    }

    /// <summary>Adds the rooms of the user that have events, typing users, receipts or account data.</summary>
    private async ValueTask JoinedNewsAsync(
        SyncPass pass, IReadOnlyList<UserRoomRow> rows, UpdatedRooms found, CancellationToken stop)
    {
        var ids = rows.Where(row => MayBeJoined(pass, row) && pass.Filter.AdmitsRoom(row.RoomId))
            .ToDictionary(row => row.Room, row => row.RoomId);
        RoomNid[] joined = [.. ids.Keys];
        var receipts = await receiptReader.StoredAsync(joined, pass.SinceReceipts, pass.UpTo, stop);

        var parts = new Dictionary<RoomNid, RoomParts>();
        foreach (var room in await roomsTable.FindManyAsync(joined, stop))
        {
            if (room.LastPosition > pass.SinceIn(room.Nid)) parts[room.Nid] = RoomParts.Events;
        }

        long ephemeralAfter = pass.Since?.EphemeralIn(notifier.Epoch) ?? 0;
        foreach (var room in joined)
        {
            var part = RoomParts.None;
            if (notifier.Room(room)?.LastTyping > ephemeralAfter) part |= RoomParts.Typing;
            if (receipts.TryGetValue(room, out var some))
            {
                part |= some.Exists(receipt => receipt.UserId == pass.Reader.UserId)
                    ? RoomParts.Receipts | RoomParts.OwnReceipts
                    : RoomParts.Receipts;
            }

            if (found.AccountData.ContainsKey(room)) part |= RoomParts.AccountData;
            if (part != RoomParts.None) parts[room] = parts.GetValueOrDefault(room) | part;
        }

        foreach (var (room, part) in parts)
        {
            found.Joined.Add(PendingOf(room, ids[room], part, found) with
            {
                Receipts = receipts.GetValueOrDefault(room) ?? [],
            });
        }
    }

    /// <summary>All rooms: for an initial sync, or one with full state.</summary>
    private async ValueTask<UpdatedRooms> AllAsync(SyncPass pass, CancellationToken stop)
    {
        var found = new UpdatedRooms();
        await AccountDataAsync(pass, found, stop);
        var rows = await membershipsTable
            .RoomsOfAsync(pass.Reader.UserId, MembershipSet.Any, stop);
        await ReachedAsync(pass, rows, stop);
        foreach (var row in rows.Where(row => pass.Filter.AdmitsRoom(row.RoomId) && IsOfInterest(pass, row)))
        {
            if (row.Membership is Membership.Invite or Membership.Knock)
            {
                found.AddOpen(new OpenRoom(row.Room, row.RoomId, row.Event), row.Membership);
                continue;
            }

            var pending = PendingOf(row.Room, row.RoomId, RoomParts.Events | RoomParts.Receipts, found);
            if (MayBeJoined(pass, row)) found.Joined.Add(pending);
            else found.Left.Add(new LeftRoom(pending, row.Event, row.Position));
        }

        return found;
    }

    /// <summary>
    /// A left room is sent once, when the user leaves, and otherwise only if the filter includes such rooms.
    /// </summary>
    private static bool IsOfInterest(SyncPass pass, UserRoomRow row) => row.Membership switch
    {
        Membership.Leave or Membership.Ban => MayBeJoined(pass, row)
            || (pass.IsInitial ? pass.Filter.IncludeLeave && !row.Forgotten : row.Position > pass.SinceIn(row.Room)),
        Membership.Invite or Membership.Knock => row.Position <= pass.UpTo,
        _ => true,
    };

    /// <summary>
    /// Whether the user may be joined at the position at which the response ends: they are joined now, or left after
    /// it. The room's state at that position decides.
    /// </summary>
    private static bool MayBeJoined(SyncPass pass, UserRoomRow row) =>
        row.Membership == Membership.Join
            || (row.Position > pass.UpTo && row.Membership is Membership.Leave or Membership.Ban);

    private async ValueTask AccountDataAsync(SyncPass pass, UpdatedRooms found, CancellationToken stop)
    {
        foreach (var row in await accountData
            .OfUserAsync(pass.Reader.UserId, pass.Since, pass.UpTo, stop))
        {
            if (row.Room is not { } room)
            {
                found.Global.Add(row);
                continue;
            }

            if (!found.AccountData.TryGetValue(room, out var ofRoom)) found.AccountData[room] = ofRoom = [];
            ofRoom.Add(row);
        }
    }
}

/// <summary>The rooms and account data that may have news for the client.</summary>
internal sealed class UpdatedRooms
{
    /// <summary>Rooms that the user is joined to.</summary>
    public List<RoomToRead> Joined { get; } = [];

    /// <summary>Invitations.</summary>
    public List<OpenRoom> Invited { get; } = [];

    /// <summary>Knocks.</summary>
    public List<OpenRoom> Knocked { get; } = [];

    /// <summary>Rooms that the user knows, or knew, only by an invite or knock.</summary>
    public List<StrippedRoomRow> Stripped { get; } = [];

    /// <summary>Rooms that the user has left.</summary>
    public List<LeftRoom> Left { get; } = [];

    /// <summary>Global account data.</summary>
    public List<AccountDataRow> Global { get; } = [];

    /// <summary>Account data by room.</summary>
    public Dictionary<RoomNid, List<AccountDataRow>> AccountData { get; } = [];

    /// <summary>Adds an invitation or a knock.</summary>
    public void AddOpen(OpenRoom room, Membership membership) =>
        (membership == Membership.Invite ? Invited : Knocked).Add(room);
}

/// <summary>A room that the user has left.</summary>
/// <param name="Member">The user's current member event.</param>
/// <param name="Since">The position at which it became current.</param>
internal sealed record LeftRoom(RoomToRead Pending, EventNid Member, long Since);

/// <summary>A room that the user is invited to, or knocks on.</summary>
/// <param name="Member">The invite or knock.</param>
internal readonly record struct OpenRoom(RoomNid Room, string RoomId, EventNid Member);
