using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Reading;

/// <summary>The reader of a room, with the facts that decide which events they may see.</summary>
/// <param name="UserId">The user.</param>
/// <param name="State">The room's state now, or when they left.</param>
/// <param name="IsJoined">Whether they are joined in that state.</param>
/// <param name="LastJoined">Their latest join, if they are no longer joined; none if they never were.</param>
/// <param name="JoinedThrough">The last event that surely came while they were joined, if they are no longer joined;
/// none if that is not known.</param>
public sealed record Viewer(
    string UserId, StateTree State, bool IsJoined, EventNid LastJoined, EventNid JoinedThrough)
{
    /// <summary>A joined user.</summary>
    public static Viewer Member(string userId, StateTree state) =>
        new(userId, state, true, EventNid.None, EventNid.None);

    /// <summary>Whether they see everything: an administrator of the server, who need not be in the room.</summary>
    public bool SeesAll { get; init; }

    /// <summary>Whether they joined after an event came, or were joined then.</summary>
    internal bool JoinedAtOrAfter(EventNid nid) =>
        IsJoined || LastJoined.Value > nid.Value || (!LastJoined.IsNone && nid.Value <= JoinedThrough.Value);
}

/// <summary>
/// Decides which events a user may see, by the state at each event: an event on a branch may be numbered after events
/// that were sent later than it. v1.19 client-server-api#room-history-visibility
/// </summary>
public sealed class Visibility(
    EventStore events,
    StepEntries entries,
    ReplacedState replaced,
    MembershipHistory history,
    ErasedUsers erased,
    RoomsTable rooms)
{
    /// <summary>
    /// The events of a room that the reader may see, with redacted copies of erased users' messages. Events between two
    /// changes of the state share the look-up.
    /// </summary>
    public async ValueTask<IReadOnlyList<StoredEvent>> FilterAsync(
        RoomIdentity room, IReadOnlyList<StoredEvent> among, Viewer reader, CancellationToken stop)
    {
        if (among.Count == 0 || reader.SeesAll) return among;
        var at = await entries.AtAsync(
            room.Nid,
            among.Select(static stored => stored.Row.Step),
            [(EventTypes.HistoryVisibility, ""), (EventTypes.Member, reader.UserId)],
            stop);
        var states = new Dictionary<int, AtEvent>(at.Count);
        var seen = new List<StoredEvent>(among.Count);
        foreach (var stored in among)
        {
            if (!states.TryGetValue(stored.Row.Step, out var after))
            {
                after = await AtAsync(room, at[stored.Row.Step], stop);
                states.Add(stored.Row.Step, after);
            }

            if (await MaySeeAsync(room, stored, after, reader, stop)) seen.Add(stored);
        }

        var shown = seen.Count == among.Count ? among : seen;
        return await erased.HideAsync(room, shown, reader, stop);
    }

    /// <summary>
    /// Whether a member surely sees every event after one: the history visibility has never been narrower than
    /// `shared`, or they were joined all the time. The latter says nothing of events of branches, which only rooms with
    /// other servers have.
    /// </summary>
    public async ValueTask<bool> SeesAllSinceAsync(
        RoomIdentity room, EventNid since, Viewer reader, CancellationToken stop) =>
        reader.SeesAll || reader.IsJoined
        && (await WasAlwaysSharedAsync(room, since, reader.State, stop)
            || (await IsJoinedSinceAsync(room, since, reader, stop)
                && await rooms.FindAsync(room.Nid, stop) is { IsFederated: false }));

    private async ValueTask<bool> MaySeeAsync(
        RoomIdentity room, StoredEvent stored, AtEvent after, Viewer reader, CancellationToken stop)
    {
        var before = after;
        if (stored.Pdu.StateKey is { } key
            && ((stored.Pdu.Type == EventTypes.HistoryVisibility && key.Length == 0)
                || (stored.Pdu.Type == EventTypes.Member && key == reader.UserId)))
        {
            await replaced.LearnAsync(room.Nid, [stored], stop);
            var earlier = stored.Replaces is { IsNone: false } nid
                ? await events.GetAsync(room, nid, stop)
                : null;
            before = stored.Pdu.Type == EventTypes.HistoryVisibility
                ? after with { Setting = SettingOf(earlier) }
                : after with { Membership = MembershipOf(earlier) };
        }

        return HistoryVisibility.MaySee(new VisibilityFacts(
            before.Setting,
            after.Setting,
            before.Membership,
            after.Membership,
            reader.JoinedAtOrAfter(stored.Nid)));
    }

    private async ValueTask<AtEvent> AtAsync(RoomIdentity room, uint[] ordinals, CancellationToken stop) => new(
        SettingOf(await EventAsync(room, ordinals[0], stop)),
        MembershipOf(await EventAsync(room, ordinals[1], stop)));

    private ValueTask<StoredEvent?> EventAsync(RoomIdentity room, uint ordinal, CancellationToken stop) =>
        ordinal == 0 ? default : events.GetAsync(room, EventNid.Of(room.Nid, ordinal), stop);

    private static string? SettingOf(StoredEvent? stored) =>
        stored is null ? null : HistoryVisibility.SettingOf(stored.Pdu.Content);

    private static string? MembershipOf(StoredEvent? stored) =>
        stored is null ? null : HistoryVisibility.MembershipOf(stored.Pdu.Content);

    private static bool IsNarrow(StoredEvent setting) => SettingOf(setting) is "invited" or "joined";

    private async ValueTask<bool> WasAlwaysSharedAsync(
        RoomIdentity room, EventNid since, StateTree state, CancellationToken stop)
    {
        if (state.Find(EventTypes.HistoryVisibility, "") is not { } entry) return true;
        var latest = EventNid.Of(room.Nid, entry.Ordinal);

        // The number of an outlier does not say when it came.
        if (latest.IsOutlier || latest.Value >= since.Value) return false;
        var back = await history.BackAsync(room, latest, IsNarrow, stop);
        return back.Count > 0 && !IsNarrow(back[^1]);
    }

    private async ValueTask<bool> IsJoinedSinceAsync(
        RoomIdentity room, EventNid since, Viewer reader, CancellationToken stop)
    {
        if (reader.State.Find(EventTypes.Member, reader.UserId) is not { } entry) return false;
        var back = await history.BackAsync(
            room,
            EventNid.Of(room.Nid, entry.Ordinal),
            member => member.Nid.Value <= since.Value || member.Membership != "join",
            stop);
        return back.Count > 0
            && back[^1].Nid.Value <= since.Value
            && back[^1].Membership == "join";
    }

    /// <summary>The state after an event, as far as it decides: the setting, and the reader's membership.</summary>
    private readonly record struct AtEvent(string? Setting, string? Membership);
}
