namespace Matrix.Host.Tests.Cluster;

/// <summary>Clients whose requests go to a node that is drawn each time: they notice nothing of it.</summary>
[Category(TestDatabase.Postgres)]
internal sealed class SprayedTests
{
    private TestServer _cluster = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _cluster = await TestServer.StartNodesAsync(3);

    [OneTimeTearDown]
    public async Task StopAsync() => await _cluster.DisposeAsync();

    [Test]
    public async Task People_chat()
    {
        var alice = await _cluster.RegistersAsync("alice");
        var bob = await _cluster.RegistersAsync("bob");
        for (var i = 0; i < 10; i++)
        {
            var room = await alice.CreatesRoomAsync();
            await bob.JoinsAsync(room);
            var sent = new List<string>();
            for (var n = 0; n < 10; n++) sent.Add(await (n % 2 == 0 ? alice : bob).SaysAsync(room, $"message {n}"));

            foreach (var user in (TestUser[])[alice, bob])
            {
                var path = $"rooms/{Uri.EscapeDataString(room)}/messages?dir=b&limit=100";
                var page = (await user.GetAsync(path)).Is(200);
                var ids = page.Json["chunk"]!.AsArray()
                    .Where(static each => (string?)each!["type"] == "m.room.message")
                    .Select(static each => (string?)each!["event_id"]).Reverse();
                Assert.That(ids, Is.EqualTo(sent));
            }
        }
    }
}
