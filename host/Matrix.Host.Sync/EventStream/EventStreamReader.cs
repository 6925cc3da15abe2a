using Matrix.Core.Json;
using Matrix.Core.Sync;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.Timelines;

namespace Matrix.Host.Sync.EventStream;

/// <summary>Reads the event stream, and waits for it.</summary>
internal sealed class EventStreamReader(
    IStorageWriter writer,
    Notifier notifier,
    RoomWatches watches,
    RoomSnapshots rooms,
    RoomAccess access,
    EventPages pages,
    RoomPositions positions,
    TimelinePositions places,
    NewEvents news,
    EphemeralNews ephemeral,
    AccountDataNews accountData,
    SyncOptions options) : IEventFeed
{
    private static readonly RoomFailure _badToken = new(
        RoomFailureKind.InvalidParam, "`from` is not a token of this server.");

    private static readonly RoomFailure _tooMany = new(
        RoomFailureKind.Busy, "Too many requests wait for events of single rooms.");

    private static readonly RoomFailure _busy = new(
        RoomFailureKind.Busy, "Too many large requests of yours are in progress.");

    public async ValueTask<RoomFailure?> OfUserAsync(
        EventsRequest request, ResponseWriter response, CancellationToken stop)
    {
        var userId = request.Reader.UserId;
        var deadline = notifier.DeadlineOf(request.Timeout);
        var stream = await notifier.ActivateAsync(userId, stop);
        var since = notifier.Now;
        if (request.From is { } from
            && (!SyncToken.TryParse(from, out since) || since.Position > writer.PublishedPosition))
        {
            return _badToken;
        }

        var start = request.From ?? since.ToString();
        while (true)
        {
            var now = notifier.Now;
            var device = stream?.Device(request.Reader.DeviceId) ?? DeviceStream.Unwatched();
            var before = since;
            IReadOnlyList<NewEvent> found = [];
            if (!await response.ReserveAsync(stop))
            {
                if (request.From is null) return _busy;
                return await WriteAsync(response, start, start, [], request.Reader, stop);
            }

            if (now.Position > since.Position)
            {
                var page = await news.BetweenAsync(userId, stream, since, now.Position, stop);
                since = now with { Position = page.Through };
                found = page.Events;
            }
            else
            {
                since = now with { Position = since.Position };
            }

            var more = await OthersAsync(request, stream, before, since, stop);
            if (found.Count > 0 || more.Count > 0)
            {
                return await WriteAsync(response, start, since.ToString(), found, request.Reader, stop, more);
            }

            response.Release();
            var left = deadline.Left;
            if (left <= TimeSpan.Zero || notifier.IsDraining || stop.IsCancellationRequested) break;
            if (stream is null) await notifier.PauseAsync(left, stop);
            else if (!await notifier.WaitAsync(stream, device, since, left, stop)) break;
            stream = await notifier.ActivateAsync(userId, stop);
        }

        return await WriteAsync(response, start, since.ToString(), [], request.Reader, stop);
    }

    /// <summary>The news that are no events of rooms.</summary>
    private async ValueTask<IReadOnlyList<Json>> OthersAsync(
        EventsRequest request, UserStream? stream, SyncToken since, SyncToken through, CancellationToken stop)
    {
        var userId = request.Reader.UserId;
        var more = await ephemeral.BetweenAsync(userId, stream, since, through, stop);
        if (!request.WithAccountData) return more;
        var data = await accountData.BetweenAsync(userId, stream, since.Position, through.Position, stop);
        return [.. more, .. data];
    }

    public async ValueTask<RoomFailure?> OfRoomAsync(
        EventsRequest request, string roomId, ResponseWriter response, CancellationToken stop)
    {
        var userId = request.Reader.UserId;
        var deadline = notifier.DeadlineOf(request.Timeout);
        var found = await access.OfAsync(userId, roomId, stop);
        if (!found.IsOk) return found.Failure;
        var room = found.Value.Room;
        var behind = request.From is { } from
            ? await places.LastAsync(room, from, stop)
            : await EndAsync(room.Nid, notifier.Now, stop);
        if (behind is not { } after) return _badToken;
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
                    if (request.From is null) return _busy;
                    return await WriteAsync(response, start, start, [], request.Reader, stop);
                }

                var page = await pages.ReadAsync(
                    found.Value,
                    after,
                    last,
                    Direction.Forward,
                    options.MaxTimelineLimit,
                    EventFilter.Everything,
                    stop);
                if (page.Next is { } more)
                {
                    next = TimelineToken.JustAfter(more).ToString();
                    isWhole = false;
                }

                after = page.Next ?? last;
                if (page.Events.Count > 0)
                {
                    var events = page.Events.Select(stored => new NewEvent(0, found.Value, stored, null)).ToArray();
                    return await WriteAsync(response, start, next, events, request.Reader, stop);
                }

                response.Release();
            }

            var left = deadline.Left;
            if (left <= TimeSpan.Zero
                || (isWhole && !await watches.WaitAsync(watch, left, stop)))
            {
                return await WriteAsync(response, start, next, [], request.Reader, stop);
            }
        }
    }

    /// <summary>The last event of a room's timeline at a token.</summary>
    private async ValueTask<EventNid> EndAsync(RoomNid room, SyncToken at, CancellationToken stop) =>
        await rooms.FindAsync(room, stop) is { } snapshot
            ? (await positions.AtAsync(snapshot, at.Position, stop)).LastNid
            : EventNid.None;

    private async ValueTask<RoomFailure?> WriteAsync(
        ResponseWriter response,
        string start,
        string end,
        IReadOnlyList<NewEvent> events,
        UserDevice reader,
        CancellationToken stop,
        IReadOnlyList<Json>? more = null)
    {
        var output = response.Buffer;
        output.Raw("{\"chunk\":["u8);
        for (var i = 0; i < events.Count; i++)
        {
            if (i > 0) output.Byte((byte)',');
            if (events[i].Stripped is { } stripped) stripped.Write(output, withRoomId: true);
            else
            {
                await pages.WriteOneAsync(output, events[i].Readable!, events[i].Stored!, reader, stop);
            }

            await response.StepAsync(stop);
        }

        for (var i = 0; i < more?.Count; i++)
        {
            if (i > 0 || events.Count > 0) output.Byte((byte)',');
            CanonicalJson.Write(output, more[i]);
            await response.StepAsync(stop);
        }

        output.Raw("],\"end\":"u8);
        CanonicalJson.WriteString(output, end);
        output.Raw(",\"start\":"u8);
        CanonicalJson.WriteString(output, start);
        output.Byte((byte)'}');
        return null;
    }
}
