using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Reading;

/// <summary>A user's memberships in a room, followed from the latest back.</summary>
public sealed class MembershipHistory(EventStore events, StateStore states, ReplacedState replaced)
{
    /// <summary>
    /// How far back a history is followed. One who was banned and let in again more often than half of that, since they were last in the room, is taken
    /// for one who never was; one who changed their name more often, since they came, for one who came then.
    /// </summary>
    public const int Longest = 2000;

    /// <summary>Up to here following a history costs less than asking for the states at events.</summary>
    private const int Near = 64;

    private const string MemberType = "m.room.member";

    /// <summary>
    /// The user's member events from one back to the first that <paramref name="enough"/> says suffices (included), latest first.
    /// </summary>
    public ValueTask<IReadOnlyList<StoredEvent>> BackAsync(
        RoomIdentity room, EventNid latest, Func<StoredEvent, bool> enough, CancellationToken stop) =>
        FollowAsync(room, latest, enough, Longest, stop);

    /// <summary>The user's member events that say what they were at each of these events, latest first.</summary>
    /// <param name="room">The room.</param>
    /// <param name="latest">The user's member event at the latest of the events, or a later one.</param>
    /// <param name="among">The events.</param>
    /// <param name="stop">Cancels reading.</param>
    public async ValueTask<IReadOnlyList<StoredEvent>> AtAsync(
        RoomIdentity room, EventNid latest, IReadOnlyList<StoredEvent> among, CancellationToken stop)
    {
        if (among.Count == 0) return [];
        var oldest = among.Min(stored => stored.Nid.Value);
        var near = await FollowAsync(room, latest, member => member.Nid.Value <= oldest, Near, stop).ConfigureAwait(false);
        if (near.Count < Near || near[^1].Nid.Value <= oldest) return near;

        var user = near[0].Pdu.StateKey!;
        var further = new HashSet<EventNid>();
        foreach (var stored in among)
        {
            if (stored.Nid.Value >= near[^1].Nid.Value) continue;
            var state = await states.AtAsync(room.Nid, stored.Row.Step, stop).ConfigureAwait(false);
            if (state.Find(MemberType, user) is { } entry) further.Add(EventNid.Of(room.Nid, entry.Ordinal));
        }

        var found = await events.GetManyAsync(room, further, stop).ConfigureAwait(false);
        return [.. near, .. found.OrderByDescending(member => member.Nid.Value)];
    }

    /// <summary>
    /// What the user was at each of these state events; those are left out that lie further back than is looked. Costs
    /// a question if the user's member events are among the given ones or in memory.
    /// </summary>
    /// <param name="room">The room.</param>
    /// <param name="latest">The user's member event at the latest of the events, or a later one.</param>
    /// <param name="among">The events, of which it is known what they replaced.</param>
    /// <param name="stop">Cancels reading.</param>
    public async ValueTask<Func<EventNid, string?>> MembershipsAsync(
        RoomIdentity room, EventNid latest, IReadOnlyList<StoredEvent> among, CancellationToken stop)
    {
        if (among.Count == 0 || latest.IsNone) return static _ => null;
        var oldest = among.Min(stored => stored.Nid.Value);
        var history = await FollowAsync(room, latest, member => member.Nid.Value <= oldest, Near, stop).ConfigureAwait(false);
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
            if (await events.GetAsync(room, next, stop).ConfigureAwait(false) is not { } member) break;
            history.Add(member);
            if (enough(member)) break;
            await replaced.LearnAsync(room.Nid, [member], stop).ConfigureAwait(false);
            next = member.Replaces ?? EventNid.None;
        }

        return history;
    }

    /// <summary>What a member event makes of its user; <c>leave</c> if it does not say.</summary>
    public static string MembershipOf(StoredEvent member) => HistoryVisibility.MembershipOf(member.Pdu.Content) ?? "leave";

    /// <summary>
    /// What the user was at an event, the event included, by a history that reaches back far enough; <c>leave</c> before its beginning.
    /// </summary>
    public static string MembershipAt(IReadOnlyList<StoredEvent> history, EventNid nid)
    {
        foreach (var member in history)
        {
            if (member.Nid.Value <= nid.Value) return MembershipOf(member);
        }

        return "leave";
    }
}
