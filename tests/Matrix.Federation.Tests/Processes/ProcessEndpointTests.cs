using Matrix.Federation.Tests.Endpoints;
using Matrix.Federation.Tests.Support;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Processes;

/// <summary>
/// The endpoints of a server process, called over TLS by a peer in another process, whose keys the server fetches.
/// </summary>
public abstract class ProcessEndpointTests : EndpointTests
{
    private readonly List<PeerServer> _peers = [];

    [OneTimeTearDown]
    public async Task StopPeersAsync()
    {
        foreach (var peer in _peers) await peer.DisposeAsync();
    }

    [Test]
    public async Task The_keys_of_a_peer_are_fetched_once()
    {
        var peer = await StartPeerAsync();

        for (var i = 0; i < 5; i++)
        {
            var target = $"/_matrix/federation/v1/query/profile?user_id=@nobody:{Server.Name}";
            (await peer.Peer.SendAsync(Server, "GET", target)).Is(404, "M_NOT_FOUND");
        }

        Assert.That(peer.KeyRequests, Is.EqualTo(1));
    }

    /// <summary>The database's address; null for SQLite.</summary>
    private protected abstract string? NewDatabase();

    private protected override async Task<(IServerUnderTest, Peer)> StartAsync()
    {
        var peer = await StartPeerAsync();
        return (await ServerProcess.StartAsync(NewDatabase()), peer.Peer);
    }

    private protected override async Task<Peer> NewPeerAsync(DateTimeOffset validUntil)
    {
        var peer = (await StartPeerAsync()).Peer;
        peer.ValidUntil = validUntil.ToUnixTimeMilliseconds();
        return peer;
    }

    private async Task<PeerServer> StartPeerAsync()
    {
        var peer = await PeerServer.StartAsync();
        _peers.Add(peer);
        return peer;
    }
}

/// <summary>The same on SQLite.</summary>
public sealed class SqliteEndpointTests : ProcessEndpointTests
{
    private protected override string? NewDatabase() => null;
}

/// <summary>The same on PostgreSQL.</summary>
[Category("PostgreSQL")]
public sealed class PostgresEndpointTests : ProcessEndpointTests
{
    private readonly List<PostgresProcess> _servers = [];

    [OneTimeTearDown]
    public void StopPostgres() => _servers.ForEach(server => server.Dispose());

    private protected override string? NewDatabase()
    {
        _servers.Add(new PostgresProcess(inMemory: true));
        return _servers[0].NewDatabase("federation");
    }
}

/// <summary>Two servers, on SQLite and PostgreSQL, and the operator's lists.</summary>
public sealed class SeveralServersTests
{
    [Test]
    public async Task A_start_says_where_federation_is_served()
    {
        await using var tls = await ServerProcess.StartAsync();
        await using var plain = await ServerProcess.StartAsync(
            null,
            ("MATRIX_TLS__CERTIFICATE", ""),
            ("MATRIX_TLS__KEY", ""),
            ("MATRIX_LISTENERS__FEDERATION_ON_CLIENT", "true"));

        const string proxy = ", for a proxy with TLS\n";
        // A server that answers may not have written its lines yet.
        Assert.That(
            () => tls.Process.LogEnd(),
            Does.Contain($"Serving federation at https://{tls.Name}/\n").After(20_000, 50));
        Assert.That(
            () => plain.Process.LogEnd(),
            Does.Contain($"Serving federation at http://{plain.Name}/{proxy}").After(20_000, 50));
        Assert.That(
            () => plain.Process.LogEnd(),
            Does.Contain($"Serving federation at {plain.ClientAddress}{proxy}").After(20_000, 50));
    }

    [Test]
    public async Task A_process_denies_the_servers_of_its_list()
    {
        await using var peer = await PeerServer.StartAsync();
        await using var server = await ServerProcess.StartAsync(
            null, ("MATRIX_FEDERATION__DENY_SERVERS", $"other.example,{peer.Peer.Name}"));

        var target = $"/_matrix/federation/v1/query/profile?user_id=@nobody:{server.Name}";
        (await peer.Peer.SendAsync(server, "GET", target)).Is(403, "M_FORBIDDEN");
        Assert.That(peer.KeyRequests, Is.Zero, "a denied server is not contacted");
    }
}
