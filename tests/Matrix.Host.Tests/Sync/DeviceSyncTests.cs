using System.Text;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.ToDevice;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Sync;

/// <summary>Device keys, to-device messages and device lists in sync.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class DeviceSyncTests(string kind)
{
    private TestDatabase _database = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;

    [SetUp]
    public async Task SetUp()
    {
        _database = await TestDatabase.CreateAsync(kind);
        _server = await TestServer.StartAsync(("database.url", _database.Url), ("sync.to_device", "5"));
        _alice = await _server.RegistersAsync("alice");
        _bob = await _server.RegistersAsync("bob");
    }

    [TearDown]
    public async Task TearDown()
    {
        await _server.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task Messages_to_a_device_come_in_order_a_few_at_a_time_and_once()
    {
        var since = (await _bob.SyncsAsync()).Next;
        var wait = _bob.WaitsAsync(since);
        await TellsAsync(0);
        var sync = await wait;
        Assert.That(Numbers(sync), Is.EqualTo(new[] { 0 }));

        for (var i = 1; i <= 12; i++) await TellsAsync(i);
        var heard = new List<int>();
        for (var answer = 0; answer < 3; answer++)
        {
            sync = await _bob.SyncsAsync(sync.Next);
            heard.AddRange(Numbers(sync));
        }

        Assert.That(heard, Is.EqualTo(Enumerable.Range(1, 12)));
        Assert.That((await _bob.SyncsAsync(sync.Next)).IsEmpty, Is.True);
    }

    [Test]
    public async Task A_message_is_kept_until_the_token_comes_back()
    {
        var since = (await _bob.SyncsAsync()).Next;
        await TellsAsync(1);
        Assert.That(Numbers(await _bob.SyncsAsync(since)), Is.EqualTo(new[] { 1 }));
        await _server.RestartAsync();
        var sync = await _bob.SyncsAsync(since);
        Assert.That(Numbers(sync), Is.EqualTo(new[] { 1 }), "The first answer may have been lost.");
        sync = await _bob.SyncsAsync(sync.Next);
        Assert.That(sync.IsEmpty, Is.True);
        Assert.That(Numbers(await _bob.SyncsAsync()), Is.Empty, "It was acknowledged and is gone.");
    }

    [Test]
    public async Task Another_device_does_not_get_it()
    {
        var tablet = await _bob.LogsInAsync();
        var since = (await tablet.SyncsAsync()).Next;
        await TellsAsync(1);
        Assert.That((await tablet.SyncsAsync(since)).IsEmpty, Is.True);
    }

    [Test]
    public async Task Counts_of_keys_are_always_sent_and_a_change_ends_a_long_poll()
    {
        var sync = await _bob.SyncsAsync();
        Assert.That((int)sync.Json["device_one_time_keys_count"]!["signed_curve25519"]!, Is.Zero);
        Assert.That(sync.Json["device_unused_fallback_key_types"]!.AsArray(), Is.Empty);

        var wait = _bob.WaitsAsync(sync.Next);
        await WritesAsync(
            new OneTimeKeyUploaded(_bob.UserId, _bob.DeviceId, "curve25519", "AAAAAQ", "\"key\""u8.ToArray()),
            new FallbackKeyUploaded(_bob.UserId, _bob.DeviceId, "curve25519", "AAAAAR", "\"key\""u8.ToArray()));
        sync = await wait;
        Assert.That((int)sync.Json["device_one_time_keys_count"]!["curve25519"]!, Is.EqualTo(1));
        Assert.That(
            sync.Json["device_unused_fallback_key_types"]!.AsArray().Select(t => (string?)t),
            Is.EqualTo(new[] { "curve25519" }));
    }

    [Test]
    public async Task Device_list_changes_of_users_who_share_a_room_are_sent()
    {
        var stranger = await _server.RegistersAsync("stranger");
        var room = await _alice.CreatesRoomAsync();
        var since = (await _alice.SyncsAsync()).Next;
        await _bob.JoinsAsync(room);
        var sync = await _alice.SyncsAsync(since);
        Assert.That(sync.DevicesChanged, Is.EqualTo(new[] { _bob.UserId }), "They share a room now.");

        var wait = _alice.WaitsAsync(sync.Next);
        await WritesAsync(new DeviceListChanged(stranger.UserId));
        await WritesAsync(new DeviceListChanged(_bob.UserId));
        sync = await wait;
        Assert.That(sync.DevicesChanged, Is.EqualTo(new[] { _bob.UserId }));
        sync = await _alice.SyncsAsync(sync.Next);
        Assert.That(sync.DevicesChanged, Is.Empty);

        await _bob.LeavesAsync(room);
        sync = await _alice.SyncsAsync(sync.Next);
        Assert.That(
            (sync.DevicesChanged, sync.DevicesLeft),
            Is.EqualTo((Array.Empty<string>(), new[] { _bob.UserId })));
    }

    private static int[] Numbers(SyncReply sync) => [.. sync.ToDevice.Select(m => (int)m["content"]!["n"]!)];

    private Task TellsAsync(int number) => WritesAsync(new ToDeviceSent(
        _bob.UserId,
        _bob.DeviceId,
        Encoding.UTF8.GetBytes(
            $$"""{"content":{"n":{{number}}},"sender":"{{_alice.UserId}}","type":"org.example.n"}""")));

    /// <summary>Writes as the endpoints for keys and messages do.</summary>
    private async Task WritesAsync(params Change[] changes)
    {
        var batch = Batches.New();
        foreach (var change in changes) batch.Add(change);
        await _server.Services.GetRequiredService<OpenedStorage>().Writer.WriteAsync(batch, default);
    }
}
