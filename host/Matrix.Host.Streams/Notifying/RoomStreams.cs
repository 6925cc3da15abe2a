using System.Collections.Concurrent;
using Matrix.Host.Storage;

namespace Matrix.Host.Streams.Notifying;

/// <summary>The streams of rooms that active users are in. A stream is dropped with its last subscription.</summary>
/// <param name="begun">The current or last flush.</param>
internal sealed class RoomStreams(Func<long> begun)
{
    private readonly ConcurrentDictionary<RoomNid, RoomStream> _rooms = new();
    private readonly Lock _gate = new();

    public RoomStream? Find(RoomNid room) => _rooms.GetValueOrDefault(room);

    /// <summary>The room's stream, for one more subscription.</summary>
    public RoomStream Hold(RoomNid nid)
    {
        lock (_gate)
        {
            if (!_rooms.TryGetValue(nid, out var room))
            {
                room = new RoomStream(nid);
                room.KnowsReceiptsAfter(begun());
                _rooms[nid] = room;
            }

            room.Holders++;
            return room;
        }
    }

    /// <summary>Ends the hold of a subscription.</summary>
    public void Release(RoomStream room)
    {
        lock (_gate)
        {
            if (--room.Holders == 0) _rooms.TryRemove(room.RoomNid, out _);
        }
    }
}
