namespace Matrix.Federation.Tests.Processes;

/// <summary>Two servers, on SQLite and PostgreSQL, and the operator's lists.</summary>
public sealed class SeveralServersTests
{
    [Test]
    public async Task A_start_says_where_federation_is_served()
    {
        await using var tls = await ServerProcess.StartAsync();
        await using var plain = await ServerProcess.StartAsync(
            null,
            ("tls.certificate", ""),
            ("tls.key", ""),
            ("listeners.federation_on_client", "true"));

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
        await using var server = await TestServer.StartFederatingAsync(
            null, ("federation.deny_servers", $"other.example,{peer.Peer.Name}"));

        var target = $"/_matrix/federation/v1/query/profile?user_id=@nobody:{server.Name}";
        (await peer.Peer.SendAsync(server, "GET", target)).Is(403, "M_FORBIDDEN");
        Assert.That(peer.KeyRequests, Is.Zero, "a denied server is not contacted");
    }
}
