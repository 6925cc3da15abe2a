using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Rooms;

/// <summary>The versions of new rooms, and that of the worked example: state that belongs to a user.</summary>
internal sealed class RoomVersionTests
{
    private const string OwnedState = "org.example.owned-state";

    [Test]
    public async Task An_unstable_version_is_neither_offered_nor_created_unless_it_is_configured()
    {
        await using var server = await TestServer.StartAsync();
        var alice = await server.RegistersAsync("alice");

        (await alice.PostAsync("createRoom", new JsonObject { ["room_version"] = OwnedState }))
            .Is(400, "M_UNSUPPORTED_ROOM_VERSION");
        Assert.That((await AvailableAsync(alice)).ContainsKey(OwnedState), Is.False);
    }

    [Test]
    public async Task State_that_belongs_to_another_is_not_written_and_ones_own_is_with_a_suffix_too()
    {
        await using var server = await TestServer.StartAsync(("room_versions.unstable", OwnedState));
        var (alice, bob, room) = await MeetAsync(server);

        Assert.That((string?)(await AvailableAsync(alice))[OwnedState], Is.EqualTo("unstable"));
        Assert.That(
            (string?)(await alice.GetAsync($"rooms/{room}/state/m.room.create")).Is(200).Json["room_version"],
            Is.EqualTo(OwnedState));

        (await NotesAsync(bob, room, bob.UserId)).Is(200);
        (await NotesAsync(bob, room, bob.UserId + "_at_work")).Is(200);
        (await NotesAsync(bob, room, "for all")).Is(200);
        (await NotesAsync(bob, room, alice.UserId)).Is(403, "M_FORBIDDEN");
        (await NotesAsync(bob, room, alice.UserId + "_at_work")).Is(403, "M_FORBIDDEN");
        // The owner has equal power, as a member or not.
        (await NotesAsync(bob, room, $"@nobody:{TestServer.ServerName}")).Is(403, "M_FORBIDDEN");
        // Without an underscore, the key names no user of this room.
        (await NotesAsync(bob, room, bob.UserId + "2")).Is(403, "M_FORBIDDEN");
        // The sender has more power than the owner.
        (await NotesAsync(alice, room, bob.UserId + "_at_work")).Is(200);
    }

    [Test]
    public async Task In_a_version_of_the_specification_not_even_the_powerful_write_anothers_state()
    {
        await using var server = await TestServer.StartAsync(("room_versions.unstable", OwnedState));
        var (alice, bob, room) = await MeetAsync(server, version: "11");

        (await NotesAsync(bob, room, bob.UserId)).Is(200);
        (await NotesAsync(bob, room, bob.UserId + "_at_work")).Is(403, "M_FORBIDDEN");
        (await NotesAsync(alice, room, bob.UserId)).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task Rooms_of_a_version_that_is_switched_off_go_on_and_no_more_are_made()
    {
        await using var server = await TestServer.StartAsync(("room_versions.unstable", OwnedState));
        var (alice, bob, room) = await MeetAsync(server);
        await server.RestartAsync(("room_versions.unstable", ""));

        (await NotesAsync(bob, room, bob.UserId + "_later")).Is(200);
        (await NotesAsync(bob, room, alice.UserId)).Is(403, "M_FORBIDDEN");
        (await alice.PostAsync("createRoom", new JsonObject { ["room_version"] = OwnedState }))
            .Is(400, "M_UNSUPPORTED_ROOM_VERSION");
    }

    [Test]
    public async Task A_room_whose_creator_names_no_version_is_of_the_configured_one()
    {
        await using var server = await TestServer.StartAsync(
            ("room_versions.unstable", OwnedState),
            ("room_versions.default", OwnedState));
        var alice = await server.RegistersAsync("alice");
        var room = (await alice.PostAsync("createRoom", new JsonObject())).Is(200).Member("room_id");

        Assert.That(
            (string?)(await alice.GetAsync($"rooms/{room}/state/m.room.create")).Is(200).Json["room_version"],
            Is.EqualTo(OwnedState));
        Assert.That(
            (string?)(await alice.GetAsync("capabilities"))
                .Is(200).Json["capabilities"]!["m.room_versions"]!["default"],
            Is.EqualTo(OwnedState));
    }

    /// <summary>Alice creates a room where every member may set notes; Bob joins it.</summary>
    private static async Task<(TestUser Alice, TestUser Bob, string Room)> MeetAsync(
        TestServer server, string version = OwnedState)
    {
        var alice = await server.RegistersAsync("alice");
        var bob = await server.RegistersAsync("bob");
        var room = (await alice.PostAsync("createRoom", new JsonObject
        {
            ["preset"] = "public_chat",
            ["room_version"] = version,
            ["power_level_content_override"] = new JsonObject
            {
                ["events"] = new JsonObject { ["org.example.notes"] = 0 },
            },
        })).Is(200).Member("room_id");
        (await bob.PostAsync($"rooms/{room}/join")).Is(200);
        return (alice, bob, room);
    }

    private static Task<Reply> NotesAsync(TestUser user, string room, string key) =>
        user.PutAsync($"rooms/{room}/state/org.example.notes/{Uri.EscapeDataString(key)}", new JsonObject
        {
            ["by"] = user.UserId,
        });

    private static async Task<JsonObject> AvailableAsync(TestUser user) =>
        (await user.GetAsync("capabilities"))
            .Is(200).Json["capabilities"]!["m.room_versions"]!["available"]!.AsObject();
}
