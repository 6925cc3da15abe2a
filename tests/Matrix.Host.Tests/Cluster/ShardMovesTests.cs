using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Shards;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Cluster;

/// <summary>A node gives shards away and takes them again while users write.</summary>
[Category(TestDatabase.Postgres)]
internal sealed class ShardMovesTests
{
    private const int Users = 4;
    private const int Rooms = 6;
    private const int Rounds = 60;

    private static CancellationToken Stop => CancellationToken.None;

    [Test]
    public async Task Nothing_acknowledged_is_lost_and_nothing_is_doubled_while_shards_close_and_open()
    {
        await using var database = await TestDatabase.CreateAsync(TestDatabase.Postgres);
        await using var server = await TestServer.StartAsync(("database.url", database.Url));
        await server.RestartAsync(("cluster.node", "a"));
        var users = new List<TestUser>();
        for (var i = 0; i < Users; i++) users.Add(await server.RegistersAsync($"user{i}"));
        var rooms = new List<string>();
        for (var i = 0; i < Rooms; i++) rooms.Add(await users[0].CreatesRoomAsync());
        foreach (var user in users.Skip(1))
        {
            foreach (var room in rooms) await user.JoinsAsync(room);
        }

        var shards = server.Services.GetRequiredService<NodeShards>();
        using var over = new CancellationTokenSource();
        var load = new Load();
        var writing = users.SelectMany(user => new[]
        {
            load.SendAsync(user, rooms, over.Token), load.TagAsync(user, rooms[0], over.Token),
        }).ToArray();

        int[] moving =
        [
            .. rooms.Select(static room => Authority.Room(room).Shard)
                .Concat(users.Select(static user => Authority.User(user.UserId).Shard)).Distinct(),
        ];
        var random = new Random(7);
        for (var round = 0; round < Rounds; round++)
        {
            int[] some = [.. moving.OrderBy(_ => random.Next()).Take(random.Next(1, 4))];
            await shards.GiveAsync(some, ShardOwner.Nobody, Stop);
            await Task.Delay(random.Next(20));
            Assert.That(await shards.TakeAsync(some, Stop), Is.True);
            await Task.Delay(random.Next(20));
        }

        await over.CancelAsync();
        await Task.WhenAll(writing);
        Assert.That(load.Refused, Is.GreaterThan(0), "a shard that is closed refuses");
        Assert.That(load.Sent, Has.Count.GreaterThan(100));
        foreach (var room in rooms)
        {
            var shown = await TimelineAsync(users[0], room);
            var texts = shown.Select(static each => each.Text).Where(static text => text.Length > 0).ToList();
            var ids = shown.Select(static each => each.EventId).ToHashSet(StringComparer.Ordinal);

            // By sets: on a slow machine there are tens of thousands.
            Assert.That(ids, Has.Count.EqualTo(shown.Count));
            Assert.That(texts.ToHashSet(StringComparer.Ordinal), Has.Count.EqualTo(texts.Count));
            var sent = load.Sent.Where(each => each.Room == room).Select(static each => each.EventId);
            Assert.That(sent.Where(id => !ids.Contains(id)), Is.Empty);
        }

        foreach (var user in users)
        {
            var tags = (await user.GetAsync($"user/{user.UserId}/rooms/{rooms[0]}/tags")).Is(200).Json["tags"]!;
            Assert.That(
                tags.AsObject().Select(static tag => tag.Key), Is.EquivalentTo(load.Tags[user.UserId]),
                "the tags of a user are read, changed and written back");
        }
    }

    [Test]
    public async Task What_another_node_wrote_while_a_shard_was_away_is_built_on()
    {
        await using var database = await TestDatabase.CreateAsync(TestDatabase.Postgres);
        await using var server = await TestServer.StartAsync(("database.url", database.Url));
        await server.RestartAsync(("cluster.node", "a"));
        var alice = await server.RegistersAsync("alice");
        var room = await alice.CreatesRoomAsync();
        await alice.SaysAsync(room, "before");
        var shards = server.Services.GetRequiredService<NodeShards>();
        int[] its = [Authority.Room(room).Shard];
        await shards.GiveAsync(its, ShardOwner.Nobody, Stop);

        // The depth of an event tells what it was built on.
        var postgres = await PostgresServer.SharedAsync();
        var name = new Uri(database.Url).AbsolutePath[1..];
        await postgres.ExecuteAsync("UPDATE rooms SET depth = depth + 1000", name);
        Assert.That(await shards.TakeAsync(its, Stop), Is.True);

        var after = await alice.SaysAsync(room, "after");
        var nid = (await server.Services.GetRequiredService<RoomSnapshots>().FindAsync(room, Stop))!.Room.Nid;
        var stored = await server.Services.GetRequiredService<IEventsTable>().FindAsync(nid, after, Stop);
        Assert.That(JsonNode.Parse(stored!.Json.Span)!["depth"]!.GetValue<long>(), Is.GreaterThan(1000));
    }

