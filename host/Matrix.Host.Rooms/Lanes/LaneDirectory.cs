using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>The lanes, one per room. Beyond a limit, idle lanes are evicted, the longest idle first.</summary>
internal sealed class LaneDirectory(
    LaneLoader loader,
    LookUpReader lookUpReader,
    RoomResolutions resolutions,
    OpenRequests requests,
    IStorageWriter writer,
    ShardGates gates,
    RoomsOptions options) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<RoomNid, Lane> _lanes = [];
    private readonly LinkedList<Lane> _idle = new();

    /// <summary>The number of lanes in memory.</summary>
    internal int Count
    {
        get
        {
            lock (_gate) return _lanes.Count;
        }
    }

    /// <summary>Rents the room's lane; <see cref="Return"/> returns it.</summary>
    internal Lane Rent(RoomNid room)
    {
        lock (_gate)
        {
            if (!_lanes.TryGetValue(room, out var lane))
            {
                lane = new Lane(room, loader, lookUpReader, resolutions, requests, writer, gates, options);
                _lanes.Add(room, lane);
            }
            else if (lane.Users == 0)
            {
                _idle.Remove(lane.IdlePlace!);
                lane.IdlePlace = null;
            }

            lane.Users++;
            return lane;
        }
    }

    /// <summary>Returns a lane.</summary>
    internal void Return(Lane lane)
    {
        lock (_gate)
        {
            if (--lane.Users > 0) return;
            lane.IdlePlace = _idle.AddLast(lane);
            while (_idle.Count > options.IdleRooms && _idle.First is { } oldest)
            {
                _idle.RemoveFirst();
                if (!oldest.Value.CanBeEvicted)
                {
                    _idle.AddLast(oldest);
                    break;
                }

                _lanes.Remove(oldest.Value.Room);
                oldest.Value.Dispose();
            }
        }
    }

    public void Dispose()
    {
        foreach (var lane in _lanes.Values) lane.Dispose();
    }
}
