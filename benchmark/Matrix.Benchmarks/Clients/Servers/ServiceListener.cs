using System.Diagnostics;
using Matrix.Processes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Matrix.Benchmarks.Clients.Servers;

/// <summary>An application service that counts messages, and can be away.</summary>
internal sealed class ServiceListener : IAsyncDisposable
{
    private readonly WebApplication _app;
    private long _first;
    private long _events;

    private ServiceListener(int port)
    {
        Url = $"http://127.0.0.1:{port}";
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(Url).ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = null);
        _app = builder.Build();
        _app.Run(TakeAsync);
    }

    public string Url { get; }

    /// <summary>Whether it refuses everything.</summary>
    public bool IsAway { get; set; }

    /// <summary>The messages that it took.</summary>
    public long Messages => Interlocked.Read(ref _events);

    /// <summary>The time since the first transaction that it took.</summary>
    public TimeSpan SinceFirst => Stopwatch.GetElapsedTime(Interlocked.Read(ref _first));

    public static async Task<ServiceListener> StartAsync(CancellationToken stop)
    {
        var service = new ServiceListener(Repository.FreePort());
        await service._app.StartAsync(stop);
        return service;
    }

    /// <summary>Counts anew, and the time begins with the next transaction.</summary>
    public void Forget()
    {
        Interlocked.Exchange(ref _events, 0);
        Interlocked.Exchange(ref _first, 0);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task TakeAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        http.Response.ContentType = "application/json";
        if (IsAway)
        {
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        }
        else
        {
            Interlocked.CompareExchange(ref _first, Stopwatch.GetTimestamp(), 0);
            Interlocked.Add(ref _events, Count(body.GetBuffer().AsSpan(0, (int)body.Length)));
        }

        await http.Response.WriteAsync("{}");
    }

    private static int Count(ReadOnlySpan<byte> transaction) => transaction.Count("\"m.room.message\""u8);
}
