using Matrix.Core.State;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Rooms.Snapshots;
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
    public async ValueTask<bool> WriteAsync(SyncPass pass, RoomInput input, CancellationToken stop)
    {
        var room = input.Snapshot.Room;
        string userId = pass.Reader.UserId;
        var end = await StateAtAsync(input.Snapshot, input.End.Step, stop).ConfigureAwait(false);

        // They may have joined behind the position that this answer goes up to.
        if (!await IsJoinedAsync(room, end, userId, stop).ConfigureAwait(false)) return false;
        var before = input.Before is { } place ? await StateAtAsync(input.Snapshot, place.Step, stop).ConfigureAwait(false) : StateTree.Empty;
        bool isNew = input.Before is null || !await WasJoinedAsync(room, before, end, userId, stop).ConfigureAwait(false);
        bool isFull = isNew || pass.Request.FullState;

        var scope = new ViewScope(Viewer.Member(userId, end), input.End.LastNid);
        var timeline = await _timelines.ReadAsync(
            room,
            isNew ? EventNid.None : input.Before!.Value.LastNid,
            input.End.LastNid,
            scope.Viewer,
            pass,
            stop).ConfigureAwait(false);
        var history = await HistoryAsync(room, end, userId, timeline, stop).ConfigureAwait(false);
        var extras = await services.ClientEvents.ExtrasAsync(room, timeline.Events, history, scope, stop).ConfigureAwait(false);
        await services.BundleAsync(pass, input.Snapshot, scope, timeline, extras, stop).ConfigureAwait(false);

        bool membersChanged = false;
        bool nameChanged = false;
        if (input.Before is not null && !ReferenceEquals(before, end))
        {
            var changes = StateTree.Diff(before, end).Changes;
            membersChanged = changes.Any(change => change.Type == MemberType);
            nameChanged = changes.Any(change => change.Type is "m.room.name" or "m.room.canonical_alias");
            if (membersChanged && !pass.IsInitial)
            {
                await services.DeviceLists.CompareAsync(userId, room, before, end, pass.DevicesChanged, pass.DevicesLeft, stop).ConfigureAwait(false);
            }
        }

        if (isNew) before = StateTree.Empty;
        Summary? summary = null;
        if (isFull || membersChanged || nameChanged)
        {
            var heroes = await _heroes.OfAsync(room, end, userId, stop).ConfigureAwait(false);
            summary = new Summary(heroes, input.Snapshot.JoinedCount, input.Snapshot.InvitedCount);
        }

        var span = new StateSpan(room, isFull ? StateTree.Empty : before, end, timeline, isFull);
        var state = await _state.EventsAsync(pass, span, summary?.Heroes ?? [], stop).ConfigureAwait(false);
        var member = end.Find(MemberType, userId) is { } own ? EventNid.Of(room.Nid, own.Ordinal) : EventNid.None;
        var stateExtras = await services.ClientEvents.StateExtrasAsync(room, state, member, stop).ConfigureAwait(false);
        var typing = TypingOf(pass, input, isNew);
        var receipts = await ReceiptsAsync(pass, input, isNew, stop).ConfigureAwait(false);
        var accountData = await AccountDataAsync(pass, input, isNew, stop).ConfigureAwait(false);

        bool ownRead = (input.Parts & RoomParts.OwnReceipts) != 0;
        if (!isFull && timeline.Events.Count == 0 && !timeline.Limited && state.Count == 0 && summary is null
            && typing is null && receipts.Count == 0 && accountData.Count == 0 && !ownRead)
        {
            return false;
        }

        var unread = await services.Unread.OfAsync(
            room, userId, () => JoinedAtAsync(room, end, userId, stop), input.End.LastNid, stop).ConfigureAwait(false);
        var roots = await RootsAsync(pass, room, unread, stop).ConfigureAwait(false);

        var output = pass.Output;
        output.Name(room.RoomId);
        output.Byte((byte)'{');
        if (summary is not null) RoomWriter.Summary(pass, summary);
        if (state.Count > 0 || pass.Request.UseStateAfter || isFull) _writer.State(pass, state, stateExtras);
        _writer.Timeline(pass, timeline, extras);
        RoomWriter.Ephemeral(pass, typing, receipts);
        RoomWriter.AccountData(pass, accountData);
        RoomWriter.Unread(pass, unread, roots);
        output.Close();
        return true;
    }

    private ValueTask<StateTree> StateAtAsync(RoomSnapshot snapshot, int step, CancellationToken stop) =>
        step == snapshot.Step ? ValueTask.FromResult(snapshot.State) : services.States.AtAsync(snapshot.Room.Nid, step, stop);

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
        return member is not null && MembershipHistory.MembershipOf(member) == "join";
    }

    /// <summary>The user's memberships back to the timeline's first event.</summary>
    private ValueTask<IReadOnlyList<StoredEvent>> HistoryAsync(
        RoomIdentity room, StateTree end, string userId, Timeline timeline, CancellationToken stop)
    {
        var member = end.Find(MemberType, userId) is { } entry ? EventNid.Of(room.Nid, entry.Ordinal) : EventNid.None;
        return services.History.AtAsync(room, member, timeline.Events, stop);
    }

    /// <summary>The event with which the user came into the room, profile changes passed over.</summary>
    private async ValueTask<EventNid> JoinedAtAsync(RoomIdentity room, StateTree end, string userId, CancellationToken stop)
    {
        if (end.Find(MemberType, userId) is not { } entry) return EventNid.None;
        var history = await services.History.BackAsync(
            room, EventNid.Of(room.Nid, entry.Ordinal), member => MembershipHistory.MembershipOf(member) != "join", stop).ConfigureAwait(false);
        return history.LastOrDefault(member => MembershipHistory.MembershipOf(member) == "join")?.Nid ?? EventNid.None;
    }

    private List<string>? TypingOf(SyncPass pass, RoomInput input, bool isNew)
    {
        if (!isNew && (input.Parts & RoomParts.Typing) == 0) return null;
        if (!Admits(pass.Filter.Ephemeral, input.Snapshot.Room, "m.typing")) return null;
        var typing = services.Typing.In(input.Snapshot.Room.Nid).Where(user => !pass.Ignored.Contains(user)).ToList();
        return isNew && typing.Count == 0 ? null : typing;
    }

    private async ValueTask<IReadOnlyList<ReceiptMark>> ReceiptsAsync(SyncPass pass, RoomInput input, bool isNew, CancellationToken stop)
    {
        if (!isNew && (input.Parts & (RoomParts.Receipts | RoomParts.OwnReceipts)) == 0) return [];
        if (!Admits(pass.Filter.Ephemeral, input.Snapshot.Room, "m.receipt")) return [];

        var room = input.Snapshot.Room.Nid;
        long after = isNew ? 0 : pass.SincePosition;
        var all = new List<ReceiptMark>();
        if (input.Receipts is { } given) all.AddRange(given);
        else if (services.Notifier.Room(room) is not { } stream || !stream.TryReceipts(after, pass.UpTo, all))
        {
            foreach (var row in await services.Storage.Receipts.OfRoomAsync(room, after, pass.UpTo, stop).ConfigureAwait(false))
            {
                all.Add(new ReceiptMark(row.Position, row.UserId, row.Type, row.ThreadId, row.EventId, row.Timestamp));
            }
        }

        string self = pass.Reader.UserId;
        all.RemoveAll(receipt => receipt.UserId != self
            && (receipt.Type == ReceiptTypes.ReadPrivate || pass.Ignored.Contains(receipt.UserId)));
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

    private async ValueTask<IReadOnlyList<AccountDataRow>> AccountDataAsync(SyncPass pass, RoomInput input, bool isNew, CancellationToken stop)
    {
        var room = input.Snapshot.Room;
        var rows = isNew && !pass.IsInitial
            ? await services.Storage.AccountData.OfRoomAsync(pass.Reader.UserId, room.Nid, stop).ConfigureAwait(false)
            : input.AccountData;
        return rows.Count == 0 ? rows : [.. rows.Where(row => Admits(pass.Filter.RoomAccountData, room, row.Type))];
    }

    private async ValueTask<IReadOnlyDictionary<long, string>> RootsAsync(
        SyncPass pass, RoomIdentity room, UnreadCounts unread, CancellationToken stop)
    {
        var roots = new Dictionary<long, string>();
        if (!pass.Filter.Timeline.UnreadThreadNotifications) return roots;
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
