using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Keys;

public sealed class KeyUploadTests
{
    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _server = await TestServer.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task An_upload_of_keys_returns_the_number_of_one_time_keys()
    {
        var alice = await _server.RegistersAsync("alice");

        var first = await alice.PostAsync("keys/upload", new JsonObject
        {
            ["device_keys"] = ClientKeys.Device(alice.UserId, alice.DeviceId, new ClientKey()),
            ["one_time_keys"] = new JsonObject
            {
                ["signed_curve25519:A"] = ClientKeys.OneTime(alice.UserId, alice.DeviceId, 1),
                ["signed_curve25519:B"] = ClientKeys.OneTime(alice.UserId, alice.DeviceId, 2),
                ["curve25519:A"] = "a key that is a string",
            },
            ["fallback_keys"] = new JsonObject
            {
                ["signed_curve25519:F"] = ClientKeys.OneTime(alice.UserId, alice.DeviceId, 3, fallback: true),
            },
        });
        var counts = await alice.PostAsync("keys/upload");

        Assert.That(first.Status, Is.EqualTo(200), first.Text);
        Assert.That(
            (string)first.Json["one_time_key_counts"]!.ToJsonString(),
            Is.EqualTo("""{"curve25519":1,"signed_curve25519":2}"""));
        Assert.That(counts.Text, Is.EqualTo(first.Text));
    }

    [Test]
    public async Task A_device_has_keys_of_a_few_algorithms_only()
    {
        var nina = await _server.RegistersAsync("nina");
        JsonObject Keys(int from, int count) =>
            new(
                Enumerable.Range(from, count)
                    .Select(i => KeyValuePair.Create($"alg{i}:A", (JsonNode?)JsonValue.Create("key"))));

        (await nina.PostAsync("keys/upload", new JsonObject { ["one_time_keys"] = Keys(0, 17) }))
            .Is(413, "M_TOO_LARGE");
        (await nina.PostAsync(
            "keys/upload",
            new JsonObject { ["one_time_keys"] = Keys(0, 10), ["fallback_keys"] = Keys(5, 11) })).Is(200);
        (await nina.PostAsync("keys/upload", new JsonObject { ["fallback_keys"] = Keys(16, 1) }))
            .Is(413, "M_TOO_LARGE");
        (await nina.PostAsync(
            "keys/upload",
            new JsonObject { ["one_time_keys"] = Keys(12, 4), ["fallback_keys"] = Keys(0, 5) })).Is(200);
    }

    [Test]
    public async Task Uploads_at_once_do_not_add_up_to_more_algorithms()
    {
        var olga = await _server.RegistersAsync("olga");
        JsonObject Keys(int of) =>
            new(
                Enumerable.Range(0, 9)
                    .Select(i => KeyValuePair.Create($"alg{of}x{i}:A", (JsonNode?)JsonValue.Create("key"))));
        Task<Reply> UploadAsync(int of) =>
            olga.PostAsync("keys/upload", new JsonObject { ["one_time_keys"] = Keys(of) });

        var replies = await Task.WhenAll(Enumerable.Range(0, 8).Select(UploadAsync));

        Assert.That(replies.Count(reply => reply.Status == 200), Is.EqualTo(1));
        Assert.That(
            replies.Where(reply => reply.Status != 200).Select(reply => reply.Errcode),
            Is.All.EqualTo("M_TOO_LARGE"));
    }

