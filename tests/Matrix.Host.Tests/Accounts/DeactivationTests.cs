using System.Text.Json.Nodes;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
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
