using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Host.Crypto;
using Matrix.Host.Storage.Commits;

namespace Matrix.Federation.Tests.Invites;

/// <summary>
/// Third-party invites whose identifier an identity server bound to a user. Server-Server API, "Third-party invites".
/// </summary>
public sealed class ThirdPartyInviteTests
{
    private const string Token = "abc123";

    private TestServer _server = null!;
    private AnsweringPeer _peer = null!;
    private AnsweringPeer _identity = null!;
    private TestUser _alice = null!;
    private TestUser _carol = null!;
    private Ed25519Key _key = null!;
    private string _bob = null!;
    private bool _isRevoked;

    [SetUp]
    public async Task StartAsync()
    {
        _server = await TestServer.StartWithKnownKeysAsync();
        _peer = await AnsweringPeer.StartAsync();
        _identity = await AnsweringPeer.StartAsync();
        _server.Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice");
        _carol = await _server.RegistersAsync("carol");
        _bob = "@bob:" + _peer.Peer.Name;
        _key = Ed25519Key.Generate();
        _isRevoked = false;
        _identity.Answers = request => request.Path == "/_matrix/identity/v2/pubkey/isvalid"
            ? (200, new JsonObject { ["valid"] = !_isRevoked })
            : null;
    }

    [TearDown]
    public async Task StopAsync()
    {
        await _identity.DisposeAsync();
        await _peer.DisposeAsync();
        await _server.DisposeAsync();
    }

    [TestCase("1", "public_key")]
    [TestCase("6", "public_keys")]
    [TestCase("10", "public_key")]
    [TestCase("11", "public_keys")]
    [TestCase("12", "public_key")]
    public async Task An_exchanged_invite_enters_the_room_and_goes_to_the_users_server(string version, string place)
    {
        var roomId = await InvitingRoomAsync(version, place);
        var room = SignsInvites(version, roomId);

        var reply = await ExchangeAsync(roomId);

        reply.Is(200).Matches("third_party_invite.yaml", "/exchange_third_party_invite/{roomId}", "put");
        var member = await MemberAsync(roomId, _bob);
        Assert.That((string?)member!["membership"], Is.EqualTo("invite"));
        var thirdParty = member["third_party_invite"]!;
        Assert.That((string?)thirdParty["display_name"], Is.EqualTo("b...@e..."), "that of the room's event");
        Assert.That((string?)thirdParty["signed"]!["token"], Is.EqualTo(Token));
        var sent = _peer.Requests.Single(each => each.Path.Contains("/invite/", StringComparison.Ordinal));
        var invite = room.Knows(sent.Body!["event"]!.AsObject());
        Assert.That((invite.Sender, invite.StateKey), Is.EqualTo((_alice.UserId, _bob)));
        Assert.That(
            _identity.Requests.Single().Query,
            Is.EqualTo("?public_key=" + Uri.EscapeDataString(Base64Text.Encode(_key.PublicKey))));
    }

    [TestCase("signature", 403)]
    [TestCase("token", 403)]
    [TestCase("revoked", 403)]
    [TestCase("no identity server", 403)]
    [TestCase("other inviter", 403)]
    [TestCase("other server", 403)]
    [TestCase("mxid", 400)]
    [TestCase("remote inviter", 400)]
    [TestCase("membership", 400)]
    [TestCase("room", 400)]
    [TestCase("unknown room", 404)]
    public async Task What_is_not_a_valid_third_party_invite_is_refused(string fault, int status)
    {
        var roomId = await InvitingRoomAsync("11", "public_key");
        SignsInvites("11", roomId);
        var signed = Signed(_bob, fault == "token" ? "other" : Token);
        if (fault == "signature") signed["signatures"]!["magic.forest"]!["ed25519:0"] = new string('A', 86);
        var body = Partial(roomId, _alice.UserId, _bob, signed);
        _isRevoked = fault == "revoked";
        if (fault == "no identity server") _identity.Answers = _ => null;
        if (fault == "other inviter") body["sender"] = _carol.UserId;
        if (fault == "remote inviter") body["sender"] = "@eve:third.example";
        if (fault == "mxid") body["state_key"] = "@eve:" + _peer.Peer.Name;
        if (fault == "membership") body["content"]!["membership"] = "join";
        if (fault == "room") body["room_id"] = "!other:third.example";
        if (fault == "other server") body = Partial(roomId, _alice.UserId, _carol.UserId, Signed(_carol.UserId, Token));
        var path = fault == "unknown room" ? "!none:" + _server.Name : roomId;
        if (fault == "unknown room") body["room_id"] = path;

        var reply = await _peer.Peer.SendAsync(_server, "PUT", PathOf(path), body);

        Assert.That(reply.Status, Is.EqualTo(status), reply.Text);
        Assert.That(await MemberAsync(roomId, _bob), Is.Null);
    }

