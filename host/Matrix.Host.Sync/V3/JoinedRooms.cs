using Matrix.Core.State;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.V3;

/// <summary>Rooms that the user is joined to. Client-Server API, "Syncing": `JoinedRoom`.</summary>
internal sealed class JoinedRooms(RoomServices services)
{
    private const string MemberType = "m.room.member";

    private readonly TimelineReader _timelines = new(services.Events, services.Visibility, services.Options);
    private readonly StateSection _state = new(services.Events);
    private readonly Heroes _heroes = new(services.Events, services.Options.HeroCacheBytes);
    private readonly RoomWriter _writer = new(services.ClientEvents);

    /// <summary>Writes the room as a member of `join`, if there is anything to tell of it.</summary>
    public async ValueTask<bool> WriteAsync(SyncTurn turn, RoomInput input, CancellationToken stop)
    {
        var room = input.View.Room;
        string userId = turn.Reader.UserId;
        var end = await StateAtAsync(input.View, input.End.Step, stop).ConfigureAwait(false);

        // They may have joined behind the position that this answer goes up to.
        if (!await IsJoinedAsync(room, end, userId, stop).ConfigureAwait(false)) return false;
        var before = input.Before is { } place ? await StateAtAsync(input.View, place.Step, stop).ConfigureAwait(false) : StateTree.Empty;
        bool isNew = input.Before is null || !await WasJoinedAsync(room, before, end, userId, stop).ConfigureAwait(false);
        bool isFull = isNew || turn.Request.FullState;

        var sight = new Sight(Standpoint.Member(userId, end), input.End.LastNid);
        var timeline = await _timelines.ReadAsync(
            room,
            isNew ? EventNid.None : input.Before!.Value.LastNid,
            input.End.LastNid,
            sight.Standpoint,
            turn,
            stop).ConfigureAwait(false);
        var trail = await TrailAsync(room, end, userId, timeline, stop).ConfigureAwait(false);
        var extras = await services.ClientEvents.ExtrasAsync(room, timeline.Events, trail, sight, stop).ConfigureAwait(false);
        await services.BundleAsync(turn, input.View, sight, timeline, extras, stop).ConfigureAwait(false);

        bool membersChanged = false;
        bool nameChanged = false;
        if (input.Before is not null && !ReferenceEquals(before, end))
        {
            var changes = StateTree.Diff(before, end).Changes;
            membersChanged = changes.Any(change => change.Type == MemberType);
            nameChanged = changes.Any(change => change.Type is "m.room.name" or "m.room.canonical_alias");
            if (membersChanged && !turn.IsInitial)
            {
                await services.DeviceLists.CompareAsync(userId, room, before, end, turn.DevicesChanged, turn.DevicesLeft, stop).ConfigureAwait(false);
            }
        }

        if (isNew) before = StateTree.Empty;
        Summary? summary = null;
        if (isFull || membersChanged || nameChanged)
        {
            var heroes = await _heroes.OfAsync(room, end, userId, stop).ConfigureAwait(false);
            summary = new Summary(heroes, input.View.JoinedCount, input.View.InvitedCount);
        }

        var span = new StateSpan(room, isFull ? StateTree.Empty : before, end, timeline, isFull);
        var state = await _state.EventsAsync(turn, span, summary?.Heroes ?? [], stop).ConfigureAwait(false);
        var member = end.Find(MemberType, userId) is { } own ? EventNid.Of(room.Nid, own.Ordinal) : EventNid.None;
        var stateExtras = await services.ClientEvents.StateExtrasAsync(room, state, member, stop).ConfigureAwait(false);
        var typing = TypingOf(turn, input, isNew);
        var receipts = await ReceiptsAsync(turn, input, isNew, stop).ConfigureAwait(false);
        var accountData = await AccountDataAsync(turn, input, isNew, stop).ConfigureAwait(false);

        bool ownRead = (input.Parts & RoomParts.OwnReceipts) != 0;
        if (!isFull && timeline.Events.Count == 0 && !timeline.Limited && state.Count == 0 && summary is null
            && typing is null && receipts.Count == 0 && accountData.Count == 0 && !ownRead)
        {
            return false;
        }

        var unread = await services.Unread.OfAsync(
            room, userId, () => JoinedAtAsync(room, end, userId, stop), input.End.LastNid, stop).ConfigureAwait(false);
        var roots = await RootsAsync(turn, room, unread, stop).ConfigureAwait(false);

        var output = turn.Output;
        output.Name(room.RoomId);
        output.Byte((byte)'{');
        if (summary is not null) RoomWriter.Summary(turn, summary);
        if (state.Count > 0 || turn.Request.UseStateAfter || isFull) _writer.State(turn, state, stateExtras);
        _writer.Timeline(turn, timeline, extras);
        RoomWriter.Ephemeral(turn, typing, receipts);
        RoomWriter.AccountData(turn, accountData);
        RoomWriter.Unread(turn, unread, roots);
        output.Close();
        return true;
    }

    private ValueTask<StateTree> StateAtAsync(Views.RoomView view, int step, CancellationToken stop) =>
        step == view.Step ? ValueTask.FromResult(view.State) : services.States.AtAsync(view.Room.Nid, step, stop);

    /// <summary>Whether the client has the room already, for the user was joined at its token.</summary>
    private async ValueTask<bool> WasJoinedAsync(
        RoomIdentity room, StateTree before, StateTree end, string userId, CancellationToken stop)
    {
        // The same event that has the user joined now.
        if (ReferenceEquals(before, end) || before.Find(MemberType, userId)?.Ordinal == end.Find(MemberType, userId)?.Ordinal) return true;
        return await IsJoinedAsync(room, before, userId, stop).ConfigureAwait(false);
    }

