using System.Text.Json.Nodes;
using Matrix.Core.Facade;
using Matrix.Federation.Tests.Support;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Edus;

/// <summary>Presence between server processes.</summary>
public sealed class ServersPresenceTests
{
    // On a slow machine users may not poll for long.
    private static readonly (string, string) _patient = ("MATRIX_PRESENCE__OFFLINE_AFTER", "1h");

    [Test]
    public async Task Users_of_three_servers_see_those_with_whom_they_share_a_room()
    {
        await using var first = await ServerProcess.StartAsync(settings: _patient);
        await using var second = await ServerProcess.StartAsync(settings: _patient);
        await using var third = await ServerProcess.StartAsync(settings: _patient);
        await MeetAsync(first, second, third);
    }

    [Test]
    [Category("PostgreSQL")]
    public async Task Users_of_three_servers_see_each_other_on_PostgreSQL_and_SQLite()
    {
        using var postgres = new PostgresProcess(inMemory: true);
        await using var first = await ServerProcess.StartAsync(postgres.NewDatabase("first"), _patient);
        await using var second = await ServerProcess.StartAsync(settings: _patient);
        await using var third = await ServerProcess.StartAsync(postgres.NewDatabase("third"), _patient);
        await MeetAsync(first, second, third);
    }

    private static async Task MeetAsync(ServerProcess first, ServerProcess second, ServerProcess third)
    {
        var alice = await LocalUser.RegisterAsync(first, "alice");
        var bob = await LocalUser.RegisterAsync(second, "bob");
        var carol = await LocalUser.RegisterAsync(third, "carol");
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
            (await bob.SyncAsync())["presence"]?["events"]?.AsArray().Select(each => (string?)each!["sender"]) ?? [],
            Has.No.Member(carol.UserId));

        // A message survives its server's restart, and comes again with its user.
        await SetAsync(alice, "online", "to stay");
        await SeesAsync(carol, alice, "online", "to stay");
        await first.Process.StopAsync();
        await first.Process.StartAsync();
        await alice.GetAsync("sync?timeout=0&set_presence=unavailable");
        await SeesAsync(carol, alice, "unavailable", "to stay");
    }

    private static async Task ShareAsync(LocalUser host, ServerProcess server, LocalUser guest)
    {
        var roomId = await host.CreateRoomAsync(RoomRules.Recommended);
        (await guest.PostAsync(
            $"join/{Uri.EscapeDataString(roomId)}?via={Uri.EscapeDataString(server.Name)}", [])).Is(200);
    }

    private static async Task SetAsync(LocalUser user, string presence, string? status = null)
    {
        var body = new JsonObject { ["presence"] = presence };
        if (status is not null) body["status_msg"] = status;
        (await user.PutAsync($"presence/{user.UserId}/status", body)).Is(200);
    }

    /// <summary>Waits until a user sees another one's presence, both when they ask and in sync.</summary>
    private static Task SeesAsync(LocalUser user, LocalUser other, string presence, string? status) => Until.HoldsAsync(
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