    [Test]
    public async Task An_index_goes_on_where_it_was_when_its_shard_comes_back()
    {
        await using var database = await TestDatabase.CreateAsync(TestDatabase.Postgres);
        await using var server = await TestServer.StartAsync(
            ("database.url", database.Url), ("search.index_wait", "100ms"));
        await server.RestartAsync(("cluster.node", "a"));
        var alice = await server.RegistersAsync("alice");
        var room = await alice.CreatesRoomAsync();
        await alice.SaysAsync(room, "the first needle");
        await Until.HoldsAsync(async () => await FoundAsync() == 1);
        var shards = server.Services.GetRequiredService<NodeShards>();
        int[] its = [Authority.Duty("search").Shard];

        await shards.GiveAsync(its, ShardOwner.Nobody, Stop);
        await alice.SaysAsync(room, "the second needle");
        Assert.That(await FoundAsync(), Is.EqualTo(1), "nobody indexes");
        Assert.That(await shards.TakeAsync(its, Stop), Is.True);

        await Until.HoldsAsync(async () => await FoundAsync() == 2);

        async Task<int> FoundAsync() => (await alice.PostAsync("search", new JsonObject
        {
            ["search_categories"] = new JsonObject
            {
                ["room_events"] = new JsonObject { ["search_term"] = "needle" },
            },
        })).Is(200).Json["search_categories"]!["room_events"]!["count"]!.GetValue<int>();
    }

    private static async Task<List<(string EventId, string Text)>> TimelineAsync(TestUser user, string room)
    {
        var shown = new List<(string, string)>();
        string? from = null;
        do
        {
            var path = $"rooms/{UserActions.Esc(room)}/messages?dir=b&limit=500";
            var page = (await user.GetAsync(from is null ? path : $"{path}&from={from}")).Is(200).Json;
            shown.AddRange(page["chunk"]!.AsArray().Select(static each =>
                ((string)each!["event_id"]!, (string?)each["content"]!["body"] ?? "")));
            from = (string?)page["end"];
        }
        while (from is not null);
        return shown;
    }

    /// <summary>What users write, again and again until it is acknowledged.</summary>
    private sealed class Load
    {
        private int _refused;
        private int _number;

        internal int Refused => _refused;

        internal ConcurrentQueue<(string Room, string EventId)> Sent { get; } = [];

        internal ConcurrentDictionary<string, List<string>> Tags { get; } = [];

        internal async Task SendAsync(TestUser user, List<string> rooms, CancellationToken over)
        {
            while (!over.IsCancellationRequested)
            {
                var number = Interlocked.Increment(ref _number);
                var room = rooms[number % rooms.Count];
                var content = new JsonObject { ["msgtype"] = "m.text", ["body"] = $"message {number}" };
                var sent = await UntilAcknowledgedAsync(() => user.PutAsync(
                    $"rooms/{UserActions.Esc(room)}/send/m.room.message/t{number}", content.DeepClone().AsObject()));
                Sent.Enqueue((room, sent.Member("event_id")));
            }
        }

        internal async Task TagAsync(TestUser user, string room, CancellationToken over)
        {
            var tags = Tags.GetOrAdd(user.UserId, static _ => []);
            while (!over.IsCancellationRequested && tags.Count < 60)
            {
                var tag = $"u.{tags.Count}";
                await UntilAcknowledgedAsync(() => user.PutAsync(
                    $"user/{user.UserId}/rooms/{UserActions.Esc(room)}/tags/{tag}", new JsonObject()));
                tags.Add(tag);
            }
        }

        private async Task<Reply> UntilAcknowledgedAsync(Func<Task<Reply>> request)
        {
            while (true)
            {
                var reply = await request();
                if (reply.Status == 200) return reply;
                reply.Is(503, "M_UNKNOWN");
                Interlocked.Increment(ref _refused);
                await Task.Delay(1);
            }
        }
    }
}
