using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Accounts;

/// <summary>A deactivated user leaves every room, also after a crash or a restart.</summary>
public sealed class DeactivationTests
{
    [Test]
    public async Task A_server_that_stopped_after_a_deactivation_takes_the_user_out_of_their_rooms_when_it_starts()
    {
        await using var server = await TestServer.StartAsync();
        var bob = await server.RegistersAsync("bob");
        var alice = await server.RegistersAsync("alice");
        var rooms = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            var body = new JsonObject { ["preset"] = "public_chat", ["invite"] = new JsonArray(alice.UserId) };
            rooms.Add((await bob.PostAsync("createRoom", body)).Is(200).Member("room_id"));
            if (i > 0) (await alice.PostAsync($"rooms/{rooms[i]}/join")).Is(200);
        }

        (await alice.PostAsync($"rooms/{rooms[2]}/leave")).Is(200);
        var left = await EventOfAsync(bob, rooms[2], alice);

        // The durable state if the server dies just after the deactivation.
        var deactivation = new WriteBatch(Authority.User(alice.UserId))
            .Require(new UserDeactivated(alice.UserId, Erase: false));
        await server.Services.GetRequiredService<IStorageWriter>().WriteAsync(deactivation, CancellationToken.None);
        await server.RestartAsync();

        foreach (var room in rooms.Take(2)) await UntilLeftAsync(bob, room, alice);
        Assert.That(
            await EventOfAsync(bob, rooms[2], alice),
            Is.EqualTo(left),
            "a room that was left already is left alone");
    }

    [Test]
    public async Task A_request_leaves_the_rooms_though_another_node_has_the_duty()
    {
        var shards = new MovableShards();
        await using var server = await shards.StartAsync();
        var (bob, alice) = (await server.RegistersAsync("bob"), await server.RegistersAsync("alice"));
        var room = await SharedRoomAsync(bob, alice);
        await shards.CloseAsync(Authority.Duty("departures"));
        var authorities = new ConcurrentQueue<Authority>();
        server.Writes = batch =>
        {
            if (batch.Changes.Any(static change => change is DepartureEnded)) authorities.Enqueue(batch.Authority);
        };

        await DeactivatesAsync(alice);

        await UntilLeftAsync(bob, room, alice);
        await Until.HoldsAsync(() => !authorities.IsEmpty);
        Assert.That(authorities, Is.EqualTo(new[] { Authority.User(alice.UserId) }));
    }

    [Test]
    public async Task What_a_request_to_another_node_leaves_is_done_where_the_duty_is()
    {
        var shards = new MovableShards();
        await using var server = await shards.StartAsync(("limits.departure_time", "100ms"));
        var (bob, alice) = (await server.RegistersAsync("bob"), await server.RegistersAsync("alice"));
        var room = await SharedRoomAsync(bob, alice);

        // What is seen here of a deactivation elsewhere.
        var deactivation = new WriteBatch(Authority.User(alice.UserId))
            .Require(new UserDeactivated(alice.UserId, Erase: false));
        await server.Services.GetRequiredService<IStorageWriter>().WriteAsync(deactivation, CancellationToken.None);

        await UntilLeftAsync(bob, room, alice);
        var accounts = server.Services.GetRequiredService<IAccountsTable>();
        await Until.HoldsAsync(
            async () => (await accounts.ListDeparturesAsync("", 10, CancellationToken.None)).Count == 0);
    }

    [Test]
    public async Task An_account_ends_under_its_users_lock_and_where_the_user_is()
    {
        var shards = new MovableShards();
        await using var server = await shards.StartAsync();
        var alice = await server.RegistersAsync("alice");
        var locks = server.Services.GetRequiredService<UserLocks>();
        Task<Reply> ending;
        using (await locks.TakeAsync(alice.UserId, CancellationToken.None))
        {
            ending = DeactivatesAsync(alice);
            await Task.Delay(100);
            Assert.That(ending.IsCompleted, Is.False);
            (await alice.GetAsync("account/whoami")).Is(200);
        }

        (await ending).Is(200);
        var bob = await server.RegistersAsync("bob");
        await shards.CloseAsync(Authority.User(bob.UserId));
        (await DeactivatesAsync(bob)).Is(503, "M_UNKNOWN");
        (await bob.GetAsync("account/whoami")).Is(200);
    }

    private static async Task<string> SharedRoomAsync(TestUser bob, TestUser alice)
    {
        var room = await bob.CreatesRoomAsync();
        await alice.JoinsAsync(room);
        return room;
    }

    private static Task<Reply> DeactivatesAsync(TestUser user) => user.PostAsync("account/deactivate", new JsonObject
    {
        ["auth"] = new JsonObject
        {
            ["type"] = "m.login.password",
            ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = user.UserId },
            ["password"] = user.Password,
        },
    });

    private static async Task UntilLeftAsync(TestUser witness, string room, TestUser gone)
    {
        for (var i = 0; i < 1500; i++)
        {
            var reply = (await witness.GetAsync($"rooms/{room}/state/m.room.member/{gone.UserId}")).Is(200);
            if (reply.Member("membership") == "leave") return;
            await Task.Delay(20);
        }

        Assert.Fail($"{gone.UserId} did not leave.");
    }

    private static async Task<string> EventOfAsync(TestUser witness, string room, TestUser user) =>
        (await witness.GetAsync($"rooms/{room}/state/m.room.member/{user.UserId}?format=event"))
            .Is(200).Member("event_id");
}
