using Matrix.Host.Rooms.Views;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.V3;

/// <summary>
/// Finds the rooms that have something for a device, and lets them be written: from the board if it reaches back to the token, from the database
/// otherwise.
/// </summary>
internal sealed class NewsGatherer(RoomServices services)
{
    private readonly RoomPlaces _places = new(services.Storage.Rooms, services.Storage.Events, services.Board);
    private readonly RoomSections _sections = new(services);

    /// <summary>Writes `account_data` and `rooms`.</summary>
    public async ValueTask WriteAsync(SyncTurn turn, CancellationToken stop)
    {
        var found = turn.IsInitial || turn.Request.FullState
            ? await AllAsync(turn, stop).ConfigureAwait(false)
            : await LiveAsync(turn, stop).ConfigureAwait(false) ?? await CatchUpAsync(turn, stop).ConfigureAwait(false);
        await _sections.WriteAsync(turn, found, stop).ConfigureAwait(false);
    }

    /// <summary>What the board knows; null if it does not reach back to the token.</summary>
    private async ValueTask<FoundNews?> LiveAsync(SyncTurn turn, CancellationToken stop)
    {
        var news = new List<RoomNews>();
        if (turn.Feed is not { } feed || turn.Since is not { } since) return null;
        if (!feed.TryCollect(since.Position, since.EphemeralIn(services.Board.Epoch), news)) return null;

        var found = new FoundNews();
        bool anyData = feed.LastAccountData > since.Position || news.Exists(each => (each.Parts & RoomParts.AccountData) != 0);
        if (anyData) await AccountDataAsync(turn, found, stop).ConfigureAwait(false);

        foreach (var each in news)
        {
            var room = each.Room.RoomNid;
            if (await services.Rooms.FindAsync(room, stop).ConfigureAwait(false) is not { } view) continue;
            if (!turn.Filter.AdmitsRoom(view.Room.RoomId)) continue;
            if (each.Standing == Standing.Joined)
            {
                found.Joined.Add(await InputAsync(turn, view, each.Parts, found, stop).ConfigureAwait(false));
                continue;
            }

            if (await services.Storage.Memberships.FindAsync(room, turn.Reader.UserId, stop).ConfigureAwait(false) is not { } member) continue;
            if (each.Standing == Standing.Left && member.Position > turn.UpTo)
            {
                // They left behind the position that this answer goes up to: here they are still in the room.
                found.Joined.Add(await InputAsync(turn, view, each.Parts | RoomParts.Events, found, stop).ConfigureAwait(false));
            }
            else if (member.Position <= turn.UpTo && member.Membership is Membership.Leave or Membership.Ban)
            {
                await AddLeftAsync(turn, view, member, found, stop).ConfigureAwait(false);
            }
            else if (member.Position <= turn.UpTo && member.Membership == Membership.Invite && (each.Parts & RoomParts.Standing) != 0)
            {
                found.Invited.Add((view, member.Event));
            }
        }

        // Account data of rooms that the user left before the feed was filled: the board does not know these rooms.
        foreach (var room in found.AccountData.Keys.Where(room => news.TrueForAll(each => each.Room.RoomNid != room)))
        {
            if (await services.Storage.Memberships.FindAsync(room, turn.Reader.UserId, stop).ConfigureAwait(false) is not { } member) continue;
            if (member.Position > turn.UpTo || member.Membership is not (Membership.Leave or Membership.Ban)) continue;
            if (await services.Rooms.FindAsync(room, stop).ConfigureAwait(false) is not { } view) continue;
            if (turn.Filter.AdmitsRoom(view.Room.RoomId)) await AddLeftAsync(turn, view, member, found, stop).ConfigureAwait(false);
        }

        return found;
    }

    /// <summary>
    /// A room that was left since the token, or left earlier and not forgotten, so that its account data is still of
    /// interest.
    /// </summary>
    private async ValueTask AddLeftAsync(SyncTurn turn, RoomView view, MemberRow member, FoundNews found, CancellationToken stop)
    {
        if (member.Forgotten && member.Position <= turn.SincePosition) return;
        var input = await InputAsync(turn, view, RoomParts.Standing, found, stop).ConfigureAwait(false);
        found.Left.Add(new LeftRoom(input, member.Event, member.Position));
    }

