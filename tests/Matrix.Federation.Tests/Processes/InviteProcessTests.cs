using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Processes;

/// <summary>Invites between two server processes, the inviter's on SQLite and the other on either database.</summary>
public abstract class InviteProcessTests
{
    private static readonly string[] _versions = ["1", "10", "12"];

    [Test]
    public async Task Invites_are_shown_and_their_rejections_reach_the_inviter()
    {
        await using var here = await ServerProcess.StartAsync();
        await using var there = await ServerProcess.StartAsync(NewDatabase());
        var alice = await LocalUser.RegisterAsync(here, "alice");
        var bob = await LocalUser.RegisterAsync(there, "bob");
        var rooms = new List<(string Version, string RoomId)>();
        foreach (var version in _versions)
        {
            var since = await bob.SinceAsync();
            var roomId = await alice.CreateRoomAsync(version);
            rooms.Add((version, roomId));

            (await alice.PostAsync($"rooms/{roomId}/invite", new JsonObject { ["user_id"] = bob.UserId })).Is(200);

            var invited = (await bob.SyncAsync(since))["rooms"]!["invite"]![roomId]!;
            var events = invited["invite_state"]!["events"]!.AsArray();
            Assert.That((string)events[^1]!["state_key"]!, Is.EqualTo(bob.UserId), version);
            Assert.That(await MembershipAsync(roomId), Is.EqualTo("invite"), version);
        }

        await there.Process.StopAsync();
        await there.Process.StartAsync();
        foreach (var (version, roomId) in rooms)
        {
            (await bob.PostAsync($"rooms/{roomId}/leave", new JsonObject { ["reason"] = "Not now." })).Is(200);

            Assert.That(await MembershipAsync(roomId), Is.EqualTo("leave"), version);
            var shown = (await bob.SyncAsync(null))["rooms"]!;
            Assert.That(shown["invite"]?[roomId], Is.Null, version);
        }

        async Task<string> MembershipAsync(string roomId) => (string)(await alice.GetAsync(
            $"rooms/{roomId}/state/m.room.member/{bob.UserId}")).Is(200).Json["membership"]!;
    }

    [Test]
    public async Task A_knock_reaches_the_other_server_and_is_answered_by_an_invite()
    {
        await using var here = await ServerProcess.StartAsync();
        await using var there = await ServerProcess.StartAsync(NewDatabase());
        var alice = await LocalUser.RegisterAsync(here, "alice");
        var bob = await LocalUser.RegisterAsync(there, "bob");
        var roomId = await alice.CreateRoomAsync("11");
        (await alice.PutAsync($"rooms/{roomId}/state/m.room.join_rules", new JsonObject { ["join_rule"] = "knock" }))
            .Is(200);

        (await bob.PostAsync($"knock/{roomId}?via={here.Name}", [])).Is(200);

        Assert.That((await bob.SyncAsync(null))["rooms"]!["knock"]![roomId], Is.Not.Null);
        (await alice.PostAsync($"rooms/{roomId}/invite", new JsonObject { ["user_id"] = bob.UserId })).Is(200);
        var rooms = (await bob.SyncAsync(null))["rooms"]!;
        Assert.That(rooms["invite"]![roomId], Is.Not.Null);
        Assert.That(rooms["knock"]?[roomId], Is.Null);
    }

    /// <summary>The database's address; null for SQLite.</summary>
    private protected abstract string? NewDatabase();
}

/// <summary>The same on SQLite.</summary>
public sealed class SqliteInviteProcessTests : InviteProcessTests
{
    private protected override string? NewDatabase() => null;
}

/// <summary>The same on PostgreSQL.</summary>
[Category("PostgreSQL")]
public sealed class PostgresInviteProcessTests : InviteProcessTests
{
    private readonly PostgresProcess _postgres = new(inMemory: true);
    private int _databases;

    [OneTimeTearDown]
    public void StopDatabase() => _postgres.Dispose();

    private protected override string? NewDatabase() => _postgres.NewDatabase($"invites{++_databases}");
}