    [Test]
    public async Task An_identifier_that_is_bound_to_a_local_user_is_exchanged_at_the_inviters_server()
    {
        _peer.Answers = request => request.Path == "v1/exchange_third_party_invite/!room:elsewhere.example"
            ? (200, new JsonObject())
            : null;
        var signed = Signed(_alice.UserId, Token);

        (await BindAsync(_alice.UserId, "!room:elsewhere.example", _bob, signed))
            .Is(200).Matches("third_party_invite.yaml", "/3pid/onbind", "put");

        var body = _peer.Requests.Single().Body!;
        Assert.That(
            ((string?)body["type"], (string?)body["room_id"], (string?)body["sender"], (string?)body["state_key"]),
            Is.EqualTo(("m.room.member", "!room:elsewhere.example", _bob, _alice.UserId)));
        Assert.That((string?)body["content"]!["membership"], Is.EqualTo("invite"));
        var thirdParty = body["content"]!["third_party_invite"]!;
        Assert.That(JsonNode.DeepEquals(thirdParty["signed"], signed), Is.True);
        Assert.That(thirdParty["display_name"], Is.Not.Null);
    }

    [TestCase("1")]
    [TestCase("10")]
    [TestCase("12")]
    public async Task In_a_room_that_is_here_the_invite_is_made_here(string version)
    {
        var roomId = await InvitingRoomAsync(version, "public_key");

        (await BindAsync(_carol.UserId, roomId, _alice.UserId, Signed(_carol.UserId, Token))).Is(200);

        var member = await MemberAsync(roomId, _carol.UserId);
        Assert.That((string?)member!["third_party_invite"]!["display_name"], Is.EqualTo("b...@e..."));
        Assert.That((await _carol.SyncsAsync())["rooms"]!["invite"]![roomId], Is.Not.Null);
        await _carol.JoinsAsync(roomId);
    }

    [Test]
    public async Task In_a_room_of_another_node_the_invite_is_made_there_once()
    {
        var other = new OtherNode(new MovableShards());
        _server.Replaces = other.AddTo;
        await _server.RestartAsync();
        var roomId = await InvitingRoomAsync("11", "public_key");
        var its = Authority.Room(roomId);
        await other.TakesAsync(its);
        other.LosesAnswers(1);

        (await BindAsync(_carol.UserId, roomId, _alice.UserId, Signed(_carol.UserId, Token))).Is(200);

        Assert.That((string?)(await MemberAsync(roomId, _carol.UserId))!["membership"], Is.EqualTo("invite"));
        var page = (await _alice.GetAsync($"rooms/{Uri.EscapeDataString(roomId)}/messages?dir=b")).Is(200).Json;
        var invites = page["chunk"]!.AsArray().Count(each => (string?)each!["state_key"] == _carol.UserId);
        Assert.That((other.CallsTo(its), invites), Is.EqualTo((2, 1)));
    }

    [TestCase("10")]
    [TestCase("12")]
    public async Task An_invite_of_another_servers_user_is_signed_here_and_sent_to_the_others(string version)
    {
        var created = await _alice.PostAsync("createRoom", new JsonObject
        {
            ["room_version"] = version,
            ["preset"] = "public_chat",
            ["power_level_content_override"] = new JsonObject { ["invite"] = 0 },
        });
        var roomId = (string)created.Is(200).Json["room_id"]!;
        var room = await _peer.Peer.JoinsAsync(_server, roomId, "bob");
        _peer.Answers = request => request.Path.StartsWith("v1/send/")
            ? (200, new JsonObject { ["pdus"] = new JsonObject() })
            : null;
        var invitation = room.Makes("bob", "m.room.third_party_invite", Token, Invitation("public_key"));
        (await room.SendAsync(_server, "t1", invitation)).Is(200);

        (await BindAsync(_carol.UserId, roomId, _bob, Signed(_carol.UserId, Token))).Is(200);

        Assert.That((await _carol.SyncsAsync())["rooms"]!["invite"]![roomId], Is.Not.Null);
        var until = DateTime.UtcNow.AddSeconds(10);
        while (!Sent().Any() && DateTime.UtcNow < until) await Task.Delay(20);
        var invite = Sent().Single();
        Assert.That(((string?)invite["sender"], (string?)invite["state_key"]), Is.EqualTo((_bob, _carol.UserId)));
        Assert.That(invite["signatures"]!.AsObject().Select(each => each.Key), Is.EqualTo(new[] { _server.Name }));

        IEnumerable<JsonObject> Sent() => _peer.Requests
            .Where(each => each.Path.StartsWith("v1/send/"))
            .SelectMany(each => each.Body!["pdus"]!.AsArray())
            .Select(each => each!.AsObject())
            .Where(each => (string?)each["content"]!["membership"] == "invite");
    }

