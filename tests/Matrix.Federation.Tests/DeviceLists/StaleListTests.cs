using Matrix.Federation.Tests.Support;

namespace Matrix.Federation.Tests.DeviceLists;

/// <summary>A list that has to be fetched is fetched after the end of the process too.</summary>
public sealed class StaleListTests
{
    [Test]
    public async Task A_stale_list_is_fetched_after_a_restart()
    {
        await using var peer = await AnsweringPeer.StartAsync();
        await using var server = await ServerProcess.StartAsync(
            null, ("federation.device_list_first_pause", "1h"));
        var alice = await server.RegistersAsync("alice");
        var bob = new PeerLists(peer, "bob");
        peer.Answers = bob.Answer;
        bob.Change("PHONE", "one");
        await peer.Peer.JoinsAsync(server, await alice.CreatesEncryptedRoomAsync(), "bob");
        int before;
        do
        {
            before = bob.QueryRequests;
            Assert.That(await alice.DevicesOfAsync(bob.UserId), Is.EqualTo(new[] { "PHONE" }));
        }
        while (bob.QueryRequests > before);

        var since = await alice.SyncTokenAsync();
        bob.Refusal = AnsweringPeer.Error(500, "M_UNKNOWN");
        bob.Change("LAPTOP", "lost");
        (await bob.SendAsync(server, bob.Change("TABLET", "three"))).Is(200);
        for (var i = 0; i < 500 && bob.ListRequests < 2; i++) await Task.Delay(20);
        Assert.That(bob.ListRequests, Is.GreaterThanOrEqualTo(2));

        await server.Process.KillAsync();
        bob.Refusal = null;
        await server.Process.StartAsync();

        await alice.SeesChangeOfAsync(bob.UserId, since);
        Assert.That(await alice.DevicesOfAsync(bob.UserId), Is.EquivalentTo(new[] { "PHONE", "LAPTOP", "TABLET" }));
        Assert.That(bob.QueryRequests, Is.EqualTo(before), "the list is cached");
    }
}
