using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace Matrix.ClusterFaults.Load;

/// <summary>A request that was sent once.</summary>
/// <param name="What">Its method and path.</param>
/// <param name="StartedAt">When it was sent, as a timestamp of <see cref="Stopwatch"/>.</param>
/// <param name="Took">The time until its answer, or until it failed.</param>
/// <param name="Status">The HTTP status; 0 if there was no answer.</param>
/// <param name="Text">The body, or why there was none.</param>
internal sealed record Exchange(string What, long StartedAt, TimeSpan Took, int Status, string Text)
{
    /// <summary>Whether nobody can say what became of the request.</summary>
    public bool Failed => Status is 0 or >= 500;

    public override string ToString() => $"{Status} after {Took.TotalSeconds:0.00} s: {What}: {Text}";
}

/// <summary>Requests of all clients. Each goes through the balancer, or to a node that is drawn.</summary>
internal sealed class Traffic(IReadOnlyList<Uri> addresses) : IDisposable
{
    /// <summary>So often a refused connection is tried elsewhere, as a balancer does.</summary>
    private const int MostRefused = 4;

    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
    })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    private ConcurrentQueue<Exchange> _writes = new();
    private ConcurrentQueue<Exchange> _failed = new();

    /// <summary>How long an answer to a write is waited for.</summary>
    public static TimeSpan Patience => TimeSpan.FromSeconds(15);

    /// <summary>Sends a request once.</summary>
    /// <param name="waits">How long the server may hold it, as a long-poll.</param>
    /// <param name="patience">Beyond that, how long the answer is waited for.</param>
    public async Task<Exchange> SendAsync(
        HttpMethod method,
        string path,
        byte[]? body,
        string? token,
        TimeSpan waits = default,
        TimeSpan? patience = null,
        CancellationToken stop = default)
    {
        var startedAt = Stopwatch.GetTimestamp();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        over.CancelAfter(waits + (patience ?? Patience));
        var (status, text) = (0, "");
        for (var tries = 1; status == 0; tries++)
        {
            try
            {
                using var request = new HttpRequestMessage(method, new Uri(Next(), path));
                if (token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
                if (body is not null) request.Content = JsonBody(body);
                using var reply = await _http.SendAsync(request, over.Token);
                text = await reply.Content.ReadAsStringAsync(over.Token);
                status = (int)reply.StatusCode;
            }
            catch (Exception fault) when (fault is HttpRequestException or IOException or OperationCanceledException)
            {
                stop.ThrowIfCancellationRequested();
                if (tries < MostRefused && addresses.Count > 1 && IsRefused(fault)) continue;
                text = fault is OperationCanceledException ? "no answer in time" : fault.Message;
                break;
            }
        }

        var exchange = new Exchange($"{method} {path}", startedAt, Stopwatch.GetElapsedTime(startedAt), status, text);
        if (exchange.Failed) _failed.Enqueue(exchange);
        if (method != HttpMethod.Get && waits == default) _writes.Enqueue(exchange);
        return exchange;
    }

    /// <summary>Requests since a moment that failed.</summary>
    public IReadOnlyList<Exchange> FailedSince(long moment) =>
        [.. _failed.Where(one => one.StartedAt + Stopwatch.Frequency * one.Took.TotalSeconds >= moment)];

    /// <summary>The longest time of a write that was under way at a moment or later.</summary>
    public TimeSpan LongestWriteSince(long moment) => _writes
        .Where(one => one.StartedAt + Stopwatch.Frequency * one.Took.TotalSeconds >= moment)
        .Select(static one => one.Took).DefaultIfEmpty().Max();

    /// <summary>How many writes were sent.</summary>
    public int Writes => _writes.Count;

    /// <summary>Forgets the requests so far.</summary>
    public void Forget() => (_writes, _failed) = (new(), new());

    public void Dispose() => _http.Dispose();

    private Uri Next() => addresses[Random.Shared.Next(addresses.Count)];

    private static bool IsRefused(Exception fault) =>
        fault.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused };

    private static ByteArrayContent JsonBody(byte[] body) => new(body)
    {
        Headers = { ContentType = new MediaTypeHeaderValue("application/json") },
    };
}
