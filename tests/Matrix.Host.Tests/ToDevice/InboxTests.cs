using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Processes;

namespace Matrix.Host.Tests.ToDevice;

/// <summary>The limits of to-device inboxes.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class InboxTests(string kind)
{
    private TestDatabase _database = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _database = await TestDatabase.CreateAsync(kind);
        _server =
            await TestServer.StartAsync(("database.url", _database.Url), ("limits.to_device_inbox", "64KiB"));
        _alice = await _server.RegistersAsync("alice");
        _bob = await _server.RegistersAsync("bob");
    }

    [TearDown]
    public async Task StopAsync()
    {
        await _server.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task Beyond_a_senders_share_of_an_inbox_new_messages_are_refused_until_some_are_fetched()
    {
        var carol = await _server.RegistersAsync("carol");
        for (var i = 0; i < 3; i++) (await SendsAsync(_alice, i, _bob.DeviceId)).Is(200);

        var refused = (await SendsAsync(_alice, 3, _bob.DeviceId)).Is(429, "M_LIMIT_EXCEEDED");
        Assert.That((long)refused.Json["retry_after_ms"]!, Is.Positive);
        (await SendsAsync(_alice, 3, "*")).Is(429, "M_LIMIT_EXCEEDED");
        (await SendsAsync(carol, 4, _bob.DeviceId)).Is(200);

        var sync = await _bob.SyncsAsync();
        Assert.That(Numbers(sync), Is.EqualTo(new[] { 0, 1, 2, 4 }), "What was accepted is kept.");
        await _bob.SyncsAsync(sync.Next);

        // The deletion of fetched messages runs in the background.
        var reply = await SendsAsync(_alice, 3, _bob.DeviceId);
        for (var i = 0; i < 600 && reply.Status == 429; i++)
        {
            await Task.Delay(50);
            reply = await SendsAsync(_alice, 3, _bob.DeviceId);
        }

        reply.Is(200);
        Assert.That(Numbers(await _bob.SyncsAsync(sync.Next)), Is.EqualTo(new[] { 3 }));
    }

    [Test]
    public async Task A_device_whose_inbox_is_full_keeps_no_other_users_from_theirs()
    {
        var carol = await _server.RegistersAsync("carol");
        for (var i = 0; i < 3; i++) (await SendsAsync(_alice, i, _bob.DeviceId)).Is(200);

        (await _alice.PutAsync("sendToDevice/m.test/carol", Body(carol.UserId, "*", 5))).Is(200);
        Assert.That(Numbers(await carol.SyncsAsync()), Is.EqualTo(new[] { 5 }));
    }

    [Test]
    public async Task A_message_to_all_devices_reaches_each_once_whenever_the_others_fetch_it_or_go()
    {
        var (second, third) = (await _bob.LogsInAsync(), await _bob.LogsInAsync());
        var wait = second.WaitsAsync((await second.SyncsAsync()).Next);
        (await SendsAsync(_alice, 1, "*")).Is(200);

        var first = await _bob.SyncsAsync();
        var next = (await _bob.SyncsAsync(first.Next)).Next;
        await third.PostAsync("logout");
        var woken = await wait;
        Assert.That(Numbers(first), Is.EqualTo(new[] { 1 }));
        Assert.That(Numbers(woken), Is.EqualTo(new[] { 1 }));
        Assert.That(Numbers(await second.SyncsAsync()), Is.EqualTo(new[] { 1 }), "It was not acknowledged.");
        await second.SyncsAsync(woken.Next);
        Assert.That(Numbers(await second.SyncsAsync()), Is.Empty);
        Assert.That(Numbers(await _bob.SyncsAsync(next)), Is.Empty);
    }

    [Test]
    public async Task A_message_to_all_devices_is_stored_once()
    {
        for (var i = 0; i < 40; i++) await _bob.LogsInAsync();

        // Random, so that no database compresses it.
        var padding = Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(15_000));
        var content = new JsonObject { ["padding"] = padding };
        var messages = new JsonObject { [_bob.UserId] = new JsonObject { ["*"] = content } };
        (await _alice.PutAsync("sendToDevice/m.test/1", new JsonObject { ["messages"] = messages })).Is(200);

        var storage = (OpenedStorage)_server.Services.GetService(typeof(OpenedStorage))!;
        var sizes = await storage.Admin.TableSizesAsync(CancellationToken.None);
        var bytes =
            sizes.Where(row => row.Table.StartsWith("to_device", StringComparison.Ordinal)).Sum(row => row.Bytes);
        Assert.That(bytes, Is.InRange(padding.Length, 10 * padding.Length));
    }

    [Test]
    public async Task What_was_refused_is_counted()
    {
        var port = Repository.FreePort();
        await _server.RestartAsync(("listeners.metrics", $"127.0.0.1:{port}"));
        for (var i = 0; i < 4; i++) await SendsAsync(_alice, i, _bob.DeviceId);

        using var http = new HttpClient();
        var page = await http.GetStringAsync($"http://127.0.0.1:{port}/metrics");
        Assert.That(page, Does.Match("""(?m)^matrix_to_device_refused_total [1-9]\d*$"""));
    }

    private static int[] Numbers(SyncReply sync) =>
        [.. sync.ToDevice.Select(message => (int)message["content"]!["n"]!)];

    private Task<Reply> SendsAsync(TestUser sender, int number, string device) =>
        sender.PutAsync(
            $"sendToDevice/m.test/{number}-{device.Length}-{Guid.NewGuid()}",
            Body(_bob.UserId, device, number));

    /// <summary>A message of about 20,000 bytes.</summary>
    private static JsonObject Body(string user, string device, int number) => new()
    {
        ["messages"] = new JsonObject
        {
            [user] = new JsonObject
            {
                [device] = new JsonObject { ["n"] = number, ["padding"] = new string('x', 19_900) },
            },
        },
    };
}
