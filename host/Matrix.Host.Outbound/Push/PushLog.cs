using System.Diagnostics.Metrics;
using Matrix.Core.Json;
using Matrix.Host.Network;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Storage.Tables.Pushers;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Outbound.Push;

/// <summary>Counts and logs pushes. No pushkey is logged: with it, a gateway takes pushes from anyone.</summary>
internal sealed partial class PushLog(ILogger<PushLog> log, TimeProvider time) : IDisposable
{
    private const int TrackedGateways = 1000;

    private readonly Meter _meter = new("Matrix.Host.Push");
    private readonly LogLimiter _limiter = new(TimeSpan.FromMinutes(10), TrackedGateways, time);
    private Counter<long>? _sent;
    private Counter<long>? _failed;

    private Counter<long> SentCounter => _sent ??= _meter.CreateCounter<long>(
        "matrix_pushes", "{push}", "Requests that push gateways took.");

    private Counter<long> FailedCounter => _failed ??= _meter.CreateCounter<long>(
        "matrix_push_failures", "{push}", "Requests that push gateways did not take; they are retried.");

    /// <summary>A push gateway took a request.</summary>
    internal void Sent(bool isCount) =>
        SentCounter.Add(1, new KeyValuePair<string, object?>("what", isCount ? "count" : "event"));

    /// <summary>A push gateway did not take a request.</summary>
    internal void GatewayFailed(PusherRow pusher, JsonObject data, HttpOutcome outcome)
    {
        FailedCounter.Add(1);
        var gateway = GatewayRequest.UrlOf(data)?.Authority ?? "";
        if (!_limiter.Allows(gateway, out var heldBack)) return;
        var reason = outcome.Failure?.Message ?? $"status {outcome.Reply?.Status}";
        NotTaken(gateway, pusher.UserId, reason, heldBack);
    }

    /// <summary>A mail was not sent.</summary>
    internal void MailFailed(PusherRow pusher, string reason)
    {
        FailedCounter.Add(1);
        if (_limiter.Allows("mail", out var heldBack)) NotMailed(pusher.UserId, reason, heldBack);
    }

    /// <summary>Pushes cannot be read or recorded.</summary>
    internal void StorageFailed(Exception fault) => CannotRecord(fault.Message);

    /// <summary>A push was dropped, because its gateway refuses it.</summary>
    internal void Dropped(PusherRow pusher, int status)
    {
        if (_limiter.Allows("dropped", out var heldBack)) RefusedForLong(pusher.UserId, status, heldBack);
    }

    /// <summary>An attempt threw.</summary>
    internal void AttemptFailed(Exception fault)
    {
        if (_limiter.Allows("turn", out _)) CannotPush(fault);
    }

    public void Dispose() => _meter.Dispose();

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The push gateway {Gateway} did not take a push for {UserId}, which is retried: {Reason} "
            + "({HeldBack} such lines were held back)")]
    private partial void NotTaken(string gateway, string userId, string reason, int heldBack);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "A mail for {UserId} was not sent, which is retried: {Reason} "
            + "({HeldBack} such lines were held back)")]
    private partial void NotMailed(string userId, string reason, int heldBack);

    [LoggerMessage(
        Level = LogLevel.Error, Message = "Pushes cannot be read or recorded; the server will retry: {Reason}")]
    private partial void CannotRecord(string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "A push for {UserId} was dropped, which its push gateway kept refusing: status {Status} "
            + "({HeldBack} such lines were held back)")]
    private partial void RefusedForLong(string userId, int status, int heldBack);

    [LoggerMessage(Level = LogLevel.Error, Message = "A pusher failed; it will be tried again")]
    private partial void CannotPush(Exception fault);
}
