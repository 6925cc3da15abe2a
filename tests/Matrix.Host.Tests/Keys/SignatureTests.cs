using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Keys;

public sealed class SignatureTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;
    private ClientKey _device = null!;
    private Identity _identity = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _server = await TestServer.StartAsync();
        _alice = await _server.RegistersAsync("alice");
        _bob = await _server.RegistersAsync("bob");
        _device = new ClientKey();
        await _alice.UploadsDeviceAsync(_device);
        _identity = await _alice.CrossSignsAsync();
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task Everyone_sees_that_a_user_signed_their_own_device()
    {
        var signed = _identity.SelfSigning.Sign(DeviceKeys(), _alice.UserId, _identity.SelfSigning.Id);

        var reply = await _alice.UploadsSignatureAsync(_alice.UserId, _alice.DeviceId, signed.DeepClone());

        AssertTaken(reply);
        var found = (await _bob.QueriesKeysAsync(_alice.UserId))
            .Json["device_keys"]![_alice.UserId]![_alice.DeviceId]!.AsObject();
        found.Remove("unsigned");
        Assert.That(JsonNode.DeepEquals(found, signed), found.ToJsonString());
    }

    [Test]
    public async Task Everyone_sees_that_a_device_signed_its_users_master_key()
    {
        var deviceKey = $"ed25519:{_alice.DeviceId}";
        var signed = _device.Sign(_identity.MasterKey(), _alice.UserId, deviceKey);

        var reply = await _alice.UploadsSignatureAsync(_alice.UserId, _identity.Master.Public, signed.DeepClone());

        AssertTaken(reply);
        var found = (await _bob.QueriesKeysAsync(_alice.UserId)).Json["master_keys"]![_alice.UserId];
        Assert.That(JsonNode.DeepEquals(found, signed), found!.ToJsonString());
    }

    [Test]
    public async Task Whom_a_user_has_verified_only_they_see()
    {
        var bobs = await _bob.CrossSignsAsync();
        var signed = _identity.UserSigning.Sign(bobs.MasterKey(), _alice.UserId, _identity.UserSigning.Id);

        var reply = await _alice.UploadsSignatureAsync(_bob.UserId, bobs.Master.Public, signed.DeepClone());

        AssertTaken(reply);
        var carol = await _server.RegistersAsync("carol");
        Assert.That(JsonNode.DeepEquals(await MasterOfBobAsync(_alice), signed));
        Assert.That(JsonNode.DeepEquals(await MasterOfBobAsync(_bob), bobs.MasterKey()));
        Assert.That(JsonNode.DeepEquals(await MasterOfBobAsync(carol), bobs.MasterKey()));

        async Task<JsonNode?> MasterOfBobAsync(TestUser asker) =>
            (await asker.QueriesKeysAsync(_bob.UserId)).Json["master_keys"]![_bob.UserId];
    }

    [Test]
    public async Task What_is_wrong_is_named_key_by_key_and_the_rest_is_taken()
    {
        var second = await _alice.LogsInAsync();
        await second.UploadsDeviceAsync(new ClientKey());
        var good = _identity.SelfSigning.Sign(DeviceKeys(), _alice.UserId, _identity.SelfSigning.Id);
        var forged = new ClientKey().Sign(
            ClientKeys.Device(_alice.UserId, second.DeviceId, new ClientKey()),
            _alice.UserId,
            _identity.SelfSigning.Id);

        var reply = await _alice.PostAsync("keys/signatures/upload", new JsonObject
        {
            [_alice.UserId] = new JsonObject
            {
                [_alice.DeviceId] = good,
                [second.DeviceId] = forged,
                ["UNKNOWN"] = ClientKeys.Device(_alice.UserId, "UNKNOWN", new ClientKey()),
            },
            ["@nobody:test.example"] = new JsonObject
            {
                ["key"] = ClientKeys.Signing("@nobody:test.example", "master", new ClientKey()),
            },
        });

        var failures = reply.Json["failures"]!.AsObject();
        Assert.That(
            failures[_alice.UserId]!.AsObject().Select(failed => failed.Key),
            Is.EquivalentTo(new[] { second.DeviceId, "UNKNOWN" }));
        Assert.That((string?)failures[_alice.UserId]![second.DeviceId]!["errcode"], Is.EqualTo("M_INVALID_PARAM"));
        Assert.That((string?)failures[_alice.UserId]!["UNKNOWN"]!["errcode"], Is.EqualTo("M_NOT_FOUND"));
        Assert.That((string?)failures["@nobody:test.example"]!["key"]!["errcode"], Is.EqualTo("M_NOT_FOUND"));
        var found = await _bob.QueriesKeysAsync(_alice.UserId);
        Assert.That(
            found.Json["device_keys"]![_alice.UserId]![_alice.DeviceId]!["signatures"]![_alice.UserId]!.AsObject()
                .ContainsKey(_identity.SelfSigning.Id));
    }

    [Test]
    public async Task A_signature_that_does_not_hold_is_invalid_whoever_is_said_to_have_made_it()
    {
        var bobs = await _bob.CrossSignsAsync();
        var stranger = new ClientKey();
        var device = stranger.Sign(DeviceKeys(), _alice.UserId, _identity.SelfSigning.Id);
        var master = stranger.Sign(_identity.MasterKey(), _alice.UserId, $"ed25519:{_alice.DeviceId}");
        var other = stranger.Sign(bobs.MasterKey(), _alice.UserId, _identity.UserSigning.Id);
        var unsigned = DeviceKeys();

        foreach (var (owner, id, key) in new[]
        {
            (_alice.UserId, _alice.DeviceId, device),
            (_alice.UserId, _identity.Master.Public, master),
            (_bob.UserId, bobs.Master.Public, other),
            (_alice.UserId, _alice.DeviceId, unsigned),
        })
        {
            var reply = await _alice.UploadsSignatureAsync(owner, id, key);
            Assert.That(
                (string?)reply.Json["failures"]![owner]![id]!["errcode"],
                Is.EqualTo("M_INVALID_SIGNATURE"),
                reply.Text);
        }
    }

    [Test]
    public async Task New_keys_of_a_device_do_not_inherit_the_signatures_on_the_old_ones()
    {
        await _alice.UploadsSignatureAsync(
            _alice.UserId,
            _alice.DeviceId,
            _identity.SelfSigning.Sign(DeviceKeys(), _alice.UserId, _identity.SelfSigning.Id));

        await _alice.UploadsDeviceAsync(new ClientKey());

        var found = await _bob.QueriesKeysAsync(_alice.UserId);
        var signatures =
            found.Json["device_keys"]![_alice.UserId]![_alice.DeviceId]!["signatures"]![_alice.UserId]!.AsObject();
        Assert.That(signatures.Select(signature => signature.Key), Is.EqualTo(new[] { $"ed25519:{_alice.DeviceId}" }));
    }

    [TestCase("""{"@alice:test.example":1}""")]
    [TestCase("""{"@alice:test.example":{"D":"x"}}""")]
    public async Task A_value_of_the_wrong_type_is_bad_json(string body) =>
        (await _alice.SendAsync(HttpMethod.Post, "keys/signatures/upload", TestClient.Raw(body))).Is(400, "M_BAD_JSON");

    private JsonObject DeviceKeys() => ClientKeys.Device(_alice.UserId, _alice.DeviceId, _device);

    private static void AssertTaken(Reply reply)
    {
        reply.Is(200);
        Assert.That(reply.Json["failures"]!.AsObject(), Is.Empty);
    }
}