    /// <summary>What changed since a token from before the board knew the user, with a bounded number of questions.</summary>
    private async ValueTask<FoundNews> CatchUpAsync(SyncTurn turn, CancellationToken stop)
    {
        var found = new FoundNews();
        await AccountDataAsync(turn, found, stop).ConfigureAwait(false);
        var rows = await services.Storage.Memberships
            .RoomsOfAsync(turn.Reader.UserId, MembershipSet.Any, stop).ConfigureAwait(false);
        var joined = rows.Where(row => MayBeJoined(turn, row) && turn.Filter.AdmitsRoom(row.RoomId)).Select(row => row.Room).ToArray();
        var receipts = await ReceiptsAsync(joined, turn.SincePosition, turn.UpTo, stop).ConfigureAwait(false);

        var parts = new Dictionary<RoomNid, RoomParts>();
        foreach (var room in await services.Storage.Rooms.FindManyAsync(joined, stop).ConfigureAwait(false))
        {
            if (room.LastPosition > turn.SincePosition) parts[room.Nid] = RoomParts.Events;
        }

        long ephemeralAfter = turn.Since?.EphemeralIn(services.Board.Epoch) ?? 0;
        foreach (var room in joined)
        {
            var part = RoomParts.None;
            if (services.Board.Room(room)?.LastTyping > ephemeralAfter) part |= RoomParts.Typing;
            if (receipts.TryGetValue(room, out var some))
            {
                part |= some.Exists(receipt => receipt.UserId == turn.Reader.UserId) ? RoomParts.Receipts | RoomParts.OwnReceipts : RoomParts.Receipts;
            }

            if (found.AccountData.ContainsKey(room)) part |= RoomParts.AccountData;
            if (part != RoomParts.None) parts[room] = parts.GetValueOrDefault(room) | part;
        }

        foreach (var (room, part) in parts)
        {
            if (await services.Rooms.FindAsync(room, stop).ConfigureAwait(false) is not { } view) continue;
            found.Joined.Add(await InputAsync(turn, view, part, found, stop, receipts.GetValueOrDefault(room) ?? []).ConfigureAwait(false));
        }

        foreach (var row in rows)
        {
            bool changed = row.Position > turn.SincePosition && row.Position <= turn.UpTo;
            bool data = found.AccountData.ContainsKey(row.Room);
            if (MayBeJoined(turn, row) || !(changed || data) || !turn.Filter.AdmitsRoom(row.RoomId)) continue;
            if (await services.Rooms.FindAsync(row.Room, stop).ConfigureAwait(false) is not { } view) continue;
            if (row.Membership == Membership.Invite && changed)
            {
                found.Invited.Add((view, row.Event));
            }
            else if (row.Membership is Membership.Leave or Membership.Ban)
            {
                var member = new MemberRow(turn.Reader.UserId, row.Membership, row.Event, row.Position, row.Forgotten);
                await AddLeftAsync(turn, view, member, found, stop).ConfigureAwait(false);
            }
        }

        return found;
    }

    /// <summary>All rooms: an initial sync, or one that asks for all state again.</summary>
    private async ValueTask<FoundNews> AllAsync(SyncTurn turn, CancellationToken stop)
    {
        var found = new FoundNews();
        await AccountDataAsync(turn, found, stop).ConfigureAwait(false);
        var wanted = MembershipSet.Join | MembershipSet.Invite | MembershipSet.Leave | MembershipSet.Ban;
        var rows = (await services.Storage.Memberships.RoomsOfAsync(turn.Reader.UserId, wanted, stop).ConfigureAwait(false))
            .Where(row => turn.Filter.AdmitsRoom(row.RoomId) && IsOfInterest(turn, row)).ToArray();
        var views = (await services.Rooms.FindManyAsync([.. rows.Select(row => row.Room)], stop).ConfigureAwait(false))
            .ToDictionary(view => view.Room.Nid);
        var ends = await _places.AtAsync(views.Values, turn.UpTo, stop).ConfigureAwait(false);
        var befores = turn.IsInitial ? null : await _places.AtAsync(views.Values, turn.SincePosition, stop).ConfigureAwait(false);
        var joined = rows.Where(row => MayBeJoined(turn, row)).Select(row => row.Room).ToArray();
        var receipts = await ReceiptsAsync(joined, turn.SincePosition, turn.UpTo, stop).ConfigureAwait(false);

        foreach (var row in rows)
        {
            if (!views.TryGetValue(row.Room, out var view)) continue;
            if (row.Membership == Membership.Invite)
            {
                found.Invited.Add((view, row.Event));
                continue;
            }

            var input = new RoomInput
            {
                View = view,
                Parts = RoomParts.Events | RoomParts.Receipts,
                End = ends[row.Room],
                Before = befores?[row.Room],
                Receipts = receipts.GetValueOrDefault(row.Room) ?? [],
                AccountData = found.AccountData.GetValueOrDefault(row.Room) ?? [],
            };
            if (MayBeJoined(turn, row)) found.Joined.Add(input);
            else found.Left.Add(new LeftRoom(input, row.Event, row.Position));
        }

        return found;
    }

