using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Reading;

/// <summary>A user's memberships in a room, followed from the latest back.</summary>
public sealed class MemberTrail(EventStore events, ReplacedState replaced)
{
    /// <summary>How far back a trail is followed.</summary>
    public const int Longest = 64;

    /// <summary>
    /// The user's member events from one back to the first that <paramref name="enough"/> says suffices (included), latest first.
    /// </summary>
    public async ValueTask<IReadOnlyList<StoredEvent>> BackAsync(
        RoomIdentity room, EventNid latest, Func<StoredEvent, bool> enough, CancellationToken stop)
    {
        var trail = new List<StoredEvent>();
        var next = latest;
        while (!next.IsNone && trail.Count < Longest)
        {
            if (await events.GetAsync(room, next, stop).ConfigureAwait(false) is not { } member) break;
            trail.Add(member);
            if (enough(member)) break;
            await replaced.LearnAsync(room.Nid, [member], stop).ConfigureAwait(false);
            next = member.Replaces ?? EventNid.None;
        }

        return trail;
    }

    /// <summary>What a member event makes of its user; <c>leave</c> if it does not say.</summary>
    public static string MembershipOf(StoredEvent member) => HistoryVisibility.MembershipOf(member.Pdu.Content) ?? "leave";

    /// <summary>
    /// What the user was at an event, the event included, by a trail that reaches back far enough; <c>leave</c> before its beginning.
    /// </summary>
    public static string MembershipAt(IReadOnlyList<StoredEvent> trail, EventNid nid)
    {
        foreach (var member in trail)
        {
            if (member.Nid.Value <= nid.Value) return MembershipOf(member);
        }

        return "leave";
    }
}
