using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams;

/// <summary>
/// Reads pagination tokens: those of pages, and those of sync, which mean the position after the last event of the
/// sync.
/// </summary>
public sealed class TimelinePositions(IEventsTable events, TimelineGaps gaps)
{
    /// <summary>The event that the token's position comes after; null for a token that is not this server's.</summary>
    public async ValueTask<EventNid?> BehindAsync(RoomIdentity room, string token, CancellationToken stop)
    {
        if (TimelineToken.TryParse(token, out var place)) return EventNid.Of(room.Nid, place.Before);
        if (!SyncToken.TryParse(token, out var since)) return null;
        var last = await events.LastNidAtAsync(room.Nid, since.Position, stop).ConfigureAwait(false);
        return last.IsNone ? EventNid.FirstOf(room.Nid) : last;
    }

    /// <summary>
    /// The last event that clients were shown before the token's position. What was missing before hidden events that
    /// came before a sync belongs to what follows the sync.
    /// </summary>
    public async ValueTask<EventNid?> ShownBehindAsync(RoomIdentity room, string token, CancellationToken stop)
    {
        if (await BehindAsync(room, token, stop).ConfigureAwait(false) is not { } last) return null;
        return TimelineToken.TryParse(token, out _)
            ? last
            : await gaps.LastShownAsync(room, last, stop).ConfigureAwait(false);
    }
}
