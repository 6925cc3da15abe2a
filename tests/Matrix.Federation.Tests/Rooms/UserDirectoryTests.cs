using System.Text.Json.Nodes;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>Users of other servers in the user directory. Client-Server API, "User Directory".</summary>
public sealed class UserDirectoryTests
{
    private TestServer _server = null!;
    private AnsweringPeer _peer = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _server = await TestServer.StartWithKnownKeysAsync();
        _peer = await AnsweringPeer.StartAsync();
        _server.Knows(_peer.Peer);
    }

    [TearDown]
    public async Task StopAsync()
    {
        await _peer.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Test]
    public async Task A_user_is_found_by_the_name_of_a_shared_room_and_not_by_that_of_another()
    {
        var alice = await _server.RegistersAsync("alice");
        var bob = await _server.RegistersAsync("bob");
        await JoinsAsPrivateAsync(alice, "Alpha");
        await JoinsAsPrivateAsync(bob, "Beta");

        Assert.That(await NamesAsync(alice, "eve"), Is.EqualTo(new[] { "Alpha" }));
        Assert.That(await NamesAsync(bob, "eve"), Is.EqualTo(new[] { "Beta" }));
        Assert.That(await NamesAsync(bob, "beta"), Is.EqualTo(new[] { "Beta" }));
        Assert.That(await NamesAsync(alice, "beta"), Is.Empty);
    }

    [Test]
    public async Task Users_of_a_public_room_are_found_by_everyone_until_the_last_local_user_leaves()
    {
        var alice = await _server.RegistersAsync("alice");
        var bob = await _server.RegistersAsync("bob");
        var roomId = await alice.CreatesRoomAsync(version: "11");
        await _peer.Peer.JoinsAsync(_server, roomId, "eve");
        Assert.That(await FoundAsync(bob, "eve"), Is.EqualTo(new[] { $"@eve:{_peer.Peer.Name}" }));

        await alice.LeavesAsync(roomId);

        Assert.That(await FoundAsync(bob, "eve"), Is.Empty);
    }

    /// <summary>Eve of the peer joins a room of the user under a name, and the room is closed then.</summary>
    private async Task JoinsAsPrivateAsync(TestUser user, string name)
    {
        var roomId = await user.CreatesRoomAsync(version: "11");
        var made = (await PeerRoom.MakeJoinAsync(_server, _peer.Peer, roomId, "eve")).Is(200).Json;
        var template = made["event"]!.AsObject();
        template["content"]!["displayname"] = name;
        var room = new PeerRoom(_peer.Peer, "11", roomId);
        (await room.SendJoinAsync(_server, room.Completes(template))).Is(200);
        await user.SetsAsync(roomId, "m.room.join_rules", new() { ["join_rule"] = "invite" });
    }

    private static async Task<string[]> NamesAsync(TestUser user, string term) =>
    [
        .. (await user.PostAsync("user_directory/search", new JsonObject { ["search_term"] = term })).Is(200)
            .Json["results"]!.AsArray().Select(each => (string)each!["display_name"]!),
    ];

    private static async Task<string[]> FoundAsync(TestUser user, string term) =>
    [
        .. (await user.PostAsync("user_directory/search", new JsonObject { ["search_term"] = term })).Is(200)
            .Json["results"]!.AsArray().Select(each => (string)each!["user_id"]!),
    ];
}
