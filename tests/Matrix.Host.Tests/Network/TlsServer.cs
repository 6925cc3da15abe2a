using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Network;

/// <summary>A web server over TLS in this process.</summary>
internal sealed class TlsServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private int _connections;
    private int _requests;

    private TlsServer(WebApplication app) => _app = app;

    public IPEndPoint EndPoint { get; private set; } = null!;

    /// <summary>Connections that were ever made.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Requests that arrived.</summary>
    public int Requests => Volatile.Read(ref _requests);

    /// <summary>The server names that clients sent in TLS, null for none.</summary>
    public ConcurrentQueue<string?> ServerNames { get; } = new();

    public static async Task<TlsServer> StartAsync(
        X509Certificate2 certificate, RequestDelegate answer, string address = "127.0.0.1")
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration();
        TlsServer server = null!;
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Parse(address), 0, listen =>
        {
            listen.Use(next => connection =>
            {
                Interlocked.Increment(ref server._connections);
                return next(connection);
            });
            listen.UseHttps(https => https.ServerCertificateSelector = (_, name) =>
            {
                server.ServerNames.Enqueue(name is { Length: > 0 } ? name : null);
                return certificate;
            });
        }));
        var app = builder.Build();
        server = new TlsServer(app);
        ((IApplicationBuilder)app).Run(http =>
        {
            Interlocked.Increment(ref server._requests);
            return answer(http);
        });
        await app.StartAsync();
        var features = app.Services.GetRequiredService<IServer>().Features;
        var url = features.Get<IServerAddressesFeature>()!.Addresses.Single();
        server.EndPoint = IPEndPoint.Parse(new Uri(url).Authority);
        return server;
    }

    public async ValueTask DisposeAsync()
    {
        using var atOnce = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await _app.StopAsync(atOnce.Token);
        await _app.DisposeAsync();
    }
}
