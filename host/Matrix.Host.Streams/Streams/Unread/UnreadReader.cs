using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;

namespace Matrix.Host.Streams.Streams.Unread;

/// <summary>Reads unread counts.</summary>
internal sealed class UnreadReader(UnreadCounter counter, EventStore events, MembershipHistory history)
{
    /// <summary>The counts up to an event, for the user with this current member event.</summary>
    public ValueTask<UnreadCounts> OfAsync(
        string userId, RoomIdentity room, EventNid member, EventNid through, CancellationToken stop) =>
        counter.OfAsync(room, userId, () => history.JoinedAtAsync(room, member, stop), through, stop);

    /// <summary>The ids of the threads that the counts have, by the numbers of their roots.</summary>
    public async ValueTask<IReadOnlyDictionary<long, string>> RootsAsync(
        RoomIdentity room, UnreadCounts unread, CancellationToken stop)
    {
        var roots = new Dictionary<long, string>();
        foreach (var thread in unread.Threads)
        {
            var root = await events.GetAsync(room, new EventNid(thread.Thread), stop);
            if (root is not null) roots[thread.Thread] = root.EventId;
        }

        return roots;
    }
}
