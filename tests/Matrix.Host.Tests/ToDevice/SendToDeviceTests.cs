using System.Text;
using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.ToDevice;

public sealed class SendToDeviceTests
{
    private HomeserverFixture _server = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _server = await HomeserverFixture.StartAsync();
        _alice = await _server.RegistersAsync("alice");
        _bob = await _server.RegistersAsync("bob");
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task A_message_waits_for_its_device_with_its_sender_and_type()
    {
        var second = await _bob.LogsInAsync();

        (await SendsAsync("txn", (_bob.UserId, _bob.DeviceId, "hello"))).Is(200);

        var waiting = (await WaitingAsync(_bob)).Single();
        Assert.That(
            JsonNode.DeepEquals(waiting, JsonNode.Parse("""{"content":{"body":"hello"},"sender":"@alice:test.example","type":"m.test"}""")),
            waiting.ToJsonString());
        Assert.That(await WaitingAsync(second), Is.Empty);
    }

    [Test]
    public async Task A_message_to_all_devices_reaches_each_of_them_ones_own_too()
    {
        var second = await _bob.LogsInAsync();

        await SendsAsync("txn", (_bob.UserId, "*", "to all"), (_alice.UserId, "*", "to me"));

        Assert.That(await BodiesAsync(_bob), Is.EqualTo(new[] { "to all" }));
        Assert.That(await BodiesAsync(second), Is.EqualTo(new[] { "to all" }));
        Assert.That(await BodiesAsync(_alice), Is.EqualTo(new[] { "to me" }));
    }

    [Test]
    public async Task Messages_wait_in_the_order_in_which_they_were_sent()
    {
        for (var i = 0; i < 5; i++) await SendsAsync($"txn{i}", (_bob.UserId, _bob.DeviceId, $"{i}"));

        Assert.That(await BodiesAsync(_bob), Is.EqualTo(new[] { "0", "1", "2", "3", "4" }));
    }

    [Test]
    public async Task A_transaction_that_is_repeated_sends_nothing_again_not_even_after_a_restart()
    {
        (await SendsAsync("txn", (_bob.UserId, _bob.DeviceId, "once"))).Is(200);
        (await SendsAsync("txn", (_bob.UserId, _bob.DeviceId, "once"))).Is(200);

        await _server.RestartAsync();

        (await SendsAsync("txn", (_bob.UserId, _bob.DeviceId, "once"))).Is(200);
        Assert.That(await BodiesAsync(_bob), Is.EqualTo(new[] { "once" }));
    }

    [Test]
    public async Task The_same_request_many_times_at_once_sends_once()
    {
        var replies = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => SendsAsync("txn", (_bob.UserId, _bob.DeviceId, "once"))));

        Assert.That(replies.Select(reply => (reply.Status, reply.Text)), Is.All.EqualTo((200, "{}")));
        Assert.That(await BodiesAsync(_bob), Is.EqualTo(new[] { "once" }));
    }

    [Test]
    public async Task The_same_transaction_id_of_another_type_or_device_is_another_transaction()
    {
        var second = await _alice.LogsInAsync();
        await SendsAsync("txn", (_bob.UserId, _bob.DeviceId, "first"));

        await _alice.PutAsync("sendToDevice/m.other/txn", Body((_bob.UserId, _bob.DeviceId, "other type")));
        await second.PutAsync("sendToDevice/m.test/txn", Body((_bob.UserId, _bob.DeviceId, "other device")));

        Assert.That(await BodiesAsync(_bob), Is.EqualTo(new[] { "first", "other type", "other device" }));
    }

    [Test]
    public async Task What_nobody_can_receive_is_accepted_and_gone()
    {
        var reply = await SendsAsync(
            "txn", (_bob.UserId, "UNKNOWN", "x"), ("@nobody:test.example", "*", "x"), ("@zoe:elsewhere.example", "*", "x"));

        reply.Is(200);
        Assert.That(await BodiesAsync(_bob), Is.Empty);
    }

    [Test]
    public async Task Messages_go_with_their_device()
    {
        var second = await _bob.LogsInAsync();
        await SendsAsync("txn", (_bob.UserId, second.DeviceId, "late"));

        await second.PostAsync("logout");
        await _bob.LogsInAsync(second.DeviceId);

        Assert.That(await BodiesAsync(second), Is.Empty);
    }

    [Test]
    public async Task A_message_that_is_too_large_is_refused_and_so_are_those_beside_it()
    {
        var reply = await SendsAsync("txn", (_alice.UserId, _alice.DeviceId, "small"), (_bob.UserId, _bob.DeviceId, new string('x', 65536)));

        reply.Is(413, "M_TOO_LARGE");
        Assert.That(await BodiesAsync(_alice), Is.Empty);
        Assert.That((await SendsAsync("txn", (_bob.UserId, _bob.DeviceId, "small"))).Status, Is.EqualTo(200));
        Assert.That(await BodiesAsync(_bob), Is.EqualTo(new[] { "small" }));
    }

    [TestCase("{}")]
    [TestCase("""{"messages":[]}""")]
    [TestCase("""{"messages":{"@bob:test.example":"x"}}""")]
    [TestCase("""{"messages":{"@bob:test.example":{"D":"x"}}}""")]
    public async Task A_value_of_the_wrong_type_is_bad_json(string body) =>
        (await _alice.SendAsync(HttpMethod.Put, "sendToDevice/m.test/txn", TestClient.Raw(body))).Is(400, "M_BAD_JSON");

    [Test]
    public async Task A_message_to_what_is_no_user_is_an_invalid_parameter() =>
        (await SendsAsync("txn", ("bob", "*", "x"))).Is(400, "M_INVALID_PARAM");

    private Task<Reply> SendsAsync(string txn, params (string User, string Device, string Text)[] messages) =>
        _alice.PutAsync($"sendToDevice/m.test/{txn}", Body(messages));

    private static JsonObject Body(params (string User, string Device, string Text)[] messages)
    {
        var users = new JsonObject();
        foreach (var (user, device, text) in messages)
        {
            users[user] = new JsonObject { [device] = new JsonObject { ["body"] = text } };
        }

        return new JsonObject { ["messages"] = users };
    }

    private async Task<IEnumerable<string?>> BodiesAsync(TestUser user) =>
        (await WaitingAsync(user)).Select(message => (string?)message["content"]!["body"]);

    private async Task<IEnumerable<JsonNode>> WaitingAsync(TestUser user)
    {
        var storage = (IStorage)_server.Services.GetService(typeof(IStorage))!;
        var rows = await storage.ToDevice.OfDeviceAsync(user.UserId, user.DeviceId, 0, long.MaxValue, 100, CancellationToken.None);
        return rows.Select(row => JsonNode.Parse(Encoding.UTF8.GetString(row.Json.Span))!);
    }
}
