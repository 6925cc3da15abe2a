using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Streams.Streams.Unread;

namespace Matrix.Host.Sync.V3;

/// <summary>A user's unread counts in a room.</summary>
/// <param name="Roots">The ids of thread roots, if the client asked for counts by thread.</param>
internal readonly record struct UnreadInRoom(UnreadCounts Counts, IReadOnlyDictionary<long, string> Roots);

/// <summary>Reads unread counts for a response.</summary>
internal sealed class UnreadReader(UnreadCounter counter, EventStore events, MembershipHistory history)
{
    /// <summary>The counts up to an event, for the user with this current member event.</summary>
    public async ValueTask<UnreadInRoom> OfAsync(
        SyncPass pass, RoomIdentity room, EventNid member, EventNid through, CancellationToken stop)
    {
        var counts = await counter.OfAsync(
            room, pass.Reader.UserId, () => history.JoinedAtAsync(room, member, stop), through, stop);
        return new UnreadInRoom(counts, await RootsAsync(pass, room, counts, stop));
    }

    private async ValueTask<IReadOnlyDictionary<long, string>> RootsAsync(
        SyncPass pass, RoomIdentity room, UnreadCounts unread, CancellationToken stop)
    {
        var roots = new Dictionary<long, string>();
        if (!pass.Filter.Timeline.UnreadThreadNotifications) return roots;
        foreach (var thread in unread.Threads)
        {
            var root = await events.GetAsync(room, new EventNid(thread.Thread), stop);
            if (root is not null) roots[thread.Thread] = root.EventId;
        }

        return roots;
    }
}
