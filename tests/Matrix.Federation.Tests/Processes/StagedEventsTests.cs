using Matrix.Federation.Tests.Support;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Processes;

/// <summary>Acknowledged events that wait for others survive the end of the process.</summary>
public abstract class StagedEventsTests
{
    [Test]
    public async Task An_acknowledged_event_that_waits_is_shown_after_a_restart()
    {
        await using var peer = await PeerServer.StartAsync();
        await using var server = await ServerProcess.StartAsync(NewDatabase());
        var alice = await LocalUser.RegisterAsync(server, "alice");
        var roomId = await alice.CreateRoomAsync("11");
        var room = await PeerRoom.JoinAsync(server, peer.Peer, roomId, "bob");
        peer.Rooms[roomId] = room;
        var held = new TaskCompletionSource();
        peer.Held = held.Task;
        _ = room.Say("bob", "missing");
        var said = room.Say("bob", "staged");

        var reply = (await room.SendAsync(server, "one", said)).Is(200).Json["pdus"]!;
        Assert.That(reply[said.EventId]!.AsObject(), Is.Empty);
        Assert.That(await BodiesAsync(alice, roomId), Is.Empty);

        await server.Process.KillAsync();
        held.SetResult();
        await server.Process.StartAsync();

        for (var attempt = 0; attempt < 200 && (await BodiesAsync(alice, roomId)).Length < 2; attempt++)
        {
            await Task.Delay(100);
        }

        Assert.That(await BodiesAsync(alice, roomId), Is.EqualTo(new[] { "missing", "staged" }));
    }

    [Test]
    public async Task An_acknowledged_event_waits_for_a_server_that_fails_and_through_a_restart()
    {
        await using var peer = await PeerServer.StartAsync();
        await using var server = await ServerProcess.StartAsync(NewDatabase());
        var alice = await LocalUser.RegisterAsync(server, "alice");
        var roomId = await alice.CreateRoomAsync("11");
        var room = await PeerRoom.JoinAsync(server, peer.Peer, roomId, "bob");
        peer.Rooms[roomId] = room;
        peer.Fails = int.MaxValue;
        _ = room.Say("bob", "missing");
        var said = room.Say("bob", "staged");

        var reply = (await room.SendAsync(server, "one", said)).Is(200).Json["pdus"]!;
        Assert.That(reply[said.EventId]!.AsObject(), Is.Empty);
        await Until.HoldsAsync(() => peer.Requests.Count >= 3);

        await server.Process.KillAsync();
        await server.Process.StartAsync();
        Assert.That(await BodiesAsync(alice, roomId), Is.Empty);
        peer.Fails = 0;

        for (var attempt = 0; attempt < 200 && (await BodiesAsync(alice, roomId)).Length < 2; attempt++)
        {
            await Task.Delay(100);
        }

        Assert.That(await BodiesAsync(alice, roomId), Is.EqualTo(new[] { "missing", "staged" }));
    }

    /// <summary>The database's address; null for SQLite.</summary>
    private protected abstract string? NewDatabase();

    private static async Task<string[]> BodiesAsync(LocalUser user, string roomId) =>
        [.. (await user.TimelineAsync(roomId))
            .Where(each => (string?)each["type"] == "m.room.message")
            .Select(each => (string)each["content"]!["body"]!)];
}

/// <summary>The same on SQLite.</summary>
public sealed class SqliteStagedEventsTests : StagedEventsTests
{
    private protected override string? NewDatabase() => null;
}

/// <summary>The same on PostgreSQL.</summary>
[Category("PostgreSQL")]
public sealed class PostgresStagedEventsTests : StagedEventsTests
{
    private readonly PostgresProcess _postgres = new(inMemory: true);
    private int _databases;

    [OneTimeTearDown]
    public void StopPostgres() => _postgres.Dispose();

    private protected override string? NewDatabase() => _postgres.NewDatabase($"staged{++_databases}");
}
