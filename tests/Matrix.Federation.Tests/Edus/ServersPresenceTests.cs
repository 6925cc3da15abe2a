using System.Text.Json.Nodes;
using Matrix.Core.Facade;

namespace Matrix.Federation.Tests.Edus;

/// <summary>Presence between servers.</summary>
public sealed class ServersPresenceTests
{
    // On a slow machine users may not poll for long.
    private static readonly (string, string)[] _patient = [("presence.mode", "on"), ("presence.offline_after", "1h")];

    [Test]
    public async Task Users_of_three_servers_see_those_with_whom_they_share_a_room()
    {
        await using var first = await TestServer.StartFederatingAsync(settings: _patient);
        await using var second = await TestServer.StartFederatingAsync(settings: _patient);
        await using var third = await TestServer.StartFederatingAsync(settings: _patient);
        await MeetAsync(first, second, third);
    }

    [Test]
    [Category("PostgreSQL")]
    public async Task Users_of_three_servers_see_each_other_on_PostgreSQL_and_SQLite()
    {
        await using var firstDatabase = await TestDatabase.CreateAsync(TestDatabase.Postgres);
        await using var thirdDatabase = await TestDatabase.CreateAsync(TestDatabase.Postgres);
        await using var first = await TestServer.StartFederatingAsync(firstDatabase.Url, _patient);
        await using var second = await TestServer.StartFederatingAsync(settings: _patient);
        await using var third = await TestServer.StartFederatingAsync(thirdDatabase.Url, _patient);
        await MeetAsync(first, second, third);
    }

    private static async Task MeetAsync(TestServer first, TestServer second, TestServer third)
    {
        var alice = await first.RegistersAsync("alice");
        var bob = await second.RegistersAsync("bob");
        var carol = await third.RegistersAsync("carol");
        await SetAsync(alice, "online", "before you came");
        await ShareAsync(alice, first, bob);
        await ShareAsync(alice, first, carol);

        // Bob and Carol came later, and get what Alice said before.
        foreach (var user in new[] { bob, carol }) await SeesAsync(user, alice, "online", "before you came");

        await SetAsync(bob, "online", "from the second");
        await SeesAsync(alice, bob, "online", "from the second");
        await SetAsync(bob, "offline");
        await SeesAsync(alice, bob, "offline", null);

        (await bob.GetAsync($"presence/{carol.UserId}/status")).Is(403, "M_FORBIDDEN");
        Assert.That(
            (await bob.SyncsAsync())["presence"]?["events"]?.AsArray().Select(each => (string?)each!["sender"]) ?? [],
            Has.No.Member(carol.UserId));

        // A message survives its server's restart, and comes again with its user.
        await SetAsync(alice, "online", "to stay");
        await SeesAsync(carol, alice, "online", "to stay");
        await first.StopAsync();
        await first.StartAgainAsync();
        await alice.GetAsync("sync?timeout=0&set_presence=unavailable");
        await SeesAsync(carol, alice, "unavailable", "to stay");
    }

    private static async Task ShareAsync(TestUser host, TestServer server, TestUser guest)
    {
        var roomId = await host.CreatesRoomAsync(version: RoomRules.Recommended);
        await guest.JoinsAsync(roomId, server.Name);
    }

    private static async Task SetAsync(TestUser user, string presence, string? status = null)
    {
        var body = new JsonObject { ["presence"] = presence };
        if (status is not null) body["status_msg"] = status;
        (await user.PutAsync($"presence/{user.UserId}/status", body)).Is(200);
    }

    /// <summary>Waits until a user sees another one's presence, both when they ask and in sync.</summary>
    private static Task SeesAsync(TestUser user, TestUser other, string presence, string? status) => Until.HoldsAsync(
        async () =>
        {
            var asked = (await user.GetAsync($"presence/{other.UserId}/status")).Is(200).Json;
            if ((string?)asked["presence"] != presence || (string?)asked["status_msg"] != status) return false;
            if (presence == "offline") return true;
            var seen = (await user.GetAsync("sync?timeout=0&set_presence=offline")).Is(200).Json["presence"]?["events"]?
                .AsArray().LastOrDefault(each => (string?)each!["sender"] == other.UserId)?["content"];
            return (string?)seen?["presence"] == presence && (string?)seen["status_msg"] == status;
        },
        $"{user.UserId} sees {other.UserId} {presence}");
}
