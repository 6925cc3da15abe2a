using System.Text.Json.Nodes;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Shards;
using Matrix.Host.Tests.AppServices;
using Matrix.Host.Tests.Push;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Cluster;

/// <summary>
/// What is owed to push gateways and application services, and what waits to be sent later, goes with its shard.
/// </summary>
[Category(TestDatabase.Postgres)]
internal sealed class SenderMovesTests
{
    private const string Delayed = "org.matrix.msc4140.delay";
    private const int Rounds = 12;

    private static CancellationToken Stop => CancellationToken.None;

    [Test]
    public async Task Each_push_is_made_once_while_the_shard_of_its_user_closes_and_opens()
    {
        await using var gateway = await PushGateway.StartAsync();
        await using var database = await TestDatabase.CreateAsync(TestDatabase.Postgres);
        await using var server = await NodeAsync(database, gateway.Settings);
        var alice = await server.RegistersAsync("alice");
        var bob = await server.RegistersAsync("bob");
        var room = await alice.CreatesRoomAsync();
        await bob.JoinsAsync(room);
        await gateway.SetAsync(bob);
        var shards = server.Services.GetRequiredService<NodeShards>();
        int[] its = [Authority.User(bob.UserId).Shard];
        Assert.That(Authority.Room(room).Shard, Is.Not.EqualTo(its[0]));
        var random = new Random(5);
        var sent = new List<string>();
        for (var round = 0; round < Rounds; round++)
        {
            sent.Add(await alice.SaysAsync(room, $"{round}, here"));
            await Task.Delay(random.Next(5));
            await shards.GiveAsync(its, ShardOwner.Nobody, Stop);
            sent.Add(await alice.SaysAsync(room, $"{round}, away"));
            Assert.That(await shards.TakeAsync(its, Stop), Is.True);
        }

        sent.Add(await alice.SaysAsync(room, "the last"));
        var came = new List<string>();
        while (came.Count < sent.Count) came.Add(await gateway.NextEventAsync());
        Assert.That(came, Is.EqualTo(sent));
        var positions = server.Services.GetRequiredService<Matrix.Host.Storage.Tables.Consumers.ShardPositionsTable>();
        await Until.HoldsAsync(async () => (await positions.OfShardsAsync("push", Stop)).Count == 0);
    }

    [Test]
    public async Task A_delayed_event_is_sent_by_whoever_has_the_shard_of_its_room()
    {
        await using var database = await TestDatabase.CreateAsync(TestDatabase.Postgres);
        await using var server = await NodeAsync(database);
        var alice = await server.RegistersAsync("alice");
        var room = await alice.CreatesRoomAsync();
        var shards = server.Services.GetRequiredService<NodeShards>();
        int[] its = [Authority.Room(room).Shard];
        var soon = await LaterAsync(alice, room, "soon", 300);
        var later = await LaterAsync(alice, room, "later", 3_600_000);

        await shards.GiveAsync(its, ShardOwner.Nobody, Stop);
        await Task.Delay(600);
        Assert.That(await BodiesAsync(alice, room), Is.Empty, "its room is nobody's");
        (await ManageAsync(alice, later, "cancel")).Is(503, "M_UNKNOWN");
        Assert.That(await shards.TakeAsync(its, Stop), Is.True);

        await Until.HoldsAsync(async () => (await BodiesAsync(alice, room)).SequenceEqual(["soon"]));
        (await ManageAsync(alice, later, "send")).Is(200);
        Assert.That(await BodiesAsync(alice, room), Is.EqualTo(new[] { "later", "soon" }));
        (await ManageAsync(alice, soon, "cancel")).Is(404, "M_NOT_FOUND");
    }

    private static async Task<TestServer> NodeAsync(TestDatabase database, params (string, string)[] settings)
    {
        var server = await TestServer.StartAsync([("database.url", database.Url), .. settings]);
        await server.RestartAsync(("cluster.node", "a"));
        return server;
    }

    private static async Task<string> LaterAsync(TestUser user, string room, string text, int delay) =>
        (await user.PutAsync(
            $"rooms/{UserActions.Esc(room)}/send/m.room.message/{text}?{Delayed}={delay}",
            new JsonObject { ["msgtype"] = "m.text", ["body"] = text })).Is(200).Member("delay_id");

    private static Task<Reply> ManageAsync(TestUser user, string delayId, string action) =>
        user.PostAsync($"/_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayId}/{action}");

    private static async Task<string[]> BodiesAsync(TestUser user, string room)
    {
        var page = (await user.GetAsync($"rooms/{UserActions.Esc(room)}/messages?dir=b")).Is(200).Json;
        return [.. page["chunk"]!.AsArray().Select(static each => (string?)each!["content"]!["body"]).OfType<string>()];
    }
}

/// <summary>The same of application services.</summary>
[Category(TestDatabase.Postgres)]
internal sealed class ServiceMovesTests() : AppServiceTests(TestDatabase.Postgres)
{
    private const int Rounds = 8;

    [Test]
    public async Task A_service_gets_everything_in_order_while_its_shard_closes_and_opens()
    {
        var room = await BridgedRoomAsync();
        await Server.RestartAsync(("cluster.node", "a"));
        var shards = Server.Services.GetRequiredService<NodeShards>();
        var service = Server.Services.GetRequiredService<Matrix.Host.Users.AppServices.AppServiceDirectory>().All[0];
        int[] its = [Authority.AppService(service.Id).Shard];
        var sent = new List<string>();
        for (var round = 0; round < Rounds; round++)
        {
            await SaysAsync($"{round}, here");
            await shards.GiveAsync(its, ShardOwner.Nobody, default);
            await SaysAsync($"{round}, away");
            Assert.That(await shards.TakeAsync(its, default), Is.True);
        }

        await SaysAsync("the last");
        Assert.That(await Service.GetsAsync("the last"), Is.EqualTo(sent));

        Task SaysAsync(string text)
        {
            sent.Add(text);
            return Alice.SaysAsync(room, text);
        }
    }
}
