using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;

namespace Matrix.Federation.Tests.Joining;

/// <summary>Rooms of a server that had no federation, once it has. On both databases.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
public sealed class OlderRoomsTests(string databaseKind) : DatabaseTests(databaseKind)
{
    private static readonly string[] _versions = ["1", "6", "11", "12"];

    [Test]
    public async Task Rooms_made_without_federation_are_joined_read_and_changed_by_another_server()
    {
        await using var server = await TestServer.StartFederatingAsync(
            await NewDatabaseAsync(),
            ("listeners.federation", ""),
            ("tls.certificate", ""),
            ("tls.key", ""));
        var alice = await server.RegistersAsync("alice");
        var carol = await server.RegistersAsync("carol");
        var rooms = new List<(string Version, string RoomId, string First)>();
        foreach (var version in _versions)
        {
            var roomId = await alice.CreatesRoomAsync(version: version);
            rooms.Add((version, roomId, await LiveInAsync(roomId, alice, carol)));
        }

        await server.StopAsync();
        var (certificate, key) = TestCa.Shared.Issue(server.Name.Split(':')[0]);
        await server.StartAgainAsync(
            ("listeners.federation", server.Name), ("tls.certificate", certificate), ("tls.key", key));

        await using var other = await TestServer.StartFederatingAsync();
        var bob = await other.RegistersAsync("bob");
        foreach (var (version, roomId, first) in rooms)
        {
            await bob.JoinsAsync(roomId, server.Name);

            Assert.That(
                await bob.StateIdsAsync(roomId), Is.EquivalentTo(await alice.StateIdsAsync(roomId)), version);
            var read = (await bob.GetAsync($"{PathOf(roomId)}/messages?dir=b&limit=50")).Is(200).Json["chunk"]!;
            Assert.That(
                read.AsArray().Select(each => (string?)each!["event_id"]), Does.Contain(first), version);
            await bob.SaysAsync(roomId, "from there");
            await SeesAsync(alice, roomId, "from there", version);
            await alice.SaysAsync(roomId, "from here");
            await SeesAsync(bob, roomId, "from here", version);

            // The whole of it holds for a server that checks each event, too.
            await using var peer = await PeerServer.StartAsync();
            var room = await peer.Peer.JoinsAsync(server, roomId, "dora");
            (await room.SendAsync(server, "one", room.Says("dora", "hello"))).Is(200);
            await SeesAsync(alice, roomId, "hello", version);
        }
    }

    /// <summary>Changes a room's state and members; returns the id of a message in it.</summary>
    private static async Task<string> LiveInAsync(string roomId, TestUser alice, TestUser carol)
    {
        await carol.JoinsAsync(roomId);
        foreach (var topic in new[] { "one", "two" })
        {
            await alice.SetsAsync(roomId, "m.room.topic", new() { ["topic"] = topic });
        }

        var message = await alice.SaysAsync(roomId, "from before");
        (await carol.PostAsync($"{PathOf(roomId)}/leave")).Is(200);
        return message;
    }

    private static async Task SeesAsync(TestUser user, string roomId, string text, string version)
    {
        for (var n = 0; ; n++)
        {
            var shown = (await user.TimelineAsync(roomId)).Select(each => (string?)each["content"]?["body"]);
            if (shown.Contains(text)) return;
            Assert.That(n, Is.LessThan(100), $"{text} did not arrive in version {version}");
            await Task.Delay(100);
        }
    }

    private static string PathOf(string roomId) => $"rooms/{PeerRoom.Escape(roomId)}";
}
