using System.Text.Json.Nodes;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Consumers;
using Matrix.Host.Storage.Tables.Shards;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Outbound;

/// <summary>What other servers are owed goes with their shards.</summary>
[Category(TestDatabase.Postgres)]
public sealed class SenderMovesTests : OutboundTests
{
    private const int Rounds = 10;

    private readonly List<TestDatabase> _databases = [];

    [Test]
    public async Task A_server_gets_every_event_and_message_while_its_shard_closes_and_opens([Values] bool isDown)
    {
        await StopAsync();
        await StartAsync(("database.url", await NewDatabaseAsync()), ("federation.outbound_record_interval", "20ms"));
        await Server.RestartAsync(("cluster.node", "a"));
        var roomId = await JoinedRoomAsync();
        var shards = Server.Services.GetRequiredService<NodeShards>();
        int[] its = [Authority.Server(Peer.Peer.Name).Shard];
        if (isDown) await Peer.DownAsync();
        var random = new Random(3);
        var sent = new List<string>();
        for (var round = 0; round < Rounds; round++)
        {
            sent.AddRange(await SaysAsync(roomId, 2));
            await Task.Delay(random.Next(30));
            await shards.GiveAsync(its, ShardOwner.Nobody, default);
            sent.AddRange(await SaysAsync(roomId, 2));
            await TellAsync($"m{round}");
            Assert.That(await shards.TakeAsync(its, default), Is.True);
        }

        if (isDown) await Peer.UpAsync();
        sent.AddRange(await SaysAsync(roomId, 1));

        await Until.HoldsAsync(() => Peer.Events.Distinct().Count() == sent.Count && Messages().Count == Rounds);
        Assert.That(Peer.Events.Distinct(), Is.EquivalentTo(sent));
        if (!isDown) Assert.That(Peer.Events.Distinct(), Is.EqualTo(sent), "in order");
        Assert.That(Messages(), Is.EqualTo(Enumerable.Range(0, Rounds).Select(static round => $"m{round}")));

        // Once it has caught up, the shard has no position of its own.
        var positions = Server.Services.GetRequiredService<ShardPositionsTable>();
        await Until.HoldsAsync(async () => (await positions.OfShardsAsync("federation", default)).Count == 0);
    }

    [Test]
    public async Task A_node_that_becomes_a_single_server_again_goes_on_where_it_was()
    {
        await StopAsync();
        await StartAsync(("database.url", await NewDatabaseAsync()));
        var roomId = await JoinedRoomAsync();
        await Peer.DownAsync();
        var sent = (await SaysAsync(roomId, 3)).ToList();
        foreach (var node in (string[])["a", "b", ""])
        {
            await Server.RestartAsync(("cluster.node", node));
            sent.AddRange(await SaysAsync(roomId, 3));
        }

        await Peer.UpAsync();
        await Until.HoldsAsync(() => Peer.Events.Distinct().Count() == sent.Count);
        Assert.That(Peer.Events.Distinct(), Is.EquivalentTo(sent));
    }

    [OneTimeTearDown]
    public async Task DropAsync()
    {
        foreach (var database in _databases) await database.DisposeAsync();
    }

    private async Task<string> NewDatabaseAsync()
    {
        var database = await TestDatabase.CreateAsync(TestDatabase.Postgres);
        _databases.Add(database);
        return database.Url;
    }

    private async Task TellAsync(string text) => (await Alice.PutAsync(
        $"sendToDevice/org.example.note/{text}",
        new JsonObject
        {
            ["messages"] = new JsonObject
            {
                [$"@bob:{Peer.Peer.Name}"] = new JsonObject { ["*"] = new JsonObject { ["text"] = text } },
            },
        })).Is(200);

    /// <summary>The messages to devices that came, each once.</summary>
    private List<string> Messages() =>
    [
        .. Peer.Taken.SelectMany(static each => each.Body["edus"]?.AsArray() ?? [])
            .Where(static edu => (string?)edu!["edu_type"] == "m.direct_to_device")
            .DistinctBy(static edu => (string?)edu!["content"]!["message_id"])
            .Select(static edu => (string)edu!["content"]!["messages"]!.AsObject().First().Value!["*"]!["text"]!),
    ];
}
