using System.Net;
using System.Text.Json.Nodes;
using Matrix.Host.Configuration;
using Matrix.Host.Listeners;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace Matrix.TestWorld.Peers;

/// <summary>The web server of a peer, over TLS at the address of its name. It publishes the peer's keys.</summary>
internal sealed class TlsHost : IAsyncDisposable
{
    private int _keyRequests;

    internal TlsHost(IPEndPoint at, Peer peer)
    {
        var (certificate, key) = TestCa.Shared.Issue(at.Address.ToString());
        var tls = TlsCertificate.Load(new TlsFiles(certificate, key));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var handshake = new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(tls.Options) };
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(
            kestrel => kestrel.Listen(at, listen => listen.UseHttps(handshake)));
        App = builder.Build();
        ((IApplicationBuilder)App).Use(SeenRequests.Recording);
        App.MapGet("/_matrix/key/v2/server", (HttpContext http) =>
        {
            Interlocked.Increment(ref _keyRequests);
            return WriteAsync(http, 200, peer.KeyResponse());
        });
    }

    /// <summary>The routes.</summary>
    internal WebApplication App { get; }

    /// <summary>The number of requests for the peer's keys.</summary>
    internal int KeyRequests => Volatile.Read(ref _keyRequests);

    /// <summary>Writes a response.</summary>
    internal static Task WriteAsync(HttpContext http, int status, JsonNode json)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(json.ToJsonString());
    }

    public async ValueTask DisposeAsync() => await App.DisposeAsync();
}
