using Matrix.Federation.Tests.Support;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Processes;

/// <summary>Rooms of a server that had no federation, once it has. On both databases.</summary>
public abstract class OlderRoomsTests
{
    private static readonly string[] _versions = ["1", "6", "11", "12"];

    [Test]
    public async Task Rooms_made_without_federation_are_joined_read_and_changed_by_another_server()
    {
        await using var server = await ServerProcess.StartAsync(
            NewDatabase(),
            ("MATRIX_LISTENERS__FEDERATION", ""), ("MATRIX_TLS__CERTIFICATE", ""), ("MATRIX_TLS__KEY", ""));
        var alice = await LocalUser.RegisterAsync(server, "alice");
        var carol = await LocalUser.RegisterAsync(server, "carol");
        var rooms = new List<(string Version, string RoomId, string First)>();
        foreach (var version in _versions)
        {
            var roomId = await alice.CreateRoomAsync(version);
            rooms.Add((version, roomId, await LiveInAsync(roomId, alice, carol)));
        }

        await server.Process.StopAsync();
        var (certificate, key) = TestCa.Shared.Issue(server.FederationAddress.Host);
        server.Process.Settings["MATRIX_LISTENERS__FEDERATION"] = server.Name;
        server.Process.Settings["MATRIX_TLS__CERTIFICATE"] = certificate;
        server.Process.Settings["MATRIX_TLS__KEY"] = key;
        await server.Process.StartAsync();

        await using var other = await ServerProcess.StartAsync();
        var bob = await LocalUser.RegisterAsync(other, "bob");
        foreach (var (version, roomId, first) in rooms)
        {
            (await bob.PostAsync($"join/{PeerRoom.Escape(roomId)}?via={server.Name}", [])).Is(200);

            Assert.That(
                await bob.StateIdsAsync(roomId), Is.EquivalentTo(await alice.StateIdsAsync(roomId)), version);
            var read = (await bob.GetAsync($"{PathOf(roomId)}/messages?dir=b&limit=50")).Is(200).Json["chunk"]!;
            Assert.That(
                read.AsArray().Select(each => (string?)each!["event_id"]), Does.Contain(first), version);
            await bob.SayAsync(roomId, "from there");
            await SeesAsync(alice, roomId, "from there", version);
            await alice.SayAsync(roomId, "from here");
            await SeesAsync(bob, roomId, "from here", version);

            // The whole of it holds for a server that checks each event, too.
            await using var peer = await PeerServer.StartAsync();
            var room = await PeerRoom.JoinAsync(server, peer.Peer, roomId, "dora");
            (await room.SendAsync(server, "one", room.Say("dora", "hello"))).Is(200);
            await SeesAsync(alice, roomId, "hello", version);
        }
    }

    /// <summary>Changes a room's state and members; returns the id of a message in it.</summary>
    private static async Task<string> LiveInAsync(string roomId, LocalUser alice, LocalUser carol)
    {
        (await carol.PostAsync($"join/{PeerRoom.Escape(roomId)}", [])).Is(200);
        foreach (var topic in new[] { "one", "two" })
        {
            (await alice.PutAsync($"{PathOf(roomId)}/state/m.room.topic/", new() { ["topic"] = topic })).Is(200);
        }

        var message = await alice.SayAsync(roomId, "from before");
        (await carol.PostAsync($"{PathOf(roomId)}/leave", [])).Is(200);
        return message;
    }

    private static async Task SeesAsync(LocalUser user, string roomId, string text, string version)
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

    /// <summary>The database's address; null for SQLite.</summary>
    private protected abstract string? NewDatabase();
}

/// <summary>The same on SQLite.</summary>
public sealed class SqliteOlderRoomsTests : OlderRoomsTests
{
    private protected override string? NewDatabase() => null;
}

/// <summary>The same on PostgreSQL.</summary>
[Category("PostgreSQL")]
public sealed class PostgresOlderRoomsTests : OlderRoomsTests
{
    private readonly PostgresProcess _postgres = new(inMemory: true);

    [OneTimeTearDown]
    public void StopPostgres() => _postgres.Dispose();

    private protected override string? NewDatabase() => _postgres.NewDatabase("older");
}
