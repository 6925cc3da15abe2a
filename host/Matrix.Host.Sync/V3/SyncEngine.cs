using System.Text.Json;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Streams.Streams.DeviceLists;
using Matrix.Host.Users.AccountData;

namespace Matrix.Host.Sync.V3;

/// <summary>Serves sync. v1.19 client-server-api#syncing</summary>
internal sealed class SyncEngine(
    TokenPositions tokens,
    Notifier notifier,
    UpdatedRoomsReader rooms,
    PresenceSection presence,
    DeviceSections devices,
    IgnoredUsers ignored,
    SyncOptions options,
    ReadingOptions reading,
    TimeProvider time) : ISync
{
    public async ValueTask<SyncOutcome> SyncAsync(
        SyncRequest request, ResponseWriter response, CancellationToken stop)
    {
        // A token from the future belongs to a lost database: its meaning is unknown.
        if (request.Since is { } given && !await tokens.ReachAsync(given.Position, stop))
        {
            return SyncOutcome.UnknownToken;
        }

        var deadline = notifier.DeadlineOf(request.Timeout);
        var stream = await notifier.ActivateAsync(request.Reader.UserId, stop);
        var device = stream?.Device(request.Reader.DeviceId) ?? DeviceStream.Unwatched();
        if (request.Filter.State.LazyLoadMembers) device.Members.Returned(request.Since?.ToString());
        var since = request.Since;
        if (since is { } acknowledged) await devices.AcknowledgeAsync(request.Reader, device, acknowledged, stop);

        while (true)
        {
            var now = notifier.Now;
            if (since is { } token && !MayHaveNews(request, token, stream, device))
            {
                // Nothing concerns the user: the token advances, so that it stays within the notifier's memory.
                since = now = now with { Position = Math.Max(now.Position, token.Position) };
            }
            else
            {
                if (!await response.ReserveAsync(stop))
                {
                    if (request.Since is not { } old || request.FullState) return SyncOutcome.Busy;
                    return await EmptyAsync(request, response, old, device, stop);
                }

                var (isWritten, next) = await ReadNewsAsync(request, response, since, now, stream, device, stop);
                if (isWritten) return SyncOutcome.Written;
                response.Release();
                since = now = next;
            }

            var left = deadline.Left;
            if (left <= TimeSpan.Zero || notifier.IsDraining || stop.IsCancellationRequested)
            {
                return await EmptyAsync(request, response, now, device, stop);
            }

            if (stream is null) await notifier.PauseAsync(left, stop);
            else if (!await notifier.WaitAsync(stream, device, now, left, stop))
            {
                // The time is up, or another long-poll of the user ended this one: waiting again would end the other.
                return await EmptyAsync(request, response, now, device, stop);
            }

            stream = await notifier.ActivateAsync(request.Reader.UserId, stop);
            device = stream?.Device(request.Reader.DeviceId) ?? device;
        }
    }

    private bool MayHaveNews(SyncRequest request, SyncToken since, UserStream? stream, DeviceStream device) =>
        request.FullState || stream is null || stream.HasNews(since, notifier, device);

    /// <summary>
    /// Reads the news. If there is none to return early for, there is no response, only the token to continue from.
    /// </summary>
    private async ValueTask<(bool IsWritten, SyncToken Next)> ReadNewsAsync(
        SyncRequest request,
        ResponseWriter response,
        SyncToken? since,
        SyncToken now,
        UserStream? stream,
        DeviceStream device,
        CancellationToken stop)
    {
        var json = SyncJson.WriterTo(response.Buffer);
        var pass = new SyncPass
        {
            Request = request,
            Reader = request.Reader,
            Fields = request.Filter.Fields,
            IsFederationFormat = request.Filter.IsFederationFormat,
            Since = since,
            UpTo = now.Position,
            UpToEphemeral = now.Ephemeral,
            LastDeviceLists = notifier.LastDeviceLists,
            Options = options,
            Scan = new ScanBudget(time, reading.LongestScan),
            PageBytes = reading.PageBytes,
            Stream = stream,
            Device = device,
            Ignored = await ignored.OfAsync(request.Reader.UserId, stop),
            Json = json,
            Response = response,
        };
        json.WriteStartObject();
        await rooms.WriteAsync(pass, stop);
        await presence.WriteAsync(pass, stop);
        long? heldBack = await devices.WriteToDeviceAsync(pass, stop);
        await pass.StepAsync(stop);
        await devices.WriteListsAsync(pass, stop);
        if (since is { } token && device.LastKeys > token.Position) pass.HasNews = true;

        var next = Next(request, now with { ToDevice = heldBack });
        if (!pass.HasNews && since is not null && !request.FullState)
        {
            response.Buffer.Clear();
            return (false, next);
        }

        await FinishAsync(request, json, next, device, stop);
        if (request.Filter.State.LazyLoadMembers) device.Members.Answered(next.ToString(), pass.LazilySent);
        return (true, next);
    }

    private async ValueTask<SyncOutcome> EmptyAsync(
        SyncRequest request, ResponseWriter response, SyncToken now, DeviceStream device, CancellationToken stop)
    {
        var json = SyncJson.WriterTo(response.Buffer);
        json.WriteStartObject();
        var next = Next(request, now);
        await FinishAsync(request, json, next, device, stop);
        if (request.Filter.State.LazyLoadMembers) device.Members.Answered(next.ToString(), []);
        return SyncOutcome.Written;
    }

    /// <summary>The token of a response that ends here. It says too what the client has of other nodes.</summary>
    private SyncToken Next(SyncRequest request, SyncToken now) =>
        tokens.HasOtherNodes && request.Since is { } since ? now.Following(since) : now;

    private async ValueTask FinishAsync(
        SyncRequest request, Utf8JsonWriter json, SyncToken next, DeviceStream device, CancellationToken stop)
    {
        var counts = await devices.KeyCountsAsync(request.Reader, device, notifier.Applied, stop);
        DeviceListFormat.Write(json, counts);
        json.WriteString("next_batch"u8, next.ToString());
        json.WriteEndObject();
        json.Flush();
    }
}
