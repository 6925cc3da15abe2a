using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;

namespace Matrix.Federation.Tests.DeviceLists;

/// <summary>Devices and keys of the users of two server processes.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
public sealed class TwoServersTests(string databaseKind) : DatabaseTests(databaseKind)
{
    [Test]
    public async Task Devices_and_keys_are_seen_across_servers_also_after_an_outage()
    {
        await using var here = await ServerProcess.StartAsync(await NewDatabaseAsync());
        await using var there = await ServerProcess.StartAsync(await NewDatabaseAsync());
        var alice = await here.RegistersAsync("alice");
        var bob = await there.RegistersAsync("bob");
        var roomId = await alice.CreatesEncryptedRoomAsync();
        await bob.JoinsAsync(roomId, here.Name);
        var since = await alice.SyncTokenAsync();

        // Each sees the other's device, by a sync that is told of the change.
        await bob.UploadsKeysAsync(2);
        await bob.CrossSignsAsync();
        since = await alice.SeesChangeOfAsync(bob.UserId, since);
        await HasDevicesAsync(alice, bob.UserId, bob.DeviceId);
        var laptop = await bob.LogsInAsync(deviceName: "laptop");
        await laptop.UploadsKeysAsync(0);
        since = await alice.SeesChangeOfAsync(bob.UserId, since);
        await HasDevicesAsync(alice, bob.UserId, bob.DeviceId, laptop.DeviceId);
        var keys = (await alice.QueriesKeysAsync(bob.UserId)).Is(200).Json;
        Assert.That(keys["master_keys"]![bob.UserId], Is.Not.Null);
        Assert.That(keys["self_signing_keys"]![bob.UserId], Is.Not.Null);
        Assert.That(keys["user_signing_keys"]!.AsObject(), Is.Empty);
        await HasDevicesAsync(bob, alice.UserId);
        await alice.UploadsKeysAsync(0);
        await HasDevicesAsync(bob, alice.UserId, alice.DeviceId);

        // One-time keys are claimed, each once.
        string[] claimed = [await ClaimAsync(alice, bob), await ClaimAsync(alice, bob)];
        Assert.That(claimed, Is.Unique);
        Assert.That(await ClaimAsync(alice, bob), Is.Empty);

        // What changes while this server is down arrives after it is up again.
        await here.Process.KillAsync();
        var tablet = await bob.LogsInAsync(deviceName: "tablet");
        await tablet.UploadsKeysAsync(0);
        (await laptop.PostAsync("logout")).Is(200);
        await here.Process.StartAsync();
        since = await alice.SeesChangeOfAsync(bob.UserId, since);
        await HasDevicesAsync(alice, bob.UserId, bob.DeviceId, tablet.DeviceId);

        // And what changes before the other server is killed.
        var watch = await bob.LogsInAsync(deviceName: "watch");
        await watch.UploadsKeysAsync(0);
        await there.Process.KillAsync();
        await there.Process.StartAsync();
        await HasDevicesAsync(alice, bob.UserId, bob.DeviceId, tablet.DeviceId, watch.DeviceId);
    }

    /// <summary>Waits until a user sees these devices of another one.</summary>
    private static async Task HasDevicesAsync(TestUser user, string of, params string[] devices)
    {
        IReadOnlyList<string> seen = [];
        var until = DateTime.UtcNow.AddSeconds(30);
        while (DateTime.UtcNow < until)
        {
            seen = await user.DevicesOfAsync(of);
            if (seen.Order().SequenceEqual(devices.Order())) return;
            await Task.Delay(50);
        }

        Assert.That(seen, Is.EquivalentTo(devices));
    }

    private static async Task<string> ClaimAsync(TestUser user, TestUser of)
    {
        var reply = (await user.PostAsync("keys/claim", new JsonObject
        {
            ["one_time_keys"] = new JsonObject
            {
                [of.UserId] = new JsonObject { [of.DeviceId] = "signed_curve25519" },
            },
        })).Is(200).Json;
        Assert.That(reply["failures"]!.AsObject(), Is.Empty);
        return reply["one_time_keys"]![of.UserId]?[of.DeviceId]?.AsObject().Single().Key ?? "";
    }
}
