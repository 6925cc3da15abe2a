using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.Timelines;

/// <summary>
/// Reads pagination tokens: those of pages, and those of sync in both forms, which mean the position after the last
/// event of the sync; and both kinds of an imported server's tokens.
/// </summary>
public sealed class TimelinePositions
{
    private readonly IEventsTable _events;
    private readonly TimelineGaps _gaps;
    private readonly SyncTokens _tokens;
    private readonly ImportedPlaces _places;

    internal TimelinePositions(IEventsTable events, TimelineGaps gaps, SyncTokens tokens, ImportedPlaces places) =>
        (_events, _gaps, _tokens, _places) = (events, gaps, tokens, places);

    /// <summary>
    /// The event that the token's position comes after; null for a token that is not this server's. For a token of sync
    /// it is the last one that clients were shown: what was missing before hidden events that came before a sync
    /// belongs to what follows the sync.
    /// </summary>
    /// <param name="room">The room.</param>
    /// <param name="token">The token.</param>
    /// <param name="isEnd">Whether the events before the position are wanted, rather than those after it: of an
    /// imported token, the place may not be exact.</param>
    public async ValueTask<EventNid?> BehindAsync(
        RoomIdentity room, string token, bool isEnd, CancellationToken stop)
    {
        var last = await LastAsync(room, token, isEnd, stop);
        return last is { } nid && !TimelineToken.TryParse(token, out _) && nid.IsLive
            ? await _gaps.LastShownAsync(room, nid, stop)
            : last;
    }

    /// <summary>
    /// The last event before the token's position, whether clients were shown it or not: the state there is that of
    /// the sync.
    /// </summary>
    /// <param name="isEnd">See <see cref="BehindAsync"/>.</param>
    public async ValueTask<EventNid?> LastAsync(RoomIdentity room, string token, bool isEnd, CancellationToken stop)
    {
        if (TimelineToken.TryParse(token, out var place)) return EventNid.Of(room.Nid, place.Before);
        if (!SyncToken.TryParse(token, out var since))
        {
            if (!SlidingPos.TryParse(token, out var pos))
            {
                return _tokens.TryImported(token, out var imported)
                    ? await _places.BehindAsync(room, imported, isEnd, stop)
                    : null;
            }

            since = pos.Token;
        }

        var last = await _events.LastNidAtAsync(room.Nid, since.Position, stop);
        return last.IsNone ? EventNid.FirstOf(room.Nid) : last;
    }
}
