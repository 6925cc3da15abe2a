using System.Text;
using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.ToDevice;

internal sealed class SendToDeviceTests : TwoUsersTests
{
    [Test]
    public async Task A_message_waits_for_its_device_with_its_sender_and_type()
    {
        var second = await Bob.LogsInAsync();

        (await SendsAsync("txn", (Bob.UserId, Bob.DeviceId, "hello"))).Is(200);

        var waiting = (await WaitingAsync(Bob)).Single();
        Assert.That(
            JsonNode.DeepEquals(
                waiting,
                JsonNode.Parse("""{"content":{"body":"hello"},"sender":"@alice:test.example","type":"m.test"}""")),
            waiting.ToJsonString());
        Assert.That(await WaitingAsync(second), Is.Empty);
    }

    [Test]
    public async Task A_message_to_all_devices_reaches_each_of_them_ones_own_too()
    {
        var second = await Bob.LogsInAsync();

        await SendsAsync("txn", (Bob.UserId, "*", "to all"), (Alice.UserId, "*", "to me"));

        Assert.That(await BodiesAsync(Bob), Is.EqualTo(new[] { "to all" }));
        Assert.That(await BodiesAsync(second), Is.EqualTo(new[] { "to all" }));
        Assert.That(await BodiesAsync(Alice), Is.EqualTo(new[] { "to me" }));
    }

    [Test]
    public async Task Messages_wait_in_the_order_in_which_they_were_sent()
    {
        for (var i = 0; i < 5; i++) await SendsAsync($"txn{i}", (Bob.UserId, Bob.DeviceId, $"{i}"));

        Assert.That(await BodiesAsync(Bob), Is.EqualTo(new[] { "0", "1", "2", "3", "4" }));
    }

    [Test]
    public async Task A_transaction_that_is_repeated_sends_nothing_again_not_even_after_a_restart()
    {
        (await SendsAsync("txn", (Bob.UserId, Bob.DeviceId, "once"))).Is(200);
        (await SendsAsync("txn", (Bob.UserId, Bob.DeviceId, "once"))).Is(200);

        await Server.RestartAsync();

        (await SendsAsync("txn", (Bob.UserId, Bob.DeviceId, "once"))).Is(200);
        Assert.That(await BodiesAsync(Bob), Is.EqualTo(new[] { "once" }));
    }

    [Test]
    public async Task The_same_request_many_times_at_once_sends_once()
    {
        var replies = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(_ => SendsAsync("txn", (Bob.UserId, Bob.DeviceId, "once"))));

        Assert.That(replies.Select(reply => (reply.Status, reply.Text)), Is.All.EqualTo((200, "{}")));
        Assert.That(await BodiesAsync(Bob), Is.EqualTo(new[] { "once" }));
    }

    [Test]
    public async Task The_same_transaction_id_of_another_type_or_device_is_another_transaction()
    {
        var second = await Alice.LogsInAsync();
        await SendsAsync("txn", (Bob.UserId, Bob.DeviceId, "first"));

        await Alice.PutAsync("sendToDevice/m.other/txn", Body((Bob.UserId, Bob.DeviceId, "other type")));
        await second.PutAsync("sendToDevice/m.test/txn", Body((Bob.UserId, Bob.DeviceId, "other device")));

        Assert.That(await BodiesAsync(Bob), Is.EqualTo(new[] { "first", "other type", "other device" }));
    }

    [Test]
    public async Task What_nobody_can_receive_is_accepted_and_gone()
    {
        var reply = await SendsAsync(
            "txn",
            (Bob.UserId, "UNKNOWN", "x"),
            ("@nobody:test.example", "*", "x"),
            ("@zoe:elsewhere.example", "*", "x"));

        reply.Is(200);
        Assert.That(await BodiesAsync(Bob), Is.Empty);
    }

    [Test]
    public async Task Messages_go_with_their_device()
    {
        var second = await Bob.LogsInAsync();
        await SendsAsync("txn", (Bob.UserId, second.DeviceId, "late"));

        await second.PostAsync("logout");
        await Bob.LogsInAsync(second.DeviceId);

        Assert.That(await BodiesAsync(second), Is.Empty);
    }

    [Test]
    public async Task A_message_that_is_too_large_is_refused_and_so_are_those_beside_it()
    {
        var reply = await SendsAsync(
            "txn",
            (Alice.UserId, Alice.DeviceId, "small"),
            (Bob.UserId, Bob.DeviceId, new string('x', 65536)));

        reply.Is(413, "M_TOO_LARGE");
        Assert.That(await BodiesAsync(Alice), Is.Empty);
        Assert.That((await SendsAsync("txn", (Bob.UserId, Bob.DeviceId, "small"))).Status, Is.EqualTo(200));
        Assert.That(await BodiesAsync(Bob), Is.EqualTo(new[] { "small" }));
    }

    [TestCase("{}")]
    [TestCase("""{"messages":[]}""")]
    [TestCase("""{"messages":{"@bob:test.example":"x"}}""")]
    [TestCase("""{"messages":{"@bob:test.example":{"D":"x"}}}""")]
    public async Task A_value_of_the_wrong_type_is_bad_json(string body) =>
        (await Alice.SendAsync(HttpMethod.Put, "sendToDevice/m.test/txn", TestClient.Raw(body))).Is(400, "M_BAD_JSON");

    [Test]
    public async Task A_message_to_an_invalid_user_id_is_an_invalid_parameter() =>
        (await SendsAsync("txn", ("bob", "*", "x"))).Is(400, "M_INVALID_PARAM");

    private Task<Reply> SendsAsync(string txn, params (string User, string Device, string Text)[] messages) =>
        Alice.PutAsync($"sendToDevice/m.test/{txn}", Body(messages));

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
        var storage = (OpenedStorage)Server.Services.GetService(typeof(OpenedStorage))!;
        var rows = await storage.ToDevice.OfDeviceAsync(
            user.UserId, user.DeviceId, 0, long.MaxValue, 100, CancellationToken.None);
        return rows.Select(row => JsonNode.Parse(Encoding.UTF8.GetString(row.Json.Span))!);
    }
}
