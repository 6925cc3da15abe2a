using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Threads;

/// <summary>The subscribers of threads, as push rules need them.</summary>
public interface IThreadSubscribers
{
    /// <summary>
    /// Those of these users who use subscriptions to threads, with whether they are subscribed to this one. The lane
    /// reads them for each event in a thread.
    /// </summary>
    ValueTask<IReadOnlyDictionary<string, bool>> OfAsync(
        IReadOnlyCollection<string> userIds, RoomNid room, string rootId, CancellationToken stop);
}
