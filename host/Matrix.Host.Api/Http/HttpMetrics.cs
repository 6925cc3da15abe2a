using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Matrix.Host.Api.Http;

/// <summary>Metrics of requests: number and duration by route.</summary>
internal static class HttpMetrics
{
    private static readonly Meter _meter = new("Matrix.Host.Http");

    private static readonly UpDownCounter<long> _running =
        _meter.CreateUpDownCounter<long>("matrix_http_requests_running", description: "Requests in progress.");

    private static readonly Histogram<double> _duration =
        _meter.CreateHistogram<double>(
            "matrix_http_request_duration_seconds", "s", "Time from request to response, long-polls included.");

    internal static void Started() => _running.Add(1);

    internal static void Answered(string method, string route, int status, long startedAt)
    {
        _running.Add(-1);
        if (!_duration.Enabled) return;
        var tags = new TagList { { "method", method }, { "route", route }, { "status", Boxed(status) } };
        _duration.Record(Stopwatch.GetElapsedTime(startedAt).TotalSeconds, tags);
    }

    // Boxed once, not for every measurement.
    private static readonly object[] _statuses = [.. Enumerable.Range(0, 600).Select(status => (object)status)];

    private static object Boxed(int status) => (uint)status < (uint)_statuses.Length ? _statuses[status] : status;
}
