using Matrix.Core.Event;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Caching;

namespace Matrix.Host.Sync.Sliding;

/// <summary>
/// Finds the stamp by which clients sort rooms: the position of the last event that people look at. MSC4186,
/// `bump_stamp`.
/// </summary>
internal sealed class BumpStamps(EventStore events, long cacheBytes)
{
    private const int Page = 50;

    /// <summary>The most events that are looked at. If none has one of the types, the oldest gives the stamp.</summary>
    private const int MostRead = 500;

    private static readonly HashSet<string> _types =
    [
        EventTypes.Create, EventTypes.Message, EventTypes.Encrypted, EventTypes.Sticker, EventTypes.CallInvite,
        "m.poll.start",
        "m.beacon_info", "org.matrix.msc3381.poll.start", "org.matrix.msc3672.beacon_info",
    ];

    private readonly ByteCache<RoomNid, Found> _found = new(cacheBytes, static _ => 40);

    /// <summary>The stamp of a room up to an event.</summary>
    public async ValueTask<long> OfAsync(RoomIdentity room, EventNid through, CancellationToken stop)
    {
        var known = _found.TryGet(room.Nid, out var cached) && cached.Through.Value <= through.Value ? cached : null;
        if (known is not null && known.Through == through) return known.Stamp;

        var until = known?.Through ?? new EventNid(EventNid.FirstLiveOf(room.Nid).Value - 1);
        var from = new EventNid(through.Value + 1);
        var oldest = 0L;
        for (var read = 0; read < MostRead; read += Page)
        {
            var rows = await events.RangeAsync(
                room, from, new EventNid(until.Value + 1), Direction.Backward, Page, stop);
            foreach (var stored in rows)
            {
                if (_types.Contains(stored.Pdu.Type)) return Keep(room.Nid, through, stored.Row.Position);
                (oldest, from) = (stored.Row.Position, stored.Nid);
            }

            if (rows.Count < Page) break;
        }

        return Keep(room.Nid, through, known?.Stamp ?? oldest);
    }

    private long Keep(RoomNid room, EventNid through, long stamp)
    {
        _found.Put(room, new Found(through, stamp));
        return stamp;
    }

    private sealed record Found(EventNid Through, long Stamp);
}
