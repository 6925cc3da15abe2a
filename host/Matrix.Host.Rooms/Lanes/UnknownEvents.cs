using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>
/// The events of a transaction that no room had when storage was asked for all of them at once. The lane of a room
/// relies on that as long as nothing was written to the room since. Until it is disposed, the lanes of its rooms stay.
/// </summary>
internal sealed class UnknownEvents : IDisposable
{
    private readonly LaneDirectory _directory;
    private readonly Dictionary<RoomNid, (Lane Lane, long? Batches)> _rooms;
    private HashSet<string> _ids = [];

    private UnknownEvents(LaneDirectory directory, IEnumerable<RoomNid> rooms)
    {
        _directory = directory;
        _rooms = rooms.Distinct().Select(directory.Rent).ToDictionary(
            static lane => lane.Room, static lane => (lane, lane.SettledBatches));
    }

    /// <summary>Asks storage for the events of a transaction.</summary>
    /// <param name="lanes">The lanes of all rooms.</param>
    /// <param name="eventsTable">The events.</param>
    /// <param name="events">The ids, each with the room that the event is said to be in.</param>
    internal static async ValueTask<UnknownEvents> ReadAsync(
        LaneDirectory lanes,
        IEventsTable eventsTable,
        IReadOnlyCollection<(RoomNid Room, string EventId)> events,
        CancellationToken stop)
    {
        var unknown = new UnknownEvents(lanes, events.Select(static each => each.Room));
        try
        {
            var ids = events.Select(static each => each.EventId).ToHashSet();
            ids.ExceptWith(await eventsTable.KnownAsync(ids, stop));
            unknown._ids = ids;
            return unknown;
        }
        catch
        {
            unknown.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The ids that the room still has no event of; null if that is not certain. Called while the lane is held.
    /// </summary>
    internal IReadOnlySet<string>? Of(Lane lane) =>
        _rooms.TryGetValue(lane.Room, out var room) && room.Batches == lane.Batches ? _ids : null;

    public void Dispose()
    {
        foreach (var (lane, _) in _rooms.Values) _directory.Return(lane);
        _rooms.Clear();
    }
}
