using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;

namespace Matrix.Federation.Tests.Invites;

/// <summary>Invites between two servers, the inviter's on SQLite and the other on either database.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
public sealed class TwoServersTests(string databaseKind) : DatabaseTests(databaseKind)
{
    private static readonly string[] _versions = ["1", "10", "12"];

    [Test]
    public async Task Invites_are_shown_and_their_rejections_reach_the_inviter()
    {
        await using var here = await TestServer.StartFederatingAsync();
        await using var there = await TestServer.StartFederatingAsync(await NewDatabaseAsync());
        var alice = await here.RegistersAsync("alice");
        var bob = await there.RegistersAsync("bob");
        var rooms = new List<(string Version, string RoomId)>();
        foreach (var version in _versions)
        {
            var since = await bob.SyncTokenAsync();
            var roomId = await alice.CreatesRoomAsync(version: version);
            rooms.Add((version, roomId));

            await alice.InvitesAsync(roomId, bob.UserId);

            var invited = (await bob.SyncsAsync(since))["rooms"]!["invite"]![roomId]!;
            var events = invited["invite_state"]!["events"]!.AsArray();
            Assert.That((string)events[^1]!["state_key"]!, Is.EqualTo(bob.UserId), version);
            Assert.That(await MembershipAsync(roomId), Is.EqualTo("invite"), version);
        }

        await there.StopAsync();
        await there.StartAgainAsync();
        foreach (var (version, roomId) in rooms)
        {
            (await bob.PostAsync($"rooms/{roomId}/leave", new JsonObject { ["reason"] = "Not now." })).Is(200);

            Assert.That(await MembershipAsync(roomId), Is.EqualTo("leave"), version);
            var shown = (await bob.SyncsAsync())["rooms"]!;
            Assert.That(shown["invite"]?[roomId], Is.Null, version);
        }

        async Task<string> MembershipAsync(string roomId) => (string)(await alice.GetAsync(
            $"rooms/{roomId}/state/m.room.member/{bob.UserId}")).Is(200).Json["membership"]!;
    }

    [Test]
    public async Task A_knock_reaches_the_other_server_and_is_answered_by_an_invite()
    {
        await using var here = await TestServer.StartFederatingAsync();
        await using var there = await TestServer.StartFederatingAsync(await NewDatabaseAsync());
        var alice = await here.RegistersAsync("alice");
        var bob = await there.RegistersAsync("bob");
        var roomId = await alice.CreatesRoomAsync(version: "11");
        await alice.SetsAsync(roomId, "m.room.join_rules", new() { ["join_rule"] = "knock" });

        (await bob.PostAsync($"knock/{roomId}?via={here.Name}")).Is(200);

        Assert.That((await bob.SyncsAsync())["rooms"]!["knock"]![roomId], Is.Not.Null);
        await alice.InvitesAsync(roomId, bob.UserId);
        var rooms = (await bob.SyncsAsync())["rooms"]!;
        Assert.That(rooms["invite"]![roomId], Is.Not.Null);
        Assert.That(rooms["knock"]?[roomId], Is.Null);
    }
}
