using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Network.FederationClient;

/// <summary>Metrics of requests by outcome, and a log line for each failing server and interval.</summary>
internal sealed partial class RequestLog(NetworkOptions options, TimeProvider time, ILogger<RequestLog> log)
    : IDisposable
{
    private readonly LogLimiter _lines = new(options.ErrorLogInterval, options.MaxErrorLogServers, time);
    private readonly Meter _meter = new("Matrix.Network");
    private Histogram<double>? _duration;

    private Histogram<double> Duration => _duration ??= _meter.CreateHistogram<double>(
        "matrix_federation_request_duration_seconds", "s", "Time of requests to other servers, by outcome.");

    internal void Ended(FederationRequest request, FederationFailure? failure, TimeSpan duration)
    {
        Duration.Record(duration.TotalSeconds, new TagList { { "outcome", OutcomeOf(failure) } });

        // A status of 4xx concerns one request; other failures concern the server.
        if (failure is null or { Kind: FederationFailureKind.Refused, Status: < 500 }) return;
        if (_lines.Allows(request.Destination, out var heldBack))
        {
            LogFailed(request.Destination, failure.ToString(), heldBack);
        }
    }

    public void Dispose() => _meter.Dispose();

    private static string OutcomeOf(FederationFailure? failure) => failure switch
    {
        null => "ok",
        { Kind: FederationFailureKind.Refused } => $"refused_{failure.Status / 100}xx",
        { Kind: FederationFailureKind.ServerDenied } => "server_denied",
        { Kind: FederationFailureKind.NotFound } => "not_found",
        { Kind: FederationFailureKind.AddressRefused } => "address_refused",
        { Kind: FederationFailureKind.Tls } => "tls",
        { Kind: FederationFailureKind.TimedOut } => "timed_out",
        { Kind: FederationFailureKind.TooLarge } => "too_large",
        { Kind: FederationFailureKind.NotJson } => "not_json",
        { Kind: FederationFailureKind.Malformed } => "malformed",
        _ => "unreachable",
    };

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Requests to {Server} fail: {Why} ({HeldBack} more failures since the last line)")]
    private partial void LogFailed(string server, string why, int heldBack);
}
