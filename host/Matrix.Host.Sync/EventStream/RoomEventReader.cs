using Matrix.Core.Sync;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.Timelines;

namespace Matrix.Host.Sync.EventStream;

/// <summary>Reads the events of one room, and waits for them. v1.19 client-server-api#room-previews</summary>
internal sealed class RoomEventReader(
    Notifier notifier,
    RoomWatches watches,
    RoomSnapshots rooms,
    RoomAccess access,
    EventPages pages,
    RoomPositions positions,
    TimelinePositions places,
    EventChunkWriter writer,
    SyncOptions options)
{
    private static readonly RoomFailure _tooMany = new(
        RoomFailureKind.Busy, "Too many requests wait for events of single rooms.");

    public async ValueTask<RoomFailure?> ReadAsync(
        EventsRequest request, string roomId, ResponseWriter response, CancellationToken stop)
    {
        var userId = request.Reader.UserId;
        var deadline = notifier.DeadlineOf(request.Timeout);
        var found = await access.OfAsync(userId, roomId, stop);
        if (!found.IsOk) return found.Failure;
        var room = found.Value.Room;
        if (await BeginningAsync(room, request.From, stop) is not { } after) return EventStreamReader.BadToken;
        var start = request.From ?? notifier.Now.ToString();
        while (true)
        {
            using var watch = watches.Begin(room.Nid, userId);
            if (watch is null) return _tooMany;
            var now = notifier.Now;
            found = await access.OfAsync(userId, roomId, stop);
            if (!found.IsOk) return found.Failure;
            var end = await EndAsync(room.Nid, now, stop);
            var last = new EventNid(Math.Min(end.Value, found.Value.Through.Value));
            var next = now.ToString();
            var isWhole = true;
            if (last.Value > after.Value)
            {
                if (!await response.ReserveAsync(stop))
                {
                    if (request.From is null) return EventStreamReader.Busy;
                    await writer.WriteEmptyAsync(response, start, start, request.Reader, stop);
                    return null;
                }

                var page = await PageAsync(found.Value, after, last, stop);
                isWhole = page.Next is null;
                if (page.Next is { } more) next = TimelineToken.JustAfter(more).ToString();
                after = page.Next ?? last;
                if (page.Events.Count > 0)
                {
                    var events = page.Events.Select(stored => new NewEvent(0, found.Value, stored, null)).ToArray();
                    await writer.WriteAsync(response, start, next, events, [], request.Reader, stop);
                    return null;
                }

                response.Release();
            }

            var left = deadline.Left;
            if (left <= TimeSpan.Zero || (isWhole && !await watches.WaitAsync(watch, left, stop)))
            {
                await writer.WriteEmptyAsync(response, start, next, request.Reader, stop);
                return null;
            }
        }
    }

    /// <summary>The event after which a request reads; null if its token is not this server's.</summary>
    private async ValueTask<EventNid?> BeginningAsync(RoomIdentity room, string? from, CancellationToken stop) =>
        from is not null
            ? await places.LastAsync(room, from, isEnd: false, stop)
            : await EndAsync(room.Nid, notifier.Now, stop);

    private ValueTask<EventPages.Page> PageAsync(
        Readable room, EventNid after, EventNid last, CancellationToken stop) =>
        pages.ReadAsync(
            room, after, last, Direction.Forward, options.MaxTimelineLimit, EventFilter.Everything, stop);

    /// <summary>The last event of a room's timeline at a token.</summary>
    private async ValueTask<EventNid> EndAsync(RoomNid room, SyncToken at, CancellationToken stop) =>
        await rooms.FindAsync(room, stop) is { } snapshot
            ? (await positions.AtAsync(snapshot, at.Position, stop)).LastNid
            : EventNid.None;
}
