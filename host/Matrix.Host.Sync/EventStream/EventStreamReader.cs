using Matrix.Core.Json;
using Matrix.Core.Sync;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.EventStream;

/// <summary>Reads the event stream of all rooms of a user, and waits for it.</summary>
internal sealed class EventStreamReader(
    TokenPositions positions,
    SyncTokens tokens,
    Notifier notifier,
    NewEvents news,
    EphemeralNews ephemeral,
    AccountDataNews accountData,
    EventChunkWriter writer,
    RoomEventReader ofRoom) : IEventFeed
{
    internal static RoomFailure BadToken { get; } = new(
        RoomFailureKind.InvalidParam, "`from` is not a token of this server.");

    internal static RoomFailure Busy { get; } = new(
        RoomFailureKind.Busy, "Too many large requests of yours are in progress.");

    public async ValueTask<RoomFailure?> OfUserAsync(
        EventsRequest request, ResponseWriter response, CancellationToken stop)
    {
        var userId = request.Reader.UserId;
        var deadline = notifier.DeadlineOf(request.Timeout);
        var stream = await notifier.ActivateAsync(userId, stop);
        var since = notifier.Now;
        if (request.From is { } from
            && (!tokens.TryParse(from, out since) || !await positions.ReachAsync(since.Position, stop)))
        {
            return BadToken;
        }

        var start = request.From ?? since.ToString();
        while (true)
        {
            var now = notifier.Now;
            var device = stream?.Device(request.Reader.DeviceId) ?? DeviceStream.Unwatched();
            var before = since;
            if (!await response.ReserveAsync(stop))
            {
                if (request.From is null) return Busy;
                await writer.WriteEmptyAsync(response, start, start, request.Reader, stop);
                return null;
            }

            var page = now.Position > since.Position
                ? await news.BetweenAsync(userId, stream, since, now.Position, stop)
                : null;
            var found = page?.Events ?? [];
            since = now with { Position = page?.Through ?? since.Position };

            // A position of imported events means nothing to the other streams: they are sent whole.
            var others = before.Imported is null ? since : now;
            var more = await OthersAsync(request, stream, before, others, stop);
            if (found.Count > 0 || more.Count > 0)
            {
                await writer.WriteAsync(response, start, since.ToString(), found, more, request.Reader, stop);
                return null;
            }

            response.Release();
            var left = deadline.Left;
            if (left <= TimeSpan.Zero || notifier.IsDraining || stop.IsCancellationRequested) break;
            if (stream is null) await notifier.PauseAsync(left, stop);
            else if (!await notifier.WaitAsync(stream, device, since, left, stop)) break;
            stream = await notifier.ActivateAsync(userId, stop);
        }

        await writer.WriteEmptyAsync(response, start, since.ToString(), request.Reader, stop);
        return null;
    }

    /// <summary>The news that are no events of rooms.</summary>
    private async ValueTask<IReadOnlyList<Json>> OthersAsync(
        EventsRequest request, UserStream? stream, SyncToken since, SyncToken through, CancellationToken stop)
    {
        var userId = request.Reader.UserId;
        var more = await ephemeral.BetweenAsync(userId, stream, since, through, stop);
        if (!request.WithAccountData) return more;
        var data = await accountData.BetweenAsync(userId, stream, since, through.Position, stop);
        return [.. more, .. data];
    }

    public ValueTask<RoomFailure?> OfRoomAsync(
        EventsRequest request, string roomId, ResponseWriter response, CancellationToken stop) =>
        ofRoom.ReadAsync(request, roomId, response, stop);
}
