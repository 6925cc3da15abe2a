using Matrix.Federation.Tests.Support;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Processes;

/// <summary>Rooms of a server that had no federation, once it has. On both databases.</summary>
public abstract class OlderRoomsTests
{
    [Test]
    public async Task A_room_made_without_federation_is_joined_read_and_changed_by_another_server(
        [Values("1", "6", "11", "12")] string version)
    {
        await using var server = await ServerProcess.StartAsync(
            NewDatabase(),
            ("MATRIX_LISTENERS__FEDERATION", ""), ("MATRIX_TLS__CERTIFICATE", ""), ("MATRIX_TLS__KEY", ""));
        var alice = await LocalUser.RegisterAsync(server, "alice");
        var carol = await LocalUser.RegisterAsync(server, "carol");
        var roomId = await alice.CreateRoomAsync(version);
        var path = $"rooms/{PeerRoom.Escape(roomId)}";
        (await carol.PostAsync($"join/{PeerRoom.Escape(roomId)}", [])).Is(200);
        foreach (var topic in new[] { "one", "two" })
        {
            (await alice.PutAsync($"{path}/state/m.room.topic/", new() { ["topic"] = topic })).Is(200);
        }

        var first = await alice.SayAsync(roomId, "from before");
        (await carol.PostAsync($"{path}/leave", [])).Is(200);

        await server.Process.StopAsync();
        var (certificate, key) = TestCa.Shared.Issue(server.FederationAddress.Host);
        server.Process.Settings["MATRIX_LISTENERS__FEDERATION"] = server.Name;
        server.Process.Settings["MATRIX_TLS__CERTIFICATE"] = certificate;
        server.Process.Settings["MATRIX_TLS__KEY"] = key;
        await server.Process.StartAsync();

        await using var other = await ServerProcess.StartAsync();
        var bob = await LocalUser.RegisterAsync(other, "bob");
        (await bob.PostAsync($"join/{PeerRoom.Escape(roomId)}?via={server.Name}", [])).Is(200);

        Assert.That(await bob.StateIdsAsync(roomId), Is.EquivalentTo(await alice.StateIdsAsync(roomId)));
        var read = (await bob.GetAsync($"{path}/messages?dir=b&limit=50")).Is(200).Json["chunk"]!.AsArray();
        Assert.That(read.Select(each => (string?)each!["event_id"]), Does.Contain(first));
        await bob.SayAsync(roomId, "from there");
        await SeesAsync(alice, "from there");
        await alice.SayAsync(roomId, "from here");
        await SeesAsync(bob, "from here");

        // The whole of it holds for a server that checks each event, too.
        await using var peer = await PeerServer.StartAsync();
        var room = await PeerRoom.JoinAsync(server, peer.Peer, roomId, "dora");
        (await room.SendAsync(server, "one", room.Say("dora", "hello"))).Is(200);
        await SeesAsync(alice, "hello");

        async Task SeesAsync(LocalUser user, string text)
        {
            for (var n = 0; ; n++)
            {
                var shown = (await user.TimelineAsync(roomId)).Select(each => (string?)each["content"]?["body"]);
                if (shown.Contains(text)) return;
                Assert.That(n, Is.LessThan(100), $"{text} did not arrive");
                await Task.Delay(100);
            }
        }
    }

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
    private int _databases;

    [OneTimeTearDown]
    public void StopPostgres() => _postgres.Dispose();

    private protected override string? NewDatabase() => _postgres.NewDatabase($"older{++_databases}");
}
