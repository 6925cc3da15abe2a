using Matrix.Core.Json;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Network.Urls;
using Matrix.Host.Outbound.Queue;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Pushers;

namespace Matrix.Host.Outbound.Push;

/// <summary>
/// Sends what a pusher owes to its push gateway, in order, one request at a time. What was sent is recorded before the
/// next request. v1.19 push-gateway-api#homeserver-behaviour
/// </summary>
internal sealed class PusherSender(PusherName pusher, PusherServices services, GatewayShares shares)
    : KnownPusher(pusher, services)
{
    /// <summary>Events that need not be sent, looked through in one attempt.</summary>
    private const int MostSkipped = 50;

    private readonly PushOptions _options = services.Options;
    private int? _lastCount;
    private long _setAt;
    private int _failures;
    private volatile bool _hasSentCount;
    private (PendingPush Push, long Since)? _refused;

    /// <inheritdoc/>
    internal override bool HasSentCount => _hasSentCount;

    private long Now => Services.Time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <inheritdoc/>
    protected override void NotHere() => shares.Leave(this);

    /// <inheritdoc/>
    protected override async ValueTask<AttemptResult> SendNextAsync(CancellationToken stop)
    {
        try
        {
            var row = await Services.Table.FindAsync(Pusher.PusherId, stop);

            // One that was set again may send mail now.
            if (row is null || row.Kind != Pusher.Kind)
            {
                if (row is null) Services.Index.Remove(Pusher.UserId, Pusher.PusherId);
                CountChanged = false;
                shares.Leave(this);
                return AttemptResult.Idle;
            }

            if (row.SetAt != _setAt)
            {
                // Another gateway or device may have got the count.
                (_setAt, _lastCount) = (row.SetAt, null);
            }

            var data = GatewayRequest.DataOf(row);
            if (!shares.TryEnter(GatewayRequest.UrlOf(data)?.Authority ?? "", this)) return AttemptResult.Idle;
            try
            {
                return await SendAsync(row, data, stop);
            }
            finally
            {
                shares.Leave(this);
            }
        }
        catch (StorageException)
        {
            // What was sent may not be recorded: it is sent again.
            shares.Leave(this);
            return Failed();
        }
        catch when (!stop.IsCancellationRequested)
        {
            // The count may have been taken, and not sent.
            CountChanged = true;
            throw;
        }
    }

    private async ValueTask<AttemptResult> SendAsync(PusherRow row, JsonObject data, CancellationToken stop)
    {
        for (var skipped = 0; skipped < MostSkipped; skipped++)
        {
            var pending = await Services.Table.PendingAsync(Pusher.PusherId, 2, stop);
            if (pending.Count == 0)
            {
                return CountChanged ? await SendCountAsync(row, data, null, stop) : AttemptResult.Idle;
            }

            var first = pending[0];
            if (IsLate(first))
            {
                // The device shows what it was told before.
                CountChanged = true;
            }
            else
            {
                if (!first.Event.IsNone)
                {
                    var content = await Services.Contents.OfAsync(Pusher.UserId, first, stop);
                    if (content is not null)
                    {
                        var count = await CountAsync(stop);
                        return await PostAsync(row, data, content, count, first);
                    }

                    CountChanged = true;
                }
                else if (pending.Count == 1)
                {
                    return await SendCountAsync(row, data, first, stop);
                }
            }

            await RecordAsync(first);
        }

        return AttemptResult.Again;
    }

    /// <summary>Sends the count alone, unless it was sent last.</summary>
    /// <param name="row">The pusher.</param>
    /// <param name="data">Its `data`.</param>
    /// <param name="pending">What the database says; null if only this process knows of the change.</param>
    private async ValueTask<AttemptResult> SendCountAsync(
        PusherRow row, JsonObject data, PendingPush? pending, CancellationToken stop)
    {
        var count = await CountAsync(stop);
        if (count != _lastCount) return await PostAsync(row, data, null, count, pending);
        if (pending is { } same) await RecordAsync(same);
        return AttemptResult.Again;
    }

    /// <summary>
    /// A request that was begun is not stopped with the queue, but later: its outcome should be known.
    /// </summary>
    private async ValueTask<AttemptResult> PostAsync(
        PusherRow row, JsonObject data, PushedContent? content, int count, PendingPush? pending)
    {
        HttpOutcome outcome;
        try
        {
            if (GatewayRequest.UrlOf(data) is not { } url) return Failed();
            var call = new UrlCall(url, "POST")
            {
                Body = GatewayRequest.Body(row, data, content, count),
                MaxBytes = _options.MaxResponseBytes,
                Time = _options.RequestTime,
            };
            outcome = await Services.Http.SendAsync(call, Ends);
        }
        catch (OperationCanceledException) when (Ends.IsCancellationRequested)
        {
            CountChanged |= content is null;
            return AttemptResult.Idle;
        }

        if (outcome.Reply is not { Status: >= 200 and < 300 } reply)
        {
            CountChanged |= content is null;
            Services.Log.GatewayFailed(row, data, outcome);
            return await FailAsync(row, content is null ? null : pending, outcome);
        }

        _failures = 0;
        _refused = null;
        Services.Log.Sent(isCount: content is null);
        if (GatewayRequest.Rejects(reply.Body, row.PushKey)) return await RejectAsync(row, isCount: content is null);

        _lastCount = count;
        _hasSentCount = true;
        if (pending is { } sent) await RecordAsync(sent);
        return AttemptResult.Succeeded(hasMore: pending is not null || CountChanged);
    }

    /// <summary>The result of a request that failed. A push that the gateway refused for long is dropped.</summary>
    private async ValueTask<AttemptResult> FailAsync(PusherRow row, PendingPush? pending, HttpOutcome outcome)
    {
        if (pending is { } push && outcome.Reply is { } refusal && IsGivenUp(push, refusal))
        {
            Services.Log.Dropped(row, refusal.Status);
            CountChanged = true;
            _failures = 0;
            await RecordAsync(push);
        }

        return Failed();
    }

    /// <summary>Removes a pusher whose push key the gateway rejects.</summary>
    private async ValueTask<AttemptResult> RejectAsync(PusherRow row, bool isCount)
    {
        var rejected = new PusherRejected(Pusher.PusherId, row.SetAt);
        await WriteAsync(rejected);
        if (rejected.Applied)
        {
            Services.Index.Remove(Pusher.UserId, Pusher.PusherId);
            return AttemptResult.Succeeded(hasMore: false);
        }

        // The pusher that was set meanwhile gets the same. If there is none, the next attempt finds so.
        CountChanged |= isCount;
        return AttemptResult.Succeeded(hasMore: true);
    }

    private ValueTask RecordAsync(PendingPush sent) =>
        WriteAsync(new PushSent(Pusher.PusherId, sent.Position, sent.Event));

    private async ValueTask WriteAsync(Change change) => await Services.Writer.WriteAsync(
        new WriteBatch(Authority.User(Pusher.UserId), 1).Add(change), CancellationToken.None);

    private async ValueTask<int> CountAsync(CancellationToken stop)
    {
        // A change that comes while it is counted is counted again.
        CountChanged = false;
        try
        {
            return await Services.Badges.OfAsync(Pusher.UserId, stop);
        }
        catch
        {
            CountChanged = true;
            throw;
        }
    }

    /// <summary>
    /// Whether the gateway has refused a push for so long that later ones go on. A gateway that is overloaded, or whose
    /// own server does not answer, refuses none.
    /// </summary>
    private bool IsGivenUp(PendingPush push, HttpReply reply)
    {
        if (reply.Status is 408 or 425 or 429 or > 501) return false;
        if (_refused is { } refused && refused.Push == push)
        {
            return Now - refused.Since >= _options.RefusedTime.TotalMilliseconds;
        }

        _refused = (push, Now);
        return false;
    }

    private bool IsLate(PendingPush pending) =>
        Now - pending.EnqueuedAt > _options.PushTime.TotalMilliseconds;

    private AttemptResult Failed()
    {
        var pause = Math.Min(
            _options.FirstPause.TotalMilliseconds * Math.Pow(2, Math.Min(_failures++, 30)),
            _options.LongestPause.TotalMilliseconds);
        return AttemptResult.Later(Now + (long)pause);
    }
}