    /// <summary>Rooms that the user left are shown once, when they left, and otherwise only to a filter that asks for them.</summary>
    private static bool IsOfInterest(SyncTurn turn, UserRoomRow row) => row.Membership switch
    {
        Membership.Leave or Membership.Ban => MayBeJoined(turn, row)
            || (turn.IsInitial ? turn.Filter.IncludeLeave && !row.Forgotten : row.Position > turn.SincePosition),
        Membership.Invite => row.Position <= turn.UpTo,
        _ => true,
    };

    /// <summary>
    /// Whether the user may have been joined at the position that the answer goes up to: they are now, or left behind it. What the room's state
    /// says there decides.
    /// </summary>
    private static bool MayBeJoined(SyncTurn turn, UserRoomRow row) =>
        row.Membership == Membership.Join || (row.Position > turn.UpTo && row.Membership is Membership.Leave or Membership.Ban);

    private async ValueTask<RoomInput> InputAsync(
        SyncTurn turn, RoomView view, RoomParts parts, FoundNews found, CancellationToken stop, IReadOnlyList<ReceiptMark>? receipts = null) => new()
        {
            View = view,
            Parts = parts,
            End = await _places.AtAsync(view, turn.UpTo, stop).ConfigureAwait(false),
            Before = await _places.AtAsync(view, turn.SincePosition, stop).ConfigureAwait(false),
            Receipts = receipts,
            AccountData = found.AccountData.GetValueOrDefault(view.Room.Nid) ?? [],
        };

    private async ValueTask AccountDataAsync(SyncTurn turn, FoundNews found, CancellationToken stop)
    {
        foreach (var row in await services.Storage.AccountData
            .OfUserAsync(turn.Reader.UserId, turn.SincePosition, turn.UpTo, stop).ConfigureAwait(false))
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

    private async ValueTask<Dictionary<RoomNid, List<ReceiptMark>>> ReceiptsAsync(
        RoomNid[] rooms, long after, long through, CancellationToken stop)
    {
        var receipts = new Dictionary<RoomNid, List<ReceiptMark>>();
        if (rooms.Length == 0) return receipts;
        foreach (var row in await services.Storage.Receipts.OfRoomsAsync(rooms, after, through, stop).ConfigureAwait(false))
        {
            if (!receipts.TryGetValue(row.Room, out var ofRoom)) receipts[row.Room] = ofRoom = [];
            ofRoom.Add(new ReceiptMark(row.Position, row.UserId, row.Type, row.ThreadId, row.EventId, row.Timestamp));
        }

        return receipts;
    }
}

/// <summary>What may have something for the client.</summary>
internal sealed class FoundNews
{
    /// <summary>Rooms that the user is joined to.</summary>
    public List<RoomInput> Joined { get; } = [];

    /// <summary>Invitations.</summary>
    public List<(RoomView View, EventNid Invite)> Invited { get; } = [];

    /// <summary>Rooms that the user is no longer in.</summary>
    public List<LeftRoom> Left { get; } = [];

    /// <summary>Account data of the user.</summary>
    public List<AccountDataRow> Global { get; } = [];

    /// <summary>Account data of the user by room.</summary>
    public Dictionary<RoomNid, List<AccountDataRow>> AccountData { get; } = [];
}

/// <summary>A room that the user is no longer in.</summary>
/// <param name="Input">The room.</param>
/// <param name="Member">The member event that stands for the user now.</param>
/// <param name="Since">The position at which it came to stand.</param>
internal sealed record LeftRoom(RoomInput Input, EventNid Member, long Since);
