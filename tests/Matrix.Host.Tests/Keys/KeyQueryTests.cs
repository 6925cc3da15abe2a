using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Keys;

public sealed class KeyQueryTests
{
    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _server = await TestServer.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task Keys_are_given_out_as_they_were_uploaded_with_the_name_of_the_device()
    {
        var (alice, bob) = (await _server.RegistersAsync("alice"), await _server.RegistersAsync("bob"));
        var keys = ClientKeys.Device(alice.UserId, alice.DeviceId, new ClientKey());
        await alice.PostAsync("keys/upload", new JsonObject { ["device_keys"] = keys.DeepClone() });
        await alice.PutAsync($"devices/{alice.DeviceId}", new JsonObject { ["display_name"] = "Alice's mobile phone" });

        var found = await bob.QueriesKeysAsync(alice.UserId);

        keys["unsigned"] = new JsonObject { ["device_display_name"] = "Alice's mobile phone" };
        Assert.That(JsonNode.DeepEquals(found.Json["device_keys"]![alice.UserId]![alice.DeviceId], keys), found.Text);
        Assert.That(found.Json["failures"]!.AsObject(), Is.Empty);
    }

    [Test]
    public async Task Only_the_devices_asked_for_are_given_out()
    {
        var carol = await _server.RegistersAsync("carol");
        var second = await carol.LogsInAsync();
        await carol.UploadsDeviceAsync(new ClientKey());
        await second.UploadsDeviceAsync(new ClientKey());

        var all = await carol.QueriesKeysAsync(carol.UserId);
        var one = await carol.PostAsync("keys/query", new JsonObject
        {
            ["device_keys"] = new JsonObject { [carol.UserId] = new JsonArray(second.DeviceId, "UNKNOWN") },
        });

        Assert.That(DevicesIn(all, carol.UserId), Is.EquivalentTo(new[] { carol.DeviceId, second.DeviceId }));
        Assert.That(DevicesIn(one, carol.UserId), Is.EquivalentTo(new[] { second.DeviceId }));
    }

    [Test]
    public async Task A_signature_of_another_user_in_uploaded_keys_is_seen_by_that_user_only()
    {
        var (jane, kurt) = (await _server.RegistersAsync("jane"), await _server.RegistersAsync("kurt"));
        var lena = await _server.RegistersAsync("lena");
        var keys = ClientKeys.Device(jane.UserId, jane.DeviceId, new ClientKey());
        keys["signatures"]![kurt.UserId] = new JsonObject { ["ed25519:KURT"] = "made by kurt" };
        (await jane.PostAsync("keys/upload", new JsonObject { ["device_keys"] = keys.DeepClone() })).Is(200);

        Assert.That(await SignersForAsync(jane), Is.EqualTo(new[] { jane.UserId }));
        Assert.That(await SignersForAsync(kurt), Is.EqualTo(new[] { jane.UserId, kurt.UserId }));
        Assert.That(await SignersForAsync(lena), Is.EqualTo(new[] { jane.UserId }));

        async Task<IEnumerable<string>> SignersForAsync(TestUser asker) =>
            (await asker.QueriesKeysAsync(jane.UserId))
                .Json["device_keys"]![jane.UserId]![jane.DeviceId]!["signatures"]!.AsObject()
                .Select(signer => signer.Key);
    }

    [Test]
    public async Task A_user_without_keys_has_no_devices_and_an_unknown_user_is_not_mentioned()
    {
        var (dave, keyless) = (await _server.RegistersAsync("dave"), await _server.RegistersAsync("keyless"));

        var found = await dave.QueriesKeysAsync(keyless.UserId, "@nobody:test.example");

        Assert.That(
            found.Json["device_keys"]!.AsObject().Select(user => user.Key),
            Is.EqualTo(new[] { keyless.UserId }));
        Assert.That(DevicesIn(found, keyless.UserId), Is.Empty);
        Assert.That(found.Json["failures"]!.AsObject(), Is.Empty);
    }

    [Test]
    public async Task Servers_that_cannot_be_asked_are_named_as_failures()
    {
        var erin = await _server.RegistersAsync("erin");

        var query = await erin.QueriesKeysAsync("@zoe:elsewhere.example");
        var claim = await erin.PostAsync("keys/claim", new JsonObject
        {
            ["one_time_keys"] = new JsonObject
            {
                ["@zoe:elsewhere.example"] = new JsonObject { ["D"] = "signed_curve25519" },
            },
            ["timeout"] = 10,
        });

        Assert.That(
            query.Json["failures"]!.AsObject().Select(failure => failure.Key),
            Is.EqualTo(new[] { "elsewhere.example" }));
        Assert.That(query.Json["device_keys"]!.AsObject(), Is.Empty);
        Assert.That(
            claim.Json["failures"]!.AsObject().Select(failure => failure.Key),
            Is.EqualTo(new[] { "elsewhere.example" }));
        Assert.That(claim.Json["one_time_keys"]!.AsObject(), Is.Empty);
    }

    [Test]
    public async Task The_keys_of_a_device_go_with_it()
    {
        var frank = await _server.RegistersAsync("frank");
        var second = await frank.LogsInAsync();
        await second.UploadsDeviceAsync(new ClientKey());
        await second.PostAsync("keys/upload", new JsonObject
        {
            ["one_time_keys"] = new JsonObject { ["curve25519:A"] = "a" },
        });

        await second.PostAsync("logout");

        Assert.That(DevicesIn(await frank.QueriesKeysAsync(frank.UserId), frank.UserId), Is.Empty);
        var claim = await frank.PostAsync("keys/claim", new JsonObject
        {
            ["one_time_keys"] = new JsonObject { [frank.UserId] = new JsonObject { [second.DeviceId] = "curve25519" } },
        });
        Assert.That(claim.Json["one_time_keys"]!.AsObject(), Is.Empty);
    }

    [TestCase("{}")]
    [TestCase("""{"device_keys":[]}""")]
    [TestCase("""{"device_keys":{"@a:test.example":{}}}""")]
    [TestCase("""{"device_keys":{"@a:test.example":[1]}}""")]
    [TestCase("""{"device_keys":{},"timeout":"long"}""")]
    public async Task A_query_with_a_value_of_the_wrong_type_is_bad_json(string body)
    {
        var gina = await _server.RegistersAsync("gina" + Guid.NewGuid().ToString("N"));

        (await gina.SendAsync(HttpMethod.Post, "keys/query", TestClient.Raw(body))).Is(400, "M_BAD_JSON");
    }

    [Test]
    public async Task Querying_an_invalid_user_id_is_an_invalid_parameter()
    {
        var hal = await _server.RegistersAsync("hal");

        (await hal.QueriesKeysAsync("hal")).Is(400, "M_INVALID_PARAM");
    }

    private static IEnumerable<string> DevicesIn(Reply reply, string user) =>
        reply.Json["device_keys"]![user]!.AsObject().Select(device => device.Key);
}
