using System.Text;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Users.AppServices;

namespace Matrix.Host.Outbound.AppServices;

/// <summary>The result of a ping.</summary>
public abstract record PingResult
{
    private PingResult()
    {
    }

    /// <summary>The service answered.</summary>
    /// <param name="Took">The time of the request.</param>
    public sealed record Answered(TimeSpan Took) : PingResult;

    /// <summary>The service answered with an error.</summary>
    /// <param name="Body">The response as text, cut to a bound.</param>
    public sealed record BadStatus(int Status, string Body) : PingResult;

    /// <summary>There was no connection.</summary>
    public sealed record Unreachable(string Why) : PingResult;

    /// <summary>The service did not answer in time.</summary>
    public sealed record TimedOut : PingResult;
}

/// <summary>Pings application services. v1.19 application-service-api#pinging</summary>
public sealed class AppServicePings
{
    private const int MostShown = 4096;

    private readonly AppServiceClient _client;
    private readonly AppServiceOutbound _outbound;
    private readonly AppServiceOptions _options;
    private readonly TimeProvider _time;

    internal AppServicePings(
        AppServiceClient client, AppServiceOutbound outbound, AppServiceOptions options, TimeProvider time)
    {
        _client = client;
        _outbound = outbound;
        _options = options;
        _time = time;
    }

    /// <summary>Pings a service, which has a URL. If it answers, what waits for it is sent.</summary>
    public async ValueTask<PingResult> PingAsync(AppService service, string? transactionId, CancellationToken stop)
    {
        var body = transactionId is null
            ? JsonObject.Empty
            : JsonObject.OfSeq([("transaction_id", Json.Of(transactionId))]);
        var started = _time.GetTimestamp();
        var outcome = await _client.SendAsync(
            service, "POST", ServicePath.Ping, [], JsonText.Write(body), _options.QueryTime, stop);
        if (outcome.Reply is { Status: >= 200 and < 300 })
        {
            _outbound.Wake(service);
            return new PingResult.Answered(_time.GetElapsedTime(started));
        }

        if (outcome.Reply is { } reply)
        {
            var shown = reply.Body.AsSpan(0, Math.Min(reply.Body.Length, MostShown));
            return new PingResult.BadStatus(reply.Status, Encoding.UTF8.GetString(shown));
        }

        return outcome.Failure!.Kind == HttpFailureKind.TimedOut
            ? new PingResult.TimedOut()
            : new PingResult.Unreachable(outcome.Failure.Message);
    }
}
