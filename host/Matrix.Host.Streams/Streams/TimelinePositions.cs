using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams;

/// <summary>Reads the tokens of pages: those of pages themselves, and those of sync, whose place is behind the last event they cover.</summary>
public sealed class TimelinePositions(IEventsTable events)
{
    /// <summary>The event right behind which the token's place is; null if it is no token of this server.</summary>
    public async ValueTask<EventNid?> BehindAsync(RoomIdentity room, string token, CancellationToken stop)
    {
        if (TimelineToken.TryParse(token, out var place)) return EventNid.Of(room.Nid, place.Before);
        if (!SyncToken.TryParse(token, out var since)) return null;
        var last = await events.LastNidAtAsync(room.Nid, since.Position, stop).ConfigureAwait(false);
        return last.IsNone ? EventNid.FirstOf(room.Nid) : last;
    }
}