    [Test]
    public async Task Keys_of_another_user_or_device_are_refused()
    {
        var bob = await _server.RegistersAsync("bob");

        var otherUser = ClientKeys.Device("@alice:test.example", bob.DeviceId, new ClientKey());
        var otherDevice = ClientKeys.Device(bob.UserId, "OTHER", new ClientKey());

        (await bob.PostAsync("keys/upload", new JsonObject { ["device_keys"] = otherUser })).Is(400, "M_INVALID_PARAM");
        (await bob.PostAsync("keys/upload", new JsonObject { ["device_keys"] = otherDevice }))
            .Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task The_same_one_time_key_again_is_taken_and_another_of_its_name_refuses_the_whole_upload()
    {
        var carol = await _server.RegistersAsync("carol");
        await UploadsAsync(carol, ("A", 1));

        var same = await UploadsAsync(carol, ("A", 1));
        var other = await UploadsAsync(carol, ("B", 2), ("A", 3));

        Assert.That(CountOf(same), Is.EqualTo(1));
        other.Is(400, "M_INVALID_PARAM");
        Assert.That(CountOf(await carol.PostAsync("keys/upload")), Is.EqualTo(1));
    }

    [Test]
    public async Task More_one_time_keys_than_are_kept_are_refused()
    {
        var dave = await _server.RegistersAsync("dave");

        var tooMany = Enumerable.Range(0, 1001).Select(i => (i.ToString("D4", null), i)).ToArray();

        (await UploadsAsync(dave, tooMany)).Is(413, "M_TOO_LARGE");
        Assert.That((await UploadsAsync(dave, tooMany[..1000])).Status, Is.EqualTo(200));
    }

    [TestCase("""{"device_keys":[]}""")]
    [TestCase("""{"device_keys":{}}""")]
    [TestCase("""{"device_keys":{"user_id":1,"device_id":"D","algorithms":[],"keys":{},"signatures":{}}}""")]
    [TestCase("""{"device_keys":{"user_id":"@a:b","device_id":"D","algorithms":[1],"keys":{},"signatures":{}}}""")]
    [TestCase(
        """
        {"device_keys":{"user_id":"@a:b","device_id":"D","algorithms":[],"keys":{"ed25519:D":1},"signatures":{}}}
        """)]
    [TestCase(
        """{"device_keys":{"user_id":"@a:b","device_id":"D","algorithms":[],"keys":{},"signatures":{"@a:b":1}}}""")]
    [TestCase(
        """
        {"device_keys":{"user_id":"@a:b","device_id":"D","algorithms":[],"keys":{},"signatures":{"@a:b":{"k":1}}}}
        """)]
    [TestCase("""{"one_time_keys":"x"}""")]
    [TestCase("""{"one_time_keys":{"nocolon":"x"}}""")]
    [TestCase("""{"one_time_keys":{":A":"x"}}""")]
    [TestCase("""{"one_time_keys":{"signed_curve25519:A":1}}""")]
    [TestCase("""{"one_time_keys":{"signed_curve25519:A":{"key":"x"}}}""")]
    [TestCase("""{"one_time_keys":{"signed_curve25519:A":{"key":1,"signatures":{}}}}""")]
    [TestCase("""{"one_time_keys":{"signed_curve25519:A":{"key":"x","signatures":{},"extra":1.5}}}""")]
    [TestCase("""{"fallback_keys":{"signed_curve25519:A":null}}""")]
    public async Task A_value_of_the_wrong_type_is_bad_json(string body)
    {
        var erin = await _server.RegistersAsync("erin" + Guid.NewGuid().ToString("N"));

        (await erin.SendAsync(HttpMethod.Post, "keys/upload", TestClient.Raw(body))).Is(400, "M_BAD_JSON");
    }

    [Test]
    public async Task Two_fallback_keys_of_one_algorithm_are_refused()
    {
        var frank = await _server.RegistersAsync("frank");

        var reply = await frank.PostAsync("keys/upload", new JsonObject
        {
            ["fallback_keys"] = new JsonObject { ["curve25519:A"] = "a", ["curve25519:B"] = "b" },
        });

        reply.Is(400, "M_INVALID_PARAM");
    }

    private static Task<Reply> UploadsAsync(TestUser user, params (string Id, int Content)[] keys)
    {
        var json = new JsonObject();
        foreach (var (id, content) in keys)
            json[$"signed_curve25519:{id}"] = ClientKeys.OneTime(user.UserId, user.DeviceId, content);
        return user.PostAsync("keys/upload", new JsonObject { ["one_time_keys"] = json });
    }

    private static int CountOf(Reply reply) => (int?)reply.Json["one_time_key_counts"]!["signed_curve25519"] ?? 0;
}
