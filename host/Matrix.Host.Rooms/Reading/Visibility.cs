using Matrix.Core.State;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Reading;

/// <summary>The reader of a room, with the facts that decide which events they may see.</summary>
/// <param name="UserId">The user.</param>
/// <param name="State">The room's state now, or when they left.</param>
/// <param name="IsJoined">Whether they are joined in that state.</param>
/// <param name="LastJoined">Their latest join, if they are no longer joined; none if they never were.</param>
/// <param name="Departure">The event that ended their membership, if they were joined; none otherwise.</param>
public sealed record Viewer(string UserId, StateTree State, bool IsJoined, EventNid LastJoined, EventNid Departure)
{
    /// <summary>A joined user.</summary>
    public static Viewer Member(string userId, StateTree state) =>
        new(userId, state, true, EventNid.None, EventNid.None);
}

/// <summary>Decides which events a user may see. Client-Server API, "Room History Visibility".</summary>
public sealed class Visibility(
    EventStore events, StateStore states, ReplacedState replaced, MembershipHistory history, ErasedUsers erased)
{
    private const string SettingType = "m.room.history_visibility";
    private const string MemberType = "m.room.member";

    /// <summary>
    /// The events of a room that the reader may see, with redacted copies of erased users' messages. Costs nothing for
    /// members who were joined all the time or whose room has shared history; otherwise it reads the state at each
    /// event.
    /// </summary>
    public async ValueTask<IReadOnlyList<StoredEvent>> FilterAsync(
        RoomIdentity room, IReadOnlyList<StoredEvent> among, Viewer reader, CancellationToken stop)
    {
        if (among.Count == 0) return among;
        if (await SeesAllAsync(room, among, reader, stop).ConfigureAwait(false))
        {
            return await HideErasedAsync(room, among, reader, stop).ConfigureAwait(false);
        }

        var seen = new List<StoredEvent>(among.Count);
        foreach (var stored in among)
        {
            if (await MaySeeAsync(room, stored, reader, stop).ConfigureAwait(false)) seen.Add(stored);
        }

        return await HideErasedAsync(room, seen, reader, stop).ConfigureAwait(false);
    }

    /// <summary>
    /// Events that the reader may see, with redacted copies of the messages of users erased before the reader joined.
    /// </summary>
    public ValueTask<IReadOnlyList<StoredEvent>> HideErasedAsync(
        RoomIdentity room, IReadOnlyList<StoredEvent> among, Viewer reader, CancellationToken stop) =>
        erased.HideAsync(room, among, reader, stop);

    /// <summary>Whether the reader may see an event, by the state before and after it.</summary>
    public async ValueTask<bool> MaySeeAsync(
        RoomIdentity room, StoredEvent stored, Viewer reader, CancellationToken stop)
    {
        var after = await states.AtAsync(room.Nid, stored.Row.Step, stop).ConfigureAwait(false);
        var settingAfter = await SettingAsync(room, after.Find(SettingType, ""), stop).ConfigureAwait(false);
        var membershipAfter = await MembershipAsync(
            room, after.Find(MemberType, reader.UserId), stop).ConfigureAwait(false);
        var (settingBefore, membershipBefore) = (settingAfter, membershipAfter);

        if (stored.Pdu.StateKey is { } key
            && ((stored.Pdu.Type == SettingType && key.Length == 0)
                || (stored.Pdu.Type == MemberType && key == reader.UserId)))
        {
            await replaced.LearnAsync(room.Nid, [stored], stop).ConfigureAwait(false);
            var before = stored.Replaces is { IsNone: false } nid
                ? await events.GetAsync(room, nid, stop).ConfigureAwait(false)
                : null;
            if (stored.Pdu.Type == SettingType)
            {
                settingBefore = before is null ? null : HistoryVisibility.SettingOf(before.Pdu.Content);
            }
            else membershipBefore = before is null ? null : HistoryVisibility.MembershipOf(before.Pdu.Content);
        }

        return HistoryVisibility.MaySee(new VisibilityFacts(
            settingBefore,
            settingAfter,
            membershipBefore,
            membershipAfter,
            reader.IsJoined || reader.LastJoined.Value > stored.Nid.Value));
    }

    /// <summary>
    /// Whether a member sees every event after one: the history visibility has been `shared` or wider since before it,
    /// or they were joined all the time.
    /// </summary>
    public async ValueTask<bool> SeesAllSinceAsync(
        RoomIdentity room, EventNid since, Viewer reader, CancellationToken stop) =>
        reader.IsJoined
        && (await IsSharedSinceAsync(room, since, reader.State, stop).ConfigureAwait(false)
            || await IsJoinedSinceAsync(room, since, reader, stop).ConfigureAwait(false));

    /// <summary>Whether the reader sees all of these events; a user who left may see those before they left.</summary>
    private async ValueTask<bool> SeesAllAsync(
        RoomIdentity room, IReadOnlyList<StoredEvent> among, Viewer reader, CancellationToken stop)
    {
        var first = StoredEvent.OldestOf(among);
        if (reader.IsJoined) return await SeesAllSinceAsync(room, first, reader, stop).ConfigureAwait(false);
        return !reader.LastJoined.IsNone
            && among.Max(stored => stored.Nid.Value) <= reader.Departure.Value
            && await IsSharedSinceAsync(room, first, reader.State, stop).ConfigureAwait(false);
    }

    private async ValueTask<bool> IsSharedSinceAsync(
        RoomIdentity room, EventNid since, StateTree state, CancellationToken stop)
    {
        var entry = state.Find(SettingType, "");
        if (entry is not null && EventNid.Of(room.Nid, entry.Ordinal).IsOutlier)
        {
            // Its number does not say when it came: the state at the first event does.
            if (await events.GetAsync(room, since, stop).ConfigureAwait(false) is not { } first) return false;
            var then = await states.AtAsync(room.Nid, first.Row.Step, stop).ConfigureAwait(false);
            if (first.EventId == entry.EventId || then.Find(SettingType, "")?.EventId != entry.EventId) return false;
        }
        else if (entry is not null && entry.Ordinal >= since.Ordinal)
        {
            return false;
        }

        return await SettingAsync(room, entry, stop).ConfigureAwait(false) is not ("invited" or "joined");
    }

    private async ValueTask<bool> IsJoinedSinceAsync(
        RoomIdentity room, EventNid since, Viewer reader, CancellationToken stop)
    {
        if (reader.State.Find(MemberType, reader.UserId) is not { } entry) return false;
        var back = await history.BackAsync(
            room,
            EventNid.Of(room.Nid, entry.Ordinal),
            member => member.Nid.Value <= since.Value || member.Membership != "join",
            stop).ConfigureAwait(false);
        return back.Count > 0
            && back[^1].Nid.Value <= since.Value
            && back[^1].Membership == "join";
    }

    private async ValueTask<string?> SettingAsync(RoomIdentity room, StateEntry? entry, CancellationToken stop) =>
        await ContentAsync(room, entry, stop).ConfigureAwait(false) is { } stored
            ? HistoryVisibility.SettingOf(stored.Pdu.Content)
            : null;

    private async ValueTask<string?> MembershipAsync(RoomIdentity room, StateEntry? entry, CancellationToken stop) =>
        await ContentAsync(room, entry, stop).ConfigureAwait(false) is { } stored
            ? HistoryVisibility.MembershipOf(stored.Pdu.Content)
            : null;

    private async ValueTask<StoredEvent?> ContentAsync(RoomIdentity room, StateEntry? entry, CancellationToken stop) =>
        entry is null
            ? null
            : await events.GetAsync(room, EventNid.Of(room.Nid, entry.Ordinal), stop).ConfigureAwait(false);
}
