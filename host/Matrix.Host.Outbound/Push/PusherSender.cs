using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Outbound.Queue;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Pushers;

namespace Matrix.Host.Outbound.Push;

/// <summary>
/// Sends what a pusher owes to its push gateway, in order, one request at a time. What was sent is recorded before the
/// next request. Push Gateway API, "Homeserver behaviour".
/// </summary>
internal sealed class PusherSender(PusherName pusher, PusherServices services) : KnownPusher(pusher, services)
{
    /// <summary>Events that need not be sent, looked through in one turn.</summary>
    private const int MostSkipped = 50;

    private readonly PushOptions _options = services.Options;
    private int? _lastCount;

    /// <inheritdoc/>
    protected override async ValueTask<TurnEnd> SendAsync(PusherRow row, CancellationToken stop)
    {
        for (var skipped = 0; skipped < MostSkipped; skipped++)
        {
            var owed = await Services.Storage.Pushers.OwedAsync(Pusher.PusherId, 2, stop).ConfigureAwait(false);
            if (owed.Count == 0)
            {
                return CountChanged ? await SendCountAsync(row, null, stop).ConfigureAwait(false) : TurnEnd.Idle;
            }

            var first = owed[0];
            if (!IsLate(first))
            {
                if (!first.Event.IsNone)
                {
                    var content = await Services.Contents.OfAsync(Pusher.UserId, first.Event, stop)
                        .ConfigureAwait(false);
                    if (content is not null) return await PushAsync(row, content, first, stop).ConfigureAwait(false);
                    CountChanged = true;
                }
                else if (owed.Count == 1)
                {
                    return await SendCountAsync(row, first, stop).ConfigureAwait(false);
                }
            }

            await RecordAsync(first).ConfigureAwait(false);
        }

        return TurnEnd.Again;
    }

    private async ValueTask<TurnEnd> PushAsync(
        PusherRow row, PushedContent content, OwedPush first, CancellationToken stop)
    {
        var count = await CountAsync(stop).ConfigureAwait(false);
        return await PostAsync(row, content, count, first).ConfigureAwait(false);
    }

    /// <summary>Sends the count alone, unless it was sent last.</summary>
    /// <param name="row">The pusher.</param>
    /// <param name="owed">What the database says; null if only this process knows of the change.</param>
    /// <param name="stop">Stops it.</param>
    private async ValueTask<TurnEnd> SendCountAsync(PusherRow row, OwedPush? owed, CancellationToken stop)
    {
        var count = await CountAsync(stop).ConfigureAwait(false);
        if (count != _lastCount) return await PostAsync(row, null, count, owed).ConfigureAwait(false);
        if (owed is { } same) await RecordAsync(same).ConfigureAwait(false);
        return TurnEnd.Again;
    }

    /// <summary>
    /// A request that was begun is not stopped with the queue, but later: its outcome should be known.
    /// </summary>
    private async ValueTask<TurnEnd> PostAsync(PusherRow row, PushedContent? content, int count, OwedPush? owed)
    {
        var data = GatewayRequest.DataOf(row);
        HttpOutcome outcome;
        try
        {
            if (GatewayRequest.UrlOf(data) is not { } url) return Failed();
            outcome = await Services.Poster.PostAsync(
                url, GatewayRequest.Body(row, data, content, count), _options.MaxResponseBytes, _options.RequestTime,
                Services.Ends).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (Services.Ends.IsCancellationRequested)
        {
            CountChanged |= content is null;
            return TurnEnd.Idle;
        }

        if (outcome.Reply is not { Status: >= 200 and < 300 } reply)
        {
            CountChanged |= content is null;
            Services.Log.GatewayFailed(row, data, outcome);
            return Failed();
        }

        Succeeded();
        Services.Log.Sent(isCount: content is null);
        if (GatewayRequest.Rejects(reply.Body, row.PushKey))
        {
            await Services.Storage.Writer.WriteAsync(
                new WriteBatch(1).Add(new PusherRejected(Pusher.PusherId)), CancellationToken.None)
                .ConfigureAwait(false);
            Services.Index.Remove(Pusher.UserId, Pusher.PusherId);
            return TurnEnd.Succeeded(hasMore: false);
        }

        _lastCount = count;
        if (owed is { } sent) await RecordAsync(sent).ConfigureAwait(false);
        return TurnEnd.Succeeded(hasMore: owed is not null || CountChanged);
    }

    private async ValueTask RecordAsync(OwedPush sent) =>
        await Services.Storage.Writer.WriteAsync(
            new WriteBatch(1).Add(new PushSent(Pusher.PusherId, sent.Position, sent.Event)), CancellationToken.None)
            .ConfigureAwait(false);

    private async ValueTask<int> CountAsync(CancellationToken stop)
    {
        // A change that comes while it is counted is counted again.
        CountChanged = false;
        try
        {
            return await Services.Badges.OfAsync(Pusher.UserId, stop).ConfigureAwait(false);
        }
        catch
        {
            CountChanged = true;
            throw;
        }
    }

    private bool IsLate(OwedPush owed) => Now - owed.OwedAt > _options.PushTime.TotalMilliseconds;
}