    private async ValueTask<bool> IsJoinedAsync(RoomIdentity room, StateTree state, string userId, CancellationToken stop)
    {
        if (state.Find(MemberType, userId) is not { } entry) return false;
        var member = await services.Events.GetAsync(room, EventNid.Of(room.Nid, entry.Ordinal), stop).ConfigureAwait(false);
        return member is not null && MemberTrail.MembershipOf(member) == "join";
    }

    /// <summary>The user's memberships back to the timeline's first event.</summary>
    private ValueTask<IReadOnlyList<StoredEvent>> TrailAsync(
        RoomIdentity room, StateTree end, string userId, Timeline timeline, CancellationToken stop)
    {
        var member = end.Find(MemberType, userId) is { } entry ? EventNid.Of(room.Nid, entry.Ordinal) : EventNid.None;
        return services.Trail.AtAsync(room, member, timeline.Events, stop);
    }

    /// <summary>The event with which the user came into the room, profile changes passed over.</summary>
    private async ValueTask<EventNid> JoinedAtAsync(RoomIdentity room, StateTree end, string userId, CancellationToken stop)
    {
        if (end.Find(MemberType, userId) is not { } entry) return EventNid.None;
        var trail = await services.Trail.BackAsync(
            room, EventNid.Of(room.Nid, entry.Ordinal), member => MemberTrail.MembershipOf(member) != "join", stop).ConfigureAwait(false);
        return trail.LastOrDefault(member => MemberTrail.MembershipOf(member) == "join")?.Nid ?? EventNid.None;
    }

    private List<string>? TypingOf(SyncTurn turn, RoomInput input, bool isNew)
    {
        if (!isNew && (input.Parts & RoomParts.Typing) == 0) return null;
        if (!Admits(turn.Filter.Ephemeral, input.View.Room, "m.typing")) return null;
        var typing = services.Typing.In(input.View.Room.Nid).Where(user => !turn.Ignored.Contains(user)).ToList();
        return isNew && typing.Count == 0 ? null : typing;
    }

    private async ValueTask<IReadOnlyList<ReceiptMark>> ReceiptsAsync(SyncTurn turn, RoomInput input, bool isNew, CancellationToken stop)
    {
        if (!isNew && (input.Parts & (RoomParts.Receipts | RoomParts.OwnReceipts)) == 0) return [];
        if (!Admits(turn.Filter.Ephemeral, input.View.Room, "m.receipt")) return [];

        var room = input.View.Room.Nid;
        long after = isNew ? 0 : turn.SincePosition;
        var all = new List<ReceiptMark>();
        if (input.Receipts is { } given) all.AddRange(given);
        else if (services.Board.Room(room) is not { } feed || !feed.TryReceipts(after, turn.UpTo, all))
        {
            foreach (var row in await services.Storage.Receipts.OfRoomAsync(room, after, turn.UpTo, stop).ConfigureAwait(false))
            {
                all.Add(new ReceiptMark(row.Position, row.UserId, row.Type, row.ThreadId, row.EventId, row.Timestamp));
            }
        }

        string self = turn.Reader.UserId;
        all.RemoveAll(receipt => receipt.UserId != self
            && (receipt.Type == ReceiptTypes.ReadPrivate || turn.Ignored.Contains(receipt.UserId)));
        return Bounded(all, self, services.Options.MaxReceipts);
    }

    /// <summary>
    /// The user's own receipts and those of the main timeline always, of others' receipts in threads so many: the newest of each user first, so that
    /// nobody's many threads hide what others have read.
    /// </summary>
    private static List<ReceiptMark> Bounded(List<ReceiptMark> all, string self, int most)
    {
        bool InThread(ReceiptMark receipt) => receipt.UserId != self && receipt.ThreadId is not ("" or ReceiptTypes.MainThread);
        if (all.Count <= most || all.Count(InThread) <= most) return all;
        var shown = all.Where(InThread)
            .GroupBy(receipt => receipt.UserId)
            .SelectMany(ofUser => ofUser.OrderByDescending(receipt => receipt.Position).Select((receipt, nth) => (Receipt: receipt, Nth: nth)))
            .OrderBy(each => each.Nth).ThenByDescending(each => each.Receipt.Position)
            .Take(most).Select(each => each.Receipt).ToHashSet();
        all.RemoveAll(receipt => InThread(receipt) && !shown.Contains(receipt));
        return all;
    }

    private async ValueTask<IReadOnlyList<AccountDataRow>> AccountDataAsync(SyncTurn turn, RoomInput input, bool isNew, CancellationToken stop)
    {
        var room = input.View.Room;
        var rows = isNew && !turn.IsInitial
            ? await services.Storage.AccountData.OfRoomAsync(turn.Reader.UserId, room.Nid, stop).ConfigureAwait(false)
            : input.AccountData;
        return rows.Count == 0 ? rows : [.. rows.Where(row => Admits(turn.Filter.RoomAccountData, room, row.Type))];
    }

    private async ValueTask<IReadOnlyDictionary<long, string>> RootsAsync(
        SyncTurn turn, RoomIdentity room, UnreadCounts unread, CancellationToken stop)
    {
        var roots = new Dictionary<long, string>();
        if (!turn.Filter.Timeline.UnreadThreadNotifications) return roots;
        foreach (var thread in unread.Threads)
        {
            var root = await services.Events.GetAsync(room, new EventNid(thread.Thread), stop).ConfigureAwait(false);
            if (root is not null) roots[thread.Thread] = root.EventId;
        }

        return roots;
    }

    private static bool Admits(EventFilter filter, RoomIdentity room, string type) =>
        filter.AdmitsRoom(room.RoomId) && filter.Admits(type, null, false);
}