    [Test]
    public async Task What_an_identity_server_sends_is_checked()
    {
        var roomId = await InvitingRoomAsync("11", "public_key");
        (await BindAsync("@eve:third.example", roomId, _alice.UserId, Signed(_carol.UserId, Token)))
            .Is(400, "M_INVALID_PARAM");
        (await BindAsync("@nobody:" + _server.Name, roomId, _alice.UserId, Signed(_carol.UserId, Token)))
            .Is(404, "M_NOT_FOUND");
        (await BindAsync(_carol.UserId, roomId, _alice.UserId, null)).Is(400, "M_BAD_JSON");
        (await BindAsync(_carol.UserId, roomId, _alice.UserId, Signed(_bob, Token))).Is(200);
        var wrong = Signed(_carol.UserId, Token);
        wrong["signatures"]!["magic.forest"]!["ed25519:0"] = new string('A', 86);
        (await BindAsync(_carol.UserId, roomId, _alice.UserId, wrong)).Is(200);

        Assert.That(await MemberAsync(roomId, _carol.UserId), Is.Null);
        Assert.That(_server.Log, Does.Contain("is not invited"));
    }

    [Test]
    public async Task Each_invite_of_an_identity_server_counts_towards_the_rate_of_its_address()
    {
        await RestartAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.bound_invites_burst", "6"),
            ("rate_limits.bound_invites_per_second", "0.001"));
        Exchanges();

        (await BindManyAsync(4)).Is(200);
        (await BindManyAsync(4)).Is(429, "M_LIMIT_EXCEEDED");

