using Matrix.Federation.Tests.Support;

namespace Matrix.Federation.Tests.Processes;

/// <summary>Acknowledged events that wait for others survive the end of the process.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
public sealed class StagedEventsTests(string databaseKind) : DatabaseTests(databaseKind)
{
    [Test]
    public async Task An_acknowledged_event_that_waits_is_shown_after_a_restart()
    {
        await using var peer = await PeerServer.StartAsync();
        await using var server = await ServerProcess.StartAsync(await NewDatabaseAsync());
        var alice = await server.RegistersAsync("alice");
        var roomId = await alice.CreatesRoomAsync(version: "11");
        var room = await peer.Peer.JoinsAsync(server, roomId, "bob");
        peer.Rooms[roomId] = room;
        var held = new TaskCompletionSource();
        peer.Held = held.Task;
        _ = room.Says("bob", "missing");
        var said = room.Says("bob", "staged");

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
        await using var server = await ServerProcess.StartAsync(await NewDatabaseAsync());
        var alice = await server.RegistersAsync("alice");
        var roomId = await alice.CreatesRoomAsync(version: "11");
        var room = await peer.Peer.JoinsAsync(server, roomId, "bob");
        peer.Rooms[roomId] = room;
        peer.Fails = int.MaxValue;
        _ = room.Says("bob", "missing");
        var said = room.Says("bob", "staged");

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

    private static async Task<string[]> BodiesAsync(TestUser user, string roomId) =>
        [.. (await user.TimelineAsync(roomId))
            .Where(each => (string?)each["type"] == "m.room.message")
            .Select(each => (string)each["content"]!["body"]!)];
}
