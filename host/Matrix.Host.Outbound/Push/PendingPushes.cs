using Matrix.Core.Event;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Storage.Tables.Unread;

namespace Matrix.Host.Outbound.Push;

/// <summary>
/// Finds the pushers that events are owed to, by the outcomes of push rules that were stored with the events.
/// </summary>
internal sealed class PendingPushes(
    PusherIndex index, RoomSnapshots rooms, MembershipHistory history, Badges badges)
{
    /// <summary>The same for other users.</summary>
    internal PendingPushes Of(PusherIndex others) => new(others, rooms, history, badges);

    /// <summary>Adds what is pending for an event to a batch, and counts it for each pusher.</summary>
    /// <param name="pushed">The event.</param>
    /// <param name="batch">Takes a change for each pusher.</param>
    /// <param name="owing">Takes the pushers, with the number of events.</param>
    /// <param name="counting">Takes the pushers whose count may have changed, though they are owed nothing.</param>
    internal async ValueTask AddAsync(
        PushedEvent pushed, WriteBatch batch, Dictionary<PusherName, int> owing, HashSet<PusherName> counting,
        CancellationToken stop)
    {
        var nid = pushed.Nid.Room;
        if (pushed.IsMessage)
        {
            badges.Changed(pushed.Sender, nid);
            counting.UnionWith(index.Of(pushed.Sender));
        }

        if (pushed.NotifiesMost && await rooms.FindAsync(nid, stop) is { } room)
        {
            var except = pushed.Rows.Where(row => (row.Kind & UnreadKind.Silent) != 0).Select(row => row.UserId)
                .ToHashSet(StringComparer.Ordinal);
            foreach (var userId in index.Among(room.Local.Joined))
            {
                if (userId == pushed.Sender || except.Contains(userId)) continue;
                if (!await WasJoinedAsync(room, userId, pushed.Nid, stop)) continue;
                Enqueue(userId);
            }
        }

        // A row that only highlights stands beside the outcome of most.
        foreach (var (userId, kind) in pushed.Rows)
        {
            if ((kind & UnreadKind.Notify) != 0) Enqueue(userId);
        }

        void Enqueue(string userId)
        {
            badges.Changed(userId, nid);
            foreach (var pusher in index.Of(userId))
            {
                if (pusher.PusherId >= pushed.Position) continue;
                owing[pusher] = owing.GetValueOrDefault(pusher) + 1;
                batch.AlsoOf(Authority.User(userId))
                    .Add(new PushEnqueued(pusher.PusherId, pushed.Position, pushed.Nid));
            }
        }
    }

    /// <summary>
    /// Adds what is pending for an invite of another server, and counts it for each pusher. In a room that is here the
    /// same invite comes as an event of the room, which is owed instead.
    /// </summary>
    internal async ValueTask AddInviteAsync(
        PushedInvite invite, WriteBatch batch, Dictionary<PusherName, int> owing, CancellationToken stop)
    {
        if (await rooms.FindAsync(invite.RoomId, stop) is { IsResident: true }) return;
        foreach (var pusher in index.Of(invite.UserId))
        {
            if (pusher.PusherId >= invite.Position) continue;
            owing[pusher] = owing.GetValueOrDefault(pusher) + 1;
            batch.AlsoOf(Authority.User(invite.UserId))
                .Add(new PushEnqueued(pusher.PusherId, invite.Position, PushedInvites.Pending));
        }
    }

    /// <summary>The users with pushers among a room's members, whose counts a redaction may change.</summary>
    internal async ValueTask<IReadOnlyList<string>> MembersAsync(RoomNid nid, CancellationToken stop) =>
        await rooms.FindAsync(nid, stop) is { } room ? index.Among(room.Local.Joined) : [];

    /// <summary>
    /// Whether a member joined before an event. A member event after it may be a later change of the profile.
    /// </summary>
    private async ValueTask<bool> WasJoinedAsync(
        RoomSnapshot room, string userId, EventNid nid, CancellationToken stop)
    {
        if (room.State.Find(EventTypes.Member, userId) is not { } member || member.Ordinal < nid.Ordinal) return true;
        var joined = await history.JoinedAtAsync(room.Room, EventNid.Of(nid.Room, member.Ordinal), stop);
        return joined.Value < nid.Value;
    }
}