        Assert.That(_peer.Requests, Has.Count.EqualTo(4));
    }

    [Test]
    public async Task As_many_invites_as_the_burst_may_come_at_once()
    {
        await RestartAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.bound_invites_burst", "4"),
            ("rate_limits.bound_invites_per_second", "0.001"));
        Exchanges();

        (await BindManyAsync(4)).Is(200);
        (await BindManyAsync(1)).Is(429, "M_LIMIT_EXCEEDED");
    }

    [Test]
    public async Task A_report_has_few_invites_and_none_if_reports_are_turned_off()
    {
        await RestartAsync(("federation.bound_invites", "2"));
        Exchanges();
        (await BindManyAsync(3)).Is(400, "M_INVALID_PARAM");
        (await BindManyAsync(2)).Is(200);
        Assert.That(_peer.Requests, Has.Count.EqualTo(2));

        await RestartAsync(("federation.bound_invites", "0"));
        (await BindManyAsync(0)).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task Few_reports_are_handled_at_once()
    {
        await RestartAsync(("federation.bound_invite_reports", "1"));
        Exchanges();
        var (asked, goOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        _peer.BeforeAnswer = async _ =>
        {
            asked.TrySetResult();
            await goOn.Task;
        };

        var first = BindManyAsync(1);
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(30));
        (await BindManyAsync(1)).Is(429, "M_LIMIT_EXCEEDED");
        goOn.SetResult();
        (await first).Is(200);
        (await BindManyAsync(1)).Is(200);
    }

    private async Task RestartAsync(params (string Key, string Value)[] settings)
    {
        await _server.DisposeAsync();
        _server = await TestServer.StartWithKnownKeysAsync(settings);
        _server.Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice");
    }

    private void Exchanges() => _peer.Answers = request =>
        request.Path.StartsWith("v1/exchange_third_party_invite/", StringComparison.Ordinal)
            ? (200, new JsonObject())
            : null;

    /// <summary>The identity server tells of invites of Alice to rooms of the peer.</summary>
    private Task<Reply> BindManyAsync(int count) => ReportAsync(
        _alice.UserId,
        [.. Enumerable.Range(0, count).Select(n => new JsonObject
        {
            ["medium"] = "email",
            ["address"] = "b@example.org",
            ["mxid"] = _alice.UserId,
            ["room_id"] = $"!room{n}:elsewhere.example",
            ["sender"] = _bob,
            ["signed"] = Signed(_alice.UserId, Token),
        })]);

    private static string PathOf(string roomId) =>
        $"/_matrix/federation/v1/exchange_third_party_invite/{PeerRoom.Escape(roomId)}";

    /// <summary>A private room with a third-party invite of Alice.</summary>
    private async Task<string> InvitingRoomAsync(string version, string place)
    {
        var body = new JsonObject { ["room_version"] = version, ["preset"] = "private_chat" };
        var roomId = (string)(await _alice.PostAsync("createRoom", body)).Is(200).Json["room_id"]!;
        await _alice.SetsAsync(roomId, "m.room.third_party_invite", Invitation(place), Token);
        return roomId;
    }

    private JsonObject Invitation(string place)
    {
        var url = $"https://{_identity.Peer.Name}/_matrix/identity/v2/pubkey/isvalid";
        var key = Base64Text.Encode(_key.PublicKey);
        var other = Base64Text.Encode(Ed25519Key.Generate().PublicKey);
        return new JsonObject
        {
            ["display_name"] = "b...@e...",
            ["public_key"] = place == "public_key" ? key : other,
            ["key_validity_url"] = url,
            ["public_keys"] = place == "public_key"
                ? new JsonArray()
                : new JsonArray(new JsonObject { ["public_key"] = key, ["key_validity_url"] = url }),
        };
    }

    /// <summary>What the identity server signs when it binds the identifier.</summary>
    private JsonObject Signed(string userId, string token)
    {
        var signed = new JsonObject { ["mxid"] = userId, ["token"] = token };
        var signature = Base64Text.Encode(_key.Sign(Peer.Canonical(signed)));
        signed["signatures"] = new JsonObject { ["magic.forest"] = new JsonObject { ["ed25519:0"] = signature } };
        return signed;
    }

    private static JsonObject Partial(string roomId, string sender, string userId, JsonObject signed) => new()
    {
        ["type"] = "m.room.member",
        ["room_id"] = roomId,
        ["sender"] = sender,
        ["state_key"] = userId,
        ["content"] = new JsonObject
        {
            ["membership"] = "invite",
            ["third_party_invite"] = new JsonObject { ["display_name"] = "Anything", ["signed"] = signed },
        },
    };

    private Task<Reply> ExchangeAsync(string roomId) => _peer.Peer.SendAsync(
        _server, "PUT", PathOf(roomId), Partial(roomId, _alice.UserId, _bob, Signed(_bob, Token)));

    /// <summary>The identity server tells this server of a bound identifier.</summary>
    private Task<Reply> BindAsync(string userId, string roomId, string sender, JsonObject? signed)
    {
        var invite = new JsonObject
        {
            ["medium"] = "email",
            ["address"] = "b@example.org",
            ["mxid"] = userId,
            ["room_id"] = roomId,
            ["sender"] = sender,
        };
        if (signed is not null) invite["signed"] = signed.DeepClone();
        return ReportAsync(userId, [invite]);
    }

    private Task<Reply> ReportAsync(string userId, JsonArray invites)
    {
        var body = new JsonObject
        {
            ["medium"] = "email",
            ["address"] = "b@example.org",
            ["mxid"] = userId,
            ["invites"] = invites,
        };
        return _server.SendAsync(
            Peer.Request(_server, "PUT", "/_matrix/federation/v1/3pid/onbind", body.ToJsonString()));
    }

    private PeerRoom SignsInvites(string version, string roomId)
    {
        var room = new PeerRoom(_peer.Peer, version, roomId);
        _peer.Answers = request =>
        {
            if (request.Path.StartsWith("v2/invite/"))
            {
                var invite = room.CoSigned(request.Body!["event"]!.AsObject());
                return (200, new JsonObject { ["event"] = invite });
            }

            return request.Path.StartsWith("v1/send/")
                ? (200, new JsonObject { ["pdus"] = new JsonObject() })
                : null;
        };
        return room;
    }

    private async Task<JsonObject?> MemberAsync(string roomId, string userId)
    {
        var reply = await _alice.GetAsync($"rooms/{roomId}/state/m.room.member/{userId}");
        return reply.Status == 404 ? null : reply.Is(200).Json;
    }
}
