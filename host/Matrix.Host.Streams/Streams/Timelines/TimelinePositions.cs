using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.Timelines;

/// <summary>
/// Reads pagination tokens: those of pages, and those of sync in both forms, which mean the position after the last
/// event of the sync.
/// </summary>
public sealed class TimelinePositions(IEventsTable events, TimelineGaps gaps)
{
    /// <summary>
    /// The event that the token's position comes after; null for a token that is not this server's. For a token of sync
    /// it is the last one that clients were shown: what was missing before hidden events that came before a sync
    /// belongs to what follows the sync.
    /// </summary>
    public async ValueTask<EventNid?> BehindAsync(RoomIdentity room, string token, CancellationToken stop)
    {
        var last = await LastAsync(room, token, stop);
        return last is { } nid && !TimelineToken.TryParse(token, out _)
            ? await gaps.LastShownAsync(room, nid, stop)
            : last;
    }

    /// <summary>
    /// The last event before the token's position, whether clients were shown it or not: the state there is that of
    /// the sync.
    /// </summary>
    public async ValueTask<EventNid?> LastAsync(RoomIdentity room, string token, CancellationToken stop)
    {
        if (TimelineToken.TryParse(token, out var place)) return EventNid.Of(room.Nid, place.Before);
        if (!SyncToken.TryParse(token, out var since))
        {
            if (!SlidingPos.TryParse(token, out var pos)) return null;
            since = pos.Token;
        }

        var last = await events.LastNidAtAsync(room.Nid, since.Position, stop);
        return last.IsNone ? EventNid.FirstOf(room.Nid) : last;
    }
}
