using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Matrix.Processes;
using Matrix.Processes.Network;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Matrix.Benchmarks.Federation.Peers;

/// <summary>
/// Many servers in this process: one listener over TLS, a name and a key each. They publish their keys, take every
/// transaction, and make events of their own. A server finds them by the name server here.
/// </summary>
internal sealed class SyntheticPeers : IAsyncDisposable
{
    private const string Domain = "peers.test";

    private readonly DnsStub _names = DnsStub.Start();
    private readonly WebApplication _app;
    private readonly Dictionary<string, SyntheticPeer> _peers = [];
    private readonly ConcurrentDictionary<string, int> _transactions = new();

    private SyntheticPeers(int count, IPEndPoint listener)
    {
        Listener = listener;
        var (certificate, key) = TestCa.Shared.Issue("*." + Domain);
        for (var i = 0; i < count; i++)
        {
            var host = $"p{i}.{Domain}";
            _names.Addresses(host, listener.Address.ToString());
            var peer = new SyntheticPeer($"{host}:{listener.Port}", this);
            _peers.Add(peer.Name, peer);
            All.Add(peer);
        }

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(certificate);
        using var leaf = X509Certificate2.CreateFromPemFile(certificate, key);
        var served = X509CertificateLoader.LoadPkcs12(leaf.Export(X509ContentType.Pkcs12), null);
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(
            listener, listen => listen.UseHttps(tls =>
            {
                tls.ServerCertificate = served;
                tls.ServerCertificateChain = chain;
            })));
        _app = builder.Build();
        _app.MapGet("/_matrix/key/v2/server", (HttpContext http) =>
            _peers.TryGetValue(http.Request.Host.Value ?? "", out var peer)
                ? Results.Bytes(peer.Keys, "application/json")
                : Results.NotFound());
        _app.MapPut("/_matrix/federation/v1/send/{transaction}", async (HttpContext http) =>
        {
            await http.Request.Body.CopyToAsync(Stream.Null);
            _transactions.AddOrUpdate(http.Request.Host.Value ?? "", 1, static (_, count) => count + 1);
            return Results.Text("""{"pdus":{}}""", "application/json");
        });
        _app.MapFallback(() => Results.Text("""{"errcode":"M_NOT_FOUND"}""", "application/json", statusCode: 404));
    }

    /// <summary>The peers.</summary>
    public List<SyntheticPeer> All { get; } = [];

    /// <summary>Where they listen.</summary>
    public IPEndPoint Listener { get; }

    /// <summary>The peers that took a transaction.</summary>
    public int Reached => _transactions.Count;

    /// <summary>A client for requests of the peers.</summary>
    public HttpClient Http { get; } = TestCa.Shared.Client();

    /// <summary>What a server needs to find the peers.</summary>
    public Dictionary<string, string> Settings => new()
    {
        ["MATRIX_FEDERATION__NAMESERVERS"] = _names.EndPoint.ToString(),
    };

    public static async Task<SyntheticPeers> StartAsync(int count, CancellationToken stop)
    {
        var port = Repository.FreePort();
        var peers = new SyntheticPeers(count, new IPEndPoint(IPAddress.Loopback, port));
        await peers._app.StartAsync(stop);
        return peers;
    }

    /// <summary>Others find a peer at a link from now on. Its port must be that of the peers.</summary>
    public void Behind(SyntheticPeer peer, IPEndPoint link) =>
        _names.Addresses(peer.Name[..peer.Name.IndexOf(':', StringComparison.Ordinal)], link.Address.ToString());

    /// <summary>The transactions that a peer took.</summary>
    public int TransactionsOf(SyntheticPeer peer) => _transactions.GetValueOrDefault(peer.Name);

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.DisposeAsync();
        await _names.DisposeAsync();
    }
}
