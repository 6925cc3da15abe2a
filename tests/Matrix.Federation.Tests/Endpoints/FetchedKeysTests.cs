namespace Matrix.Federation.Tests.Endpoints;

/// <summary>The endpoints, called over TLS by peers whose keys the server fetches. On both databases.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
public sealed class FetchedKeysTests(string databaseKind) : EndpointTests(databaseKind)
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

    private protected override async Task<(ServerUnderTest, Peer)> StartAsync()
    {
        var peer = await StartPeerAsync();
        return (await TestServer.StartFederatingAsync(await NewDatabaseAsync()), peer.Peer);
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
