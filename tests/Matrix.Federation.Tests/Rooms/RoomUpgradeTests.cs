using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>A room with users of two servers is replaced. Client-Server API, "Room Upgrades".</summary>
public sealed class RoomUpgradeTests
{
    [TestCase("10", "11")]
    [TestCase("11", "12")]
    public async Task A_user_of_another_server_follows_with_their_settings(string version, string next)
    {
        await using var resident = await TestServer.StartFederatingAsync();
        await using var joining = await TestServer.StartFederatingAsync();
        var alice = await resident.RegistersAsync("alice");
        var bob = await joining.RegistersAsync("bob");
        var old = await alice.CreatesRoomAsync(version: version);
        await bob.JoinsAsync(old, resident.Name);
        var tags = $"user/{Uri.EscapeDataString(bob.UserId)}/rooms/";
        (await bob.PutAsync($"{tags}{Uri.EscapeDataString(old)}/tags/m.favourite")).Is(200);

        var replacement = (string)(await alice.PostAsync(
            $"rooms/{Uri.EscapeDataString(old)}/upgrade", new JsonObject { ["new_version"] = next }))
            .Is(200).Json["replacement_room"]!;

        string? found = null;
        await Until.HoldsAsync(async () =>
        {
            var tombstone = await bob.GetAsync($"rooms/{Uri.EscapeDataString(old)}/state/m.room.tombstone");
            found = tombstone.Status == 200 ? (string?)tombstone.Json["replacement_room"] : null;
            return found is not null;
        });
        Assert.That(found, Is.EqualTo(replacement));
        var summary = (await bob.GetAsync(
            $"/_matrix/client/v1/room_summary/{Uri.EscapeDataString(replacement)}?via={resident.Name}")).Is(200).Json;
        Assert.That(
            ((string?)summary["room_version"], (int)summary["num_joined_members"]!), Is.EqualTo((next, 1)));

        await bob.JoinsAsync(replacement, resident.Name);

        await Until.HoldsAsync(async () =>
            (await bob.GetAsync($"{tags}{Uri.EscapeDataString(replacement)}/tags"))
                .Is(200).Json["tags"]!["m.favourite"] is not null);
        Assert.That(
            await bob.StateIdsAsync(replacement), Is.EquivalentTo(await alice.StateIdsAsync(replacement)));
        await Until.HoldsAsync(async () => (int?)(await bob.GetAsync(
            $"rooms/{Uri.EscapeDataString(old)}/state/m.room.power_levels")).Is(200).Json["events_default"] == 50);
        (await bob.PutAsync(
            $"rooms/{Uri.EscapeDataString(old)}/send/m.room.message/1",
            new JsonObject { ["msgtype"] = "m.text", ["body"] = "still here?" })).Is(403, "M_FORBIDDEN");
    }
}
