using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Sync;

/// <summary>A client whose requests go from node to node.</summary>
[Category(TestDatabase.Postgres)]
internal sealed class SprayedTypingTests
{
    [Test]
    public async Task It_is_sent_who_types_once_by_each_node()
    {
        await using var cluster = await TestServer.StartNodesAsync(3);
        var (alice, bob) = (await cluster.RegistersAsync("alice"), await cluster.RegistersAsync("bob"));
        var room = await alice.CreatesRoomAsync();
        await bob.JoinsAsync(room);
        TestClient[] nodes = [new(cluster.Nodes[1], alice.Token), new(cluster.Nodes[2], alice.Token)];
        var since = await alice.SyncTokenAsync();
        foreach (var node in nodes) await IsSentAsync(node);

        var typing = $"rooms/{Uri.EscapeDataString(room)}/typing/{Uri.EscapeDataString(bob.UserId)}";
        (await bob.PutAsync(typing, new JsonObject { ["typing"] = true, ["timeout"] = 120_000 })).Is(200);

        foreach (var node in nodes) await Until.HoldsAsync(() => IsSentAsync(node));
        for (var round = 0; round < 3; round++)
        {
            foreach (var node in nodes) Assert.That(await IsSentAsync(node), Is.False);
        }

        async Task<bool> IsSentAsync(TestClient node)
        {
            var reply = (await node.GetAsync($"sync?set_presence=offline&since={since}")).Is(200);
            since = reply.Member("next_batch");
            return reply.Json["rooms"]?["join"]?[room]?["ephemeral"]?["events"]?.AsArray()
                .Any(static shown => (string?)shown!["type"] == "m.typing") == true;
        }
    }
}
