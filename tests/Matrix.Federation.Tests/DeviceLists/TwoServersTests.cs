using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;
using Matrix.Processes;

namespace Matrix.Federation.Tests.DeviceLists;

/// <summary>Devices and keys of the users of two server processes.</summary>
public abstract class TwoServersTests
{
    [Test]
    public async Task Devices_and_keys_are_seen_across_servers_also_after_an_outage()
    {
        await using var here = await ServerProcess.StartAsync(NewDatabase("here"));
        await using var there = await ServerProcess.StartAsync(NewDatabase("there"));
        var alice = await LocalUser.RegisterAsync(here, "alice");
        var bob = await LocalUser.RegisterAsync(there, "bob");
        var roomId = await alice.CreateEncryptedRoomAsync();
        (await bob.PostAsync($"join/{Uri.EscapeDataString(roomId)}?via={here.Name}", [])).Is(200);
        var since = await alice.SyncTokenAsync();

        // Each sees the other's device, by a sync that is told of the change.
        await bob.UploadKeysAsync(2);
        await bob.CrossSignAsync();
        since = await alice.SeesChangeOfAsync(bob.UserId, since);
        await HasDevicesAsync(alice, bob.UserId, bob.DeviceId);
        var laptop = await bob.LogInAsync("laptop");
        await laptop.UploadKeysAsync(0);
        since = await alice.SeesChangeOfAsync(bob.UserId, since);
        await HasDevicesAsync(alice, bob.UserId, bob.DeviceId, laptop.DeviceId);
        var keys = await alice.QueryKeysAsync(bob.UserId);
        Assert.That(keys["master_keys"]![bob.UserId], Is.Not.Null);
        Assert.That(keys["self_signing_keys"]![bob.UserId], Is.Not.Null);
        Assert.That(keys["user_signing_keys"]!.AsObject(), Is.Empty);
        await HasDevicesAsync(bob, alice.UserId);
        await alice.UploadKeysAsync(0);
        await HasDevicesAsync(bob, alice.UserId, alice.DeviceId);

        // One-time keys are claimed, each once.
        string[] claimed = [await ClaimAsync(alice, bob), await ClaimAsync(alice, bob)];
        Assert.That(claimed, Is.Unique);
        Assert.That(await ClaimAsync(alice, bob), Is.Empty);

        // What changes while this server is down arrives after it is up again.
        await here.Process.KillAsync();
        var tablet = await bob.LogInAsync("tablet");
        await tablet.UploadKeysAsync(0);
        (await laptop.PostAsync("logout", [])).Is(200);
        await here.Process.StartAsync();
        since = await alice.SeesChangeOfAsync(bob.UserId, since);
        await HasDevicesAsync(alice, bob.UserId, bob.DeviceId, tablet.DeviceId);

        // And what changes before the other server is killed.
        var watch = await bob.LogInAsync("watch");
        await watch.UploadKeysAsync(0);
        await there.Process.KillAsync();
        await there.Process.StartAsync();
        await HasDevicesAsync(alice, bob.UserId, bob.DeviceId, tablet.DeviceId, watch.DeviceId);
    }

    /// <summary>The address of a new database; null for SQLite.</summary>
    private protected abstract string? NewDatabase(string name);

    /// <summary>Waits until a user sees these devices of another one.</summary>
    private static async Task HasDevicesAsync(LocalUser user, string of, params string[] devices)
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

    private static async Task<string> ClaimAsync(LocalUser user, LocalUser of)
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

/// <summary>The same on SQLite.</summary>
public sealed class SqliteTwoServersTests : TwoServersTests
{
    private protected override string? NewDatabase(string name) => null;
}

/// <summary>The same on PostgreSQL.</summary>
[Category("PostgreSQL")]
public sealed class PostgresTwoServersTests : TwoServersTests
{
    private readonly PostgresProcess _postgres = new(inMemory: true);

    [OneTimeTearDown]
    public void StopPostgres() => _postgres.Dispose();

    private protected override string? NewDatabase(string name) => _postgres.NewDatabase(name);
}
