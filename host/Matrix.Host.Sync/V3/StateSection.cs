using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Streams.Streams.Timelines;

namespace Matrix.Host.Sync.V3;

/// <summary>The client's state, the state to reach, and the timeline between.</summary>
/// <param name="Before">The client's state; empty if it gets the whole state.</param>
/// <param name="End">The state at the timeline's end.</param>
/// <param name="IsFull">Whether the client gets the whole state.</param>
internal sealed record StateSpan(RoomIdentity Room, StateTree Before, StateTree End, Timeline Timeline, bool IsFull);

/// <summary>
/// Selects a room's state events for a response: by the states' difference, lazy loading and the filter.
/// </summary>
internal sealed class StateSection(EventStore events)
{
    /// <summary>The events' numbers, in timeline order.</summary>
    /// <param name="heroes">The members that the summary names.</param>
    public async ValueTask<IReadOnlyList<EventNid>> EventsAsync(
        SyncPass pass, StateSpan span, IReadOnlyList<StoredEvent> heroes, CancellationToken stop)
    {
        if (!pass.Filter.State.AdmitsRoom(span.Room.RoomId)) return [];
        var room = span.Room.Nid;
        string? but = pass.Filter.State.LazyLoadMembers ? EventTypes.Member : null;
        var refs = pass.Request.UsesStateAfter
            ? StateDelta.UpToEnd(room, span.Before, span.End, but)
            : StateDelta.UpToTimeline(room, span.Before, span.End, span.Timeline.Events, but);
        if (pass.Filter.State.LazyLoadMembers) LoadMembersLazily(pass, span, heroes, refs);

        refs.RemoveAll(entry => !pass.Filter.State.AdmitsType(entry.Type));
        if (refs.Count == 0) return [];
        IReadOnlyList<EventNid> state = [.. refs.Select(entry => entry.Nid).Order()];
        if (!pass.Filter.State.AdmitsByType)
        {
            var admitted = new List<EventNid>();
            await foreach (var portion in events.PortionsAsync(span.Room, state, stop))
            {
                admitted.AddRange(portion
                    .Where(stored => TimelineReader.Admits(pass.Filter.State, stored))
                    .Select(stored => stored.Nid));
            }

            state = admitted;
        }

        if (pass.Filter.State.LazyLoadMembers) RememberSent(pass, span, refs, state);
        return state;
    }

    /// <summary>
    /// With a whole state, only the members who sent events of the timeline, the heroes and the user are included. With
    /// a difference, all changed members are included, and senders whom the device is not known to have.
    /// </summary>
    private static void LoadMembersLazily(
        SyncPass pass, StateSpan span, IReadOnlyList<StoredEvent> heroes, List<StateRef> refs)
    {
        var room = span.Room.Nid;
        var wanted = new HashSet<string>(StringComparer.Ordinal);
        foreach (var stored in span.Timeline.Events) wanted.Add(stored.Row.Sender);
        foreach (var hero in heroes) wanted.Add(hero.Pdu.StateKey ?? "");
        if (span.IsFull)
        {
            wanted.Add(pass.Reader.UserId);
            refs.RemoveAll(entry => entry.Type == EventTypes.Member);
        }
        else
        {
            foreach (var entry in refs)
            {
                if (entry.Type == EventTypes.Member) wanted.Remove(entry.StateKey);
            }
        }

        var shown = span.Timeline.Events
            .Where(stored => (stored.Row.Marks & EventMarks.State) != 0 && stored.Pdu.Type == EventTypes.Member)
            .ToLookup(stored => stored.Pdu.StateKey);
        foreach (string userId in wanted)
        {
            // If the timeline changes a member, the state before the timeline has the event that the change replaced.
            var nid = !pass.Request.UsesStateAfter && shown[userId].FirstOrDefault() is { } change
                ? change.Replaces ?? EventNid.None
                : span.End.Find(EventTypes.Member, userId) is { } entry ? EventNid.Of(room, entry.Ordinal)
                : EventNid.None;
            if (nid.IsNone) continue;
            if (!span.IsFull
                && !pass.Filter.State.IncludeRedundantMembers
                && pass.Device.Members.Has(room, userId, nid))
            {
                continue;
            }

            refs.Add(new StateRef(EventTypes.Member, userId, nid));
        }
    }

    private static void RememberSent(
        SyncPass pass, StateSpan span, List<StateRef> refs, IReadOnlyList<EventNid> state)
    {
        var sent = state.Count == refs.Count ? null : state.ToHashSet();
        foreach (var entry in refs)
        {
            if (entry.Type != EventTypes.Member || sent?.Contains(entry.Nid) == false) continue;
            pass.LazilySent.Add(new((span.Room.Nid, entry.StateKey), entry.Nid));
        }

        foreach (var stored in span.Timeline.Events)
        {
            if ((stored.Row.Marks & EventMarks.State) == 0
                || stored.Pdu is not { Type: EventTypes.Member, StateKey: { } userId })
            {
                continue;
            }

            pass.LazilySent.Add(new((span.Room.Nid, userId), stored.Nid));
        }
    }
}
