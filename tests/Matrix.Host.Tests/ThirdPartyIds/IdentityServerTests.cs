using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Host.Crypto;

namespace Matrix.Host.Tests.ThirdPartyIds;

/// <summary>Bindings, and invites by address, at an identity server.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class IdentityServerTests(string kind)
{
    private const string Address = "alice@mail.example";
    private const string Free = "free@mail.example";
    private const string Token = "tok.en_1";

    private AddressWorld _world = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;
    private Ed25519Key _key = null!;
    private bool _refusesUnbind;

    private TestClient Anyone => _world.Server.Anyone;

    [SetUp]
    public async Task StartAsync()
    {
        _world = await AddressWorld.StartAsync(
            kind, ("listeners.federation_on_client", "true"), ("federation.allow_networks", "127.0.0.0/8"));
        _key = Ed25519Key.Generate();
        _alice = await _world.Server.RegistersAsync("alice");
        _bob = await _world.Server.RegistersAsync("bob");
        _refusesUnbind = false;
        _world.Identity = (path, body) => path switch
        {
            "/hash_details" =>
                (200, JsonNode.Parse("""{"lookup_pepper":"pepper","algorithms":["none","sha256"]}""")!.AsObject()),
            "/lookup" => (200, new JsonObject { ["mappings"] = Mappings(body!) }),
            "/store-invite" => (200, Stored()),
            "/3pid/bind" when (string?)body!["sid"] == "good" => (200, new JsonObject
            {
                ["medium"] = "email",
                ["address"] = Address,
                ["mxid"] = body["mxid"]!.DeepClone(),
            }),
            "/3pid/bind" when (string?)body!["sid"] == "token" =>
                (401, new JsonObject { ["errcode"] = "M_UNKNOWN_TOKEN", ["error"] = "no" }),
            "/3pid/bind" => (400, new JsonObject { ["errcode"] = "M_SESSION_NOT_VALIDATED", ["error"] = "not yet" }),
            "/3pid/unbind" when _refusesUnbind =>
                (403, new JsonObject { ["errcode"] = "M_FORBIDDEN", ["error"] = "no" }),
            "/3pid/unbind" => (200, new JsonObject()),
            "/pubkey/isvalid" => (200, new JsonObject { ["valid"] = true }),
            _ => null,
        };
    }

    [TearDown]
    public async Task StopAsync() => await _world.DisposeAsync();

    // The specification's hash of "bob@mail.example email pepper".
    private JsonObject Mappings(JsonObject body)
    {
        var hash = (string)body["addresses"]![0]!;
        var bobs = Convert
            .ToBase64String(System.Security.Cryptography.SHA256.HashData("bob@mail.example email pepper"u8))
            .TrimEnd('=').Replace('+', '-').Replace('/', '_');
        return hash == bobs ? new JsonObject { [hash] = _bob.UserId } : [];
    }

    private string PublicKey => Base64Text.Encode(_key.PublicKey);

    private string ValidityUrl => $"https://{_world.IdentityName}/_matrix/identity/v2/pubkey/isvalid";

    private JsonObject Stored() => new()
    {
        ["token"] = Token,
        ["display_name"] = "f...@m...",
        ["public_keys"] = new JsonArray(
            new JsonObject { ["public_key"] = PublicKey, ["key_validity_url"] = ValidityUrl },
            new JsonObject { ["public_key"] = "short", ["key_validity_url"] = ValidityUrl }),
    };

    private JsonObject Creds(string sid) => new()
    {
        ["id_server"] = _world.IdentityName,
        ["id_access_token"] = "token-there",
        ["sid"] = sid,
        ["client_secret"] = "secret",
    };

    private JsonObject ByAddress(string address, string? server = null) => new()
    {
        ["medium"] = "email",
        ["address"] = address,
        ["id_server"] = server ?? _world.IdentityName,
        ["id_access_token"] = "token-there",
    };

    private static JsonObject Mail(string address = Address) => new() { ["medium"] = "email", ["address"] = address };

    private static string ResultOf(Reply reply) => reply.Is(200).Member("id_server_unbind_result");

    [Test]
    public async Task An_address_is_bound_and_unbound_where_it_was_bound()
    {
        (await _alice.PostAsync("account/3pid/bind", Creds("good"))).Is(200);
        var bind = _world.Asked.Single();
        Assert.That((bind.Path, bind.Authorization), Is.EqualTo(("/3pid/bind", "Bearer token-there")));
        Assert.That((string?)bind.Body!["mxid"], Is.EqualTo(_alice.UserId));
        Assert.That(await AddressWorld.AddressesAsync(_alice), Is.Empty, "bound is not added");

        Assert.That(ResultOf(await _bob.PostAsync("account/3pid/unbind", Mail())), Is.EqualTo("no-support"));
        Assert.That(ResultOf(await _alice.PostAsync("account/3pid/unbind", Mail())), Is.EqualTo("success"));
        var unbind = _world.Asked.Last();
        Assert.That(unbind.Path, Is.EqualTo("/3pid/unbind"));
        Assert.That(unbind.Authorization, Does.StartWith("X-Matrix origin=\"test.example\""));
        Assert.That(unbind.Authorization, Does.Contain($"destination=\"{_world.IdentityName}\""));
        Assert.That(ResultOf(await _alice.PostAsync("account/3pid/unbind", Mail())), Is.EqualTo("no-support"));
    }

    [Test]
    public async Task Errors_of_the_identity_server_reach_the_client_and_never_log_it_out()
    {
        (await _alice.PostAsync("account/3pid/bind", Creds("early"))).Is(400, "M_SESSION_NOT_VALIDATED");
        (await _alice.PostAsync("account/3pid/bind", Creds("token"))).Is(403, "M_FORBIDDEN");
        (await _alice.PostAsync("account/3pid", new JsonObject { ["three_pid_creds"] = Creds("early") }))
            .Is(403, "M_THREEPID_AUTH_FAILED");
        (await _alice.PostAsync("account/3pid", new JsonObject { ["three_pid_creds"] = Creds("good") })).Is(200);
        _refusesUnbind = true;
        (await _alice.PostAsync("account/3pid/unbind", Mail())).Is(403, "M_FORBIDDEN");
        Assert.That(ResultOf(await _alice.PostAsync("account/3pid/delete", Mail())), Is.EqualTo("no-support"));
    }

    [TestCase("other.example")]
    [TestCase("127.0.0.1")]
    [TestCase("user@other.example")]
    [TestCase("")]
    public async Task Other_identity_servers_are_not_asked(string server)
    {
        var creds = Creds("good");
        creds["id_server"] = server;
        (await _alice.PostAsync("account/3pid/bind", creds)).Is(400, "M_SERVER_NOT_TRUSTED");
        var room = await _alice.CreatesRoomAsync();
        (await _alice.PostAsync($"rooms/{room}/invite", ByAddress(Free, server))).Is(400, "M_SERVER_NOT_TRUSTED");
        (await _alice.PostAsync(
            "createRoom", new JsonObject { ["invite_3pid"] = new JsonArray(ByAddress(Free, server)) }))
            .Is(400, "M_SERVER_NOT_TRUSTED");

        Assert.That(_world.Asked, Is.Empty);
    }

    [Test]
    public async Task The_end_of_an_account_removes_and_unbinds_its_addresses()
    {
        await _world.AddsAsync(_alice, Address);
        (await _alice.PostAsync("account/3pid/bind", Creds("good"))).Is(200);
        var end = new JsonObject { ["auth"] = _alice.PasswordAuth() };
        Assert.That(ResultOf(await _alice.PostAsync("account/deactivate", end)), Is.EqualTo("success"));
        Assert.That(_world.Asked.Last().Path, Is.EqualTo("/3pid/unbind"));

        await _world.AddsAsync(_bob, Address);
        end = new JsonObject { ["auth"] = _bob.PasswordAuth(), ["id_server"] = _world.IdentityName };
        _refusesUnbind = true;
        Assert.That(ResultOf(await _bob.PostAsync("account/deactivate", end)), Is.EqualTo("no-support"));
    }

    [Test]
    public async Task Whoever_has_a_known_address_is_invited()
    {
        var room = await _alice.CreatesRoomAsync();

        (await _alice.PostAsync($"rooms/{room}/invite", ByAddress("Bob@Mail.example"))).Is(200);

        var member = (await _alice.GetAsync($"rooms/{room}/state/m.room.member/{_bob.UserId}")).Is(200);
        Assert.That(member.Member("membership"), Is.EqualTo("invite"));
        Assert.That(_world.Asked.Select(each => each.Path), Is.EqualTo(new[] { "/hash_details", "/lookup" }));
    }

    [Test]
    public async Task An_unknown_address_gets_an_invite_that_waits()
    {
        var room = (await _alice.PostAsync("createRoom", new JsonObject
        {
            ["name"] = "Tea",
            ["invite_3pid"] = new JsonArray(ByAddress(Free)),
        })).Is(200).Member("room_id");

        var invite = (await _alice.GetAsync($"rooms/{room}/state/m.room.third_party_invite/tok.en_1")).Is(200).Json;
        Assert.That((string?)invite["display_name"], Is.EqualTo("f...@m..."));
        Assert.That((string?)invite["public_key"], Is.EqualTo(PublicKey));
        Assert.That(invite["public_keys"]!.AsArray(), Has.Count.EqualTo(2));
        var stored = _world.Asked.Last().Body!;
        Assert.That(
            ((string?)stored["address"], (string?)stored["room_id"], (string?)stored["room_name"]),
            Is.EqualTo((Free, room, "Tea")));
        Assert.That((string?)stored["sender"], Is.EqualTo(_alice.UserId));
    }

    [Test]
    public async Task Whoever_binds_the_address_later_is_invited_then()
    {
        var room = await _alice.CreatesRoomAsync();
        (await _alice.PostAsync($"rooms/{room}/invite", ByAddress(Free))).Is(200);

        // As the identity server reports it, with its keys sorted.
        var text = $$"""{"mxid":"{{_bob.UserId}}","token":"{{Token}}"}""";
        var signed = JsonNode.Parse(text)!.AsObject();
        signed["signatures"] = new JsonObject
        {
            ["id.example"] = new JsonObject
            {
                ["ed25519:0"] = Base64Text.Encode(_key.Sign(System.Text.Encoding.UTF8.GetBytes(text))),
            },
        };
        (await Anyone.PutAsync("/_matrix/federation/v1/3pid/onbind", new JsonObject
        {
            ["medium"] = "email",
            ["address"] = Free,
            ["mxid"] = _bob.UserId,
            ["invites"] = new JsonArray(new JsonObject
            {
                ["medium"] = "email",
                ["address"] = Free,
                ["mxid"] = _bob.UserId,
                ["room_id"] = room,
                ["sender"] = _alice.UserId,
                ["signed"] = signed,
            }),
        })).Is(200);

        var member = (await _alice.GetAsync($"rooms/{room}/state/m.room.member/{_bob.UserId}")).Is(200).Json;
        Assert.That((string?)member["membership"], Is.EqualTo("invite"), _world.Server.Log);
        Assert.That((string?)member["third_party_invite"]!["display_name"], Is.EqualTo("f...@m..."));
        await _bob.JoinsAsync(room);
    }

    [Test]
    public async Task An_invite_that_the_room_refuses_does_not_reach_the_identity_server()
    {
        var room = await _alice.CreatesRoomAsync();
        (await _bob.PostAsync($"rooms/{room}/invite", ByAddress(Free))).Is(403, "M_FORBIDDEN");
        await _bob.JoinsAsync(room);
        await _alice.SetsAsync(room, "m.room.power_levels", new JsonObject
        {
            ["invite"] = 50,
        });

        (await _bob.PostAsync($"rooms/{room}/invite", ByAddress(Free))).Is(403, "M_FORBIDDEN");
        (await _alice.PostAsync($"rooms/{room}/invite", ByAddress("nobody"))).Is(400, "M_INVALID_PARAM");

        Assert.That(_world.Asked, Is.Empty);
    }

    [Test]
    public async Task A_room_is_created_although_the_identity_server_fails()
    {
        _world.Identity = static (_, _) => null;

        (await _alice.PostAsync("createRoom", new JsonObject { ["invite_3pid"] = new JsonArray(ByAddress(Free)) }))
            .Is(200);

        Assert.That(_world.Server.Log, Does.Contain("failed: The identity server answered 404"));
        var room = await _alice.CreatesRoomAsync();
        (await _alice.PostAsync($"rooms/{room}/invite", ByAddress(Free))).Is(502, "M_UNKNOWN");
    }
}
