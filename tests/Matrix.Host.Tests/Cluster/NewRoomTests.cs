using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Room;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Tests.Cluster;

/// <summary>The rooms that a node creates are of its own shards.</summary>
internal sealed class NewRoomTests
{
    private const int Rooms = 50;

    [TestCase("1")]
    [TestCase("11")]
    [TestCase("12")]
    public async Task A_room_is_created_in_an_open_shard(string version)
    {
        var shards = new MovableShards();
        await using var server = await shards.StartAsync();
        var alice = await server.RegistersAsync("alice");
        await CloseHalfAsync(shards, Authority.User(alice.UserId));

        var rooms = new List<string>();
        for (var made = 0; made < Rooms; made++) rooms.Add(await alice.CreatesRoomAsync(version: version));

        Assert.That(rooms, Is.Unique);
        Assert.That(rooms, Has.All.Matches<string>(room => shards.Gates.IsOpen(Authority.Room(room))));
        (await alice.GetAsync($"rooms/{Uri.EscapeDataString(rooms[0])}/state/m.room.create")).Is(200);
        var name = new JsonObject { ["name"] = "Here" };
        (await alice.PutAsync($"rooms/{Uri.EscapeDataString(rooms[0])}/state/m.room.name/", name)).Is(200);
    }

    [TestCase("11")]
    [TestCase("12")]
    public async Task The_room_that_replaces_another_one_is_in_an_open_shard(string version)
    {
        var shards = new MovableShards();
        await using var server = await shards.StartAsync();
        var alice = await server.RegistersAsync("alice");
        var old = new List<string>();
        for (var made = 0; made < 10; made++) old.Add(await alice.CreatesRoomAsync(version: "11"));
        await CloseHalfAsync(
            shards, [Authority.User(alice.UserId), .. old.Select(Authority.Room)]);

        foreach (var room in old)
        {
            var next = (await alice.PostAsync(
                $"rooms/{Uri.EscapeDataString(room)}/upgrade", new JsonObject { ["new_version"] = version }))
                .Is(200).Member("replacement_room");
            Assert.That(shards.Gates.IsOpen(Authority.Room(next)), Is.True, next);
        }
    }

    [Test]
    public async Task The_shard_of_a_new_room_closes_after_its_creation()
    {
        var shards = new MovableShards();
        await using var server = await shards.StartAsync();
        var alice = await server.RegistersAsync("alice");
        Task? closing = null;
        server.Writes = batch =>
        {
            if (batch.Changes.OfType<RoomCreated>().FirstOrDefault() is not { } room) return;
            closing = shards.CloseAsync(Authority.Room(room.Room.RoomId));
            Assert.That(closing.IsCompleted, Is.False);
        };

        await alice.CreatesRoomAsync(version: "12");
        await closing!;
    }

    [TestCase("11")]
    [TestCase("12")]
    public async Task A_node_without_shards_draws_no_room(string version)
    {
        var shards = new MovableShards();
        var (rules, create) = Create(version);
        var ids = new NewRoomIds(shards.Gates, new RoomsOptions { ServerName = "one.test" }, new ManualTime());
        var drawn = ids.Draw(rules, [create]);
        drawn.Visit.Dispose();
        Assert.That(drawn.RoomId, Does.StartWith("!"));

        await shards.Gates.CloseAsync(ShardGates.All, CancellationToken.None);

        var refused = Assert.Throws<StorageException>(() => ids.Draw(rules, [create]))!;
        Assert.That(refused.Failure, Is.EqualTo(StorageFailure.NotOwned));
    }

    [Test]
    public async Task Two_nodes_never_make_the_same_room_at_the_same_moment()
    {
        var (first, second) = (new MovableShards(), new MovableShards());
        await first.Gates.CloseAsync(Shards(odd: true), CancellationToken.None);
        await second.Gates.CloseAsync(Shards(odd: false), CancellationToken.None);
        var (rules, create) = Create("12");
        var options = new RoomsOptions { ServerName = "one.test" };
        var time = new ManualTime();
        var nodes = new[] { first, second }.Select(each => new NewRoomIds(each.Gates, options, time)).ToArray();

        var rooms = new List<string>();
        for (var made = 0; made < Rooms; made++)
        {
            foreach (var node in nodes)
            {
                var drawn = node.Draw(rules, [create]);
                drawn.Visit.Dispose();
                rooms.Add(drawn.RoomId);
            }
        }

        Assert.That(rooms, Is.Unique);
    }

    private static (RoomRules Rules, Draft Create) Create(string version) =>
        (RoomRules.Find(version)!, Draft.State(EventTypes.Create, "", "@alice:one.test", Core.Json.JsonObject.Empty));

    /// <summary>Closes half of all shards, but for those of some.</summary>
    private static Task CloseHalfAsync(MovableShards shards, params Authority[] kept)
    {
        var stay = kept.Select(static each => each.Shard).ToHashSet();
        return shards.Gates.CloseAsync(
            [.. Shards(odd: true).Where(shard => !stay.Contains(shard))], CancellationToken.None);
    }

    private static int[] Shards(bool odd) => [.. ShardGates.All.Where(shard => shard % 2 == 1 == odd)];
}
