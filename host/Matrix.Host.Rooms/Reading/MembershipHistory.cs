using Matrix.Core.Event;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Reading;

/// <summary>Follows a user's member events in a room backward.</summary>
public sealed class MembershipHistory(
    EventStore events, StateStore states, RoomsTable rooms, ReplacedState replaced)
{
    /// <summary>
    /// The most member events that are followed. A user with more of them since they were last joined counts as never
    /// joined; a user with more of them since they joined, through changes of their profile, counts as joined since the
    /// oldest that is followed.
    /// </summary>
    public const int Longest = 2000;

    /// <summary>Up to this many member events, following them costs less than reading the states at events.</summary>
    private const int Near = 64;


    /// <summary>
    /// The user's member events, latest first, back to the first for which <paramref name="enough"/> is true,
    /// inclusive. The state events of any other key are followed in the same way.
    /// </summary>
    public ValueTask<IReadOnlyList<StoredEvent>> BackAsync(
        RoomIdentity room, EventNid latest, Func<StoredEvent, bool> enough, CancellationToken stop) =>
        FollowAsync(room, latest, enough, Longest, stop);

    /// <summary>
    /// The same from the user's current member event on, given when it became current. The event before it is the one
    /// that was current until then: the state before an event of a branch may have another one.
    /// </summary>
    public async ValueTask<IReadOnlyList<StoredEvent>> BackAsync(
        RoomIdentity room, EventNid current, long since, Func<StoredEvent, bool> enough, CancellationToken stop)
    {
        if (await events.GetAsync(room, current, stop) is not { } member) return [];
        if (enough(member)) return [member];
        var former = await FormerAsync(room, member, current, since, stop);
        return [member, .. await FollowAsync(room, former, enough, Longest, stop)];
    }

    /// <summary>
    /// The event by which a user joined, given their current member event; later changes of their profile do not count.
    /// None if there is none.
    /// </summary>
    public async ValueTask<EventNid> JoinedAtAsync(RoomIdentity room, EventNid member, CancellationToken stop)
    {
        if (member == EventNid.None) return EventNid.None;
        var back = await BackAsync(room, member, static stored => stored.Membership != "join", stop);
        return back.LastOrDefault(static stored => stored.Membership == "join")?.Nid ?? EventNid.None;
    }

    /// <summary>The member event that was current before this one.</summary>
    private async ValueTask<EventNid> FormerAsync(
        RoomIdentity room, StoredEvent member, EventNid current, long since, CancellationToken stop)
    {
        // Within one batch, the log of the current state does not tell one from the next.
        await replaced.LearnAsync(room.Nid, [member], stop);
        if (member.Replaces is { IsNone: false } nid
            && await events.GetAsync(room, nid, stop) is { } one
            && one.Row.Position == since)
        {
            return nid;
        }

        var step = await rooms.CurrentStepAtAsync(room.Nid, since - 1, stop);
        var state = await states.AtAsync(room.Nid, step, stop);
        return state.Find(EventTypes.Member, member.Pdu.StateKey!) is { } entry && entry.Ordinal != current.Ordinal
            ? EventNid.Of(room.Nid, entry.Ordinal)
            : EventNid.None;
    }

    /// <summary>The member events that give the user's membership at each of these events, latest first.</summary>
    /// <param name="room">The room.</param>
    /// <param name="latest">The user's member event at the latest of the events, or a later one.</param>
    /// <param name="among">The events.</param>
    public async ValueTask<IReadOnlyList<StoredEvent>> AtAsync(
        RoomIdentity room, EventNid latest, IReadOnlyList<StoredEvent> among, CancellationToken stop)
    {
        if (among.Count == 0) return [];
        var oldest = StoredEvent.OldestOf(among).Value;
        var near = await FollowAsync(room, latest, member => member.Nid.Value <= oldest, Near, stop);
        if (near.Count < Near || near[^1].Nid.Value <= oldest) return near;

        var user = near[0].Pdu.StateKey!;
        var further = new HashSet<EventNid>();
        foreach (var stored in among)
        {
            if (stored.Nid.Value >= near[^1].Nid.Value) continue;
            var state = await states.AtAsync(room.Nid, stored.Row.Step, stop);
            if (state.Find(EventTypes.Member, user) is { } entry) further.Add(EventNid.Of(room.Nid, entry.Ordinal));
        }

        var found = await events.GetManyAsync(room, further, stop);
        return [.. near, .. found.OrderByDescending(member => member.Nid.Value)];
    }

    /// <summary>
    /// The user's membership at each of these state events; null for events that lie too far back. At most one query if
    /// the user's member events are given or in memory.
    /// </summary>
    /// <param name="room">The room.</param>
    /// <param name="latest">The user's member event at the latest of the events, or a later one.</param>
    /// <param name="among">The events, whose <see cref="StoredEvent.Replaces"/> is known.</param>
    public async ValueTask<Func<EventNid, string?>> MembershipsAsync(
        RoomIdentity room, EventNid latest, IReadOnlyList<StoredEvent> among, CancellationToken stop)
    {
        if (among.Count == 0 || latest.IsNone) return static _ => null;
        var oldest = StoredEvent.OldestOf(among).Value;
        var history = await FollowAsync(room, latest, member => member.Nid.Value <= oldest, Near, stop);
        var seenFrom = history.Count < Near ? long.MinValue : history[^1].Nid.Value;
        return nid => nid.Value < seenFrom ? null : MembershipAt(history, nid);
    }

    private async ValueTask<IReadOnlyList<StoredEvent>> FollowAsync(
        RoomIdentity room, EventNid latest, Func<StoredEvent, bool> enough, int longest, CancellationToken stop)
    {
        var history = new List<StoredEvent>();
        var next = latest;
        while (!next.IsNone && history.Count < longest)
        {
            if (await events.GetAsync(room, next, stop) is not { } member) break;
            history.Add(member);
            if (enough(member)) break;
            await replaced.LearnAsync(room.Nid, [member], stop);
            next = member.Replaces ?? EventNid.None;
        }

        return history;
    }

    /// <summary>
    /// The user's membership after an event, by a history that reaches back far enough; <c>leave</c> before its
    /// beginning.
    /// </summary>
    public static string MembershipAt(IReadOnlyList<StoredEvent> history, EventNid nid)
    {
        for (var i = 0; i < history.Count; i++)
        {
            if (history[i].Nid.Value <= nid.Value) return history[i].Membership;
        }

        return "leave";
    }
}
