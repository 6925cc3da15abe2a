using System.Net;
using Matrix.Host.Configuration;
using Matrix.Host.Listeners;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace Matrix.Federation.Tests.Support;

/// <summary>A peer that publishes its keys over TLS at the address of its name.</summary>
public sealed class PeerServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private int _keyRequests;

    private PeerServer(IPEndPoint at)
    {
        Peer = new Peer(at.ToString());
        var (certificate, key) = TestCa.Shared.Issue(at.Address.ToString());
        var tls = TlsCertificate.Load(new TlsFiles(certificate, key));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var handshake = new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(tls.Options) };
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(
            kestrel => kestrel.Listen(at, listen => listen.UseHttps(handshake)));
        _app = builder.Build();
        _app.MapGet("/_matrix/key/v2/server", (HttpContext http) =>
        {
            Interlocked.Increment(ref _keyRequests);
            http.Response.ContentType = "application/json";
            return http.Response.WriteAsync(Peer.KeyResponse().ToJsonString());
        });
    }

    public Peer Peer { get; }

    /// <summary>The number of requests for its keys.</summary>
    public int KeyRequests => Volatile.Read(ref _keyRequests);

    public static async Task<PeerServer> StartAsync()
    {
        var server = new PeerServer(Loopback.Next());
        await server._app.StartAsync();
        return server;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
