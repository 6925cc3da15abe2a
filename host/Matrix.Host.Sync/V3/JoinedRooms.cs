using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.AccountData;
using Matrix.Host.Streams.Streams.DeviceLists;
using Matrix.Host.Streams.Streams.Memberships;
using Matrix.Host.Streams.Streams.Timelines;
using Matrix.Host.Streams.Streams.Unread;
using Matrix.Host.Sync.Responses;

namespace Matrix.Host.Sync.V3;

/// <summary>Joined rooms. v1.19 client-server-api#syncing: `JoinedRoom`.</summary>
internal sealed class JoinedRooms(
    AccountDataReader accountDataReader,
    RoomPositions positions,
    MembershipReader memberships,
    DeviceListChanges deviceLists,
    TimelineReader timelines,
    TimelineExtras timelineExtras,
    StateSection stateSection,
    Heroes heroes,
    EphemeralSection ephemeral,
    UnreadReader unreadReader,
    RoomWriter writer)
{
    /// <summary>Writes the room as a member of `join`, if it has news.</summary>
    public async ValueTask<bool> WriteAsync(SyncPass pass, RoomInput input, CancellationToken stop)
    {
        var room = input.Snapshot.Room;
        string userId = pass.Reader.UserId;
        var end = await positions.StateAsync(input.Snapshot, input.End.Step, stop);

        // The user may have joined after the position at which this response ends.
        if (!await memberships.IsJoinedAsync(input.Snapshot, end, userId, stop)) return false;
        var before = input.Before is { } at
            ? await positions.StateAsync(input.Snapshot, at.Step, stop)
            : StateTree.Empty;
        bool isNew = input.Before is null
            || !await WasJoinedAsync(room, before, end, userId, stop);
        bool isFull = isNew || pass.Request.FullState;
        var member = MemberOf(room, end, userId);
        var scope = new ViewScope(Viewer.Member(userId, end), input.End.LastNid);
        var after = isNew ? EventNid.None : input.Before!.Value.LastNid;
        var timeline = await timelines.ReadAsync(room, after, input.End.LastNid, scope.Viewer, pass.Timelines, stop);
        var summary = await SummaryAsync(pass, input, before, end, isFull, stop);
        var since = isFull ? StateTree.Empty : before;
        var span = new StateSpan(room, since, end, timeline, isFull);
        var state = await stateSection.EventsAsync(pass, span, summary?.Heroes ?? [], stop);
        var typing = ephemeral.TypingOf(pass, input, isNew);
        var receipts = await ephemeral.ReceiptsAsync(pass, input, isNew, stop);
        var accountData = await AccountDataAsync(pass, input, isNew, stop);

        bool hasEvents = timeline.Events.Count > 0 || timeline.Limited || state.Count > 0 || summary is not null;
        bool hasMore = typing is not null || receipts.Count > 0 || accountData.Count > 0;
        bool ownRead = (input.Parts & RoomParts.OwnReceipts) != 0;
        if (!isFull && !hasEvents && !hasMore && !ownRead) return false;

        var unread = await unreadReader.OfAsync(userId, room, member, input.End.LastNid, stop);
        var roots = pass.Filter.Timeline.UnreadThreadNotifications
            ? await unreadReader.RootsAsync(room, unread, stop)
            : null;

        pass.HasNews = true;
        var json = pass.Json;
        json.WriteStartObject(room.RoomId);
        if (summary is not null) RoomWriter.Summary(pass, summary);
        if (state.Count > 0 || pass.Request.UsesStateAfter || isFull)
        {
            await writer.StateAsync(pass, room, state, member, stop);
        }

        await writer.TimelineAsync(
            pass,
            timeline,
            some => timelineExtras.OfAsync(pass.Reader, input.Snapshot, scope, timeline, some, member, stop),
            stop);
        EphemeralSection.Write(pass, typing, receipts);
        await writer.AccountDataAsync(pass, accountData, stop);
        UnreadFormat.Write(json, unread, roots);
        json.WriteEndObject();
        await pass.StepAsync(stop);
        return true;
    }

    /// <summary>The user's member event in a state.</summary>
    private static EventNid MemberOf(RoomIdentity room, StateTree state, string userId) =>
        state.Find(EventTypes.Member, userId) is { } own ? EventNid.Of(room.Nid, own.Ordinal) : EventNid.None;

    /// <summary>Whether the client has the room already, because the user was joined at its token.</summary>
    private async ValueTask<bool> WasJoinedAsync(
        RoomIdentity room, StateTree before, StateTree end, string userId, CancellationToken stop)
    {
        // The same event still gives the membership.
        if (ReferenceEquals(before, end)
            || before.Find(EventTypes.Member, userId)?.Ordinal == end.Find(EventTypes.Member, userId)?.Ordinal)
        {
            return true;
        }

        return await memberships.IsJoinedAsync(room, before, userId, stop);
    }

    /// <summary>
    /// The summary if the members or the name changed or the client does not have the room; otherwise null. It also
    /// compares the changed members for device lists.
    /// </summary>
    private async ValueTask<Summary?> SummaryAsync(
        SyncPass pass, RoomInput input, StateTree before, StateTree end, bool isFull, CancellationToken stop)
    {
        var room = input.Snapshot.Room;
        string userId = pass.Reader.UserId;
        bool membersChanged = false;
        bool nameChanged = false;
        if (input.Before is not null && !ReferenceEquals(before, end))
        {
            var changes = StateTree.Diff(before, end).Changes;
            membersChanged = changes.Any(change => change.Type == EventTypes.Member);
            nameChanged = changes.Any(change => change.Type is EventTypes.Name or EventTypes.CanonicalAlias);
            if (membersChanged && !pass.IsInitial)
            {
                await deviceLists.CompareAsync(
                    userId,
                    room,
                    before,
                    end,
                    (pass.SinceIn(room.Nid), pass.UpTo),
                    pass.DevicesChanged,
                    pass.DevicesLeft,
                    stop);
            }
        }

        if (!isFull && !membersChanged && !nameChanged) return null;
        var named = await heroes.OfAsync(room, end, userId, stop);
        return new Summary(named, input.Snapshot.JoinedCount, input.Snapshot.InvitedCount);
    }

    private async ValueTask<IReadOnlyList<AccountDataRow>> AccountDataAsync(
        SyncPass pass, RoomInput input, bool isNew, CancellationToken stop)
    {
        var room = input.Snapshot.Room;
        var rows = isNew && !pass.IsInitial
            ? await accountDataReader.OfRoomAsync(pass.Reader.UserId, room.Nid, stop)
            : input.AccountData;
        return rows.Count == 0
            ? rows
            : [.. rows.Where(row => EphemeralSection.Admits(pass.Filter.RoomAccountData, room, row.Type))];
    }
}
