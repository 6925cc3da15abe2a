using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Crypto;

namespace Matrix.Federation.Tests.Endpoints;

/// <summary>
/// Every operation of the Server-Server API but those of media and policy servers, called over TLS. On both databases.
/// </summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
public sealed class OperationsTests(string databaseKind) : DatabaseTests(databaseKind)
{
    private const string V1 = "/_matrix/federation/v1/";
    private const string V2 = "/_matrix/federation/v2/";
    private const string Token = "abc123";

    /// <summary>The operations of other issues.</summary>
    private static readonly string[] _left = ["content_repository.yaml", "room_policy.yaml"];

    /// <summary>A valid request of each operation: file, path and method in the specification's data.</summary>
    private static readonly Dictionary<(string File, string Path, string Method), Func<OperationsTests, Task<Reply>>>
        _requests = new()
        {
            [("backfill.yaml", "/backfill/{roomId}", "get")] =
                it => it.GetAsync($"{V1}backfill/{it.Room}?v={it.Event}&limit=3"),
            [("backfill.yaml", "/get_missing_events/{roomId}", "post")] = it => it.PostAsync(
                $"{V1}get_missing_events/{it.Room}",
                new() { ["earliest_events"] = new JsonArray(), ["latest_events"] = new JsonArray(it._eventId) }),
            [("event_auth.yaml", "/event_auth/{roomId}/{eventId}", "get")] =
                it => it.GetAsync($"{V1}event_auth/{it.Room}/{it.Event}"),
            [("events.yaml", "/state/{roomId}", "get")] =
                it => it.GetAsync($"{V1}state/{it.Room}?event_id={it.Event}"),
            [("events.yaml", "/state_ids/{roomId}", "get")] =
                it => it.GetAsync($"{V1}state_ids/{it.Room}?event_id={it.Event}"),
            [("events.yaml", "/event/{eventId}", "get")] = it => it.GetAsync($"{V1}event/{it.Event}"),
            [("events.yaml", "/timestamp_to_event/{roomId}", "get")] =
                it => it.GetAsync($"{V1}timestamp_to_event/{it.Room}?ts=0&dir=f"),
            [("invites-v1.yaml", "/invite/{roomId}/{eventId}", "put")] = it => it.InviteAsync("1", "v1"),
            [("invites-v2.yaml", "/invite/{roomId}/{eventId}", "put")] = it => it.InviteAsync("11", "v2"),
            [("joins-v1.yaml", "/make_join/{roomId}/{userId}", "get")] =
                it => PeerRoom.MakeJoinAsync(it._server, it._peer.Peer, it._room.RoomId, "newcomer"),
            [("joins-v2.yaml", "/send_join/{roomId}/{eventId}", "put")] = async it =>
            {
                var (room, join) = await PeerRoom.PrepareAsync(it._server, it._peer.Peer, it._room.RoomId, "joiner");
                return await room.SendJoinAsync(it._server, join);
            },
            [("keys_query.yaml", "/query/{serverName}", "get")] =
                it => it.OpenAsync("GET", $"/_matrix/key/v2/query/{it._peer.Peer.Name}"),
            [("keys_query.yaml", "/query", "post")] = it => it.OpenAsync(
                "POST",
                "/_matrix/key/v2/query",
                new() { ["server_keys"] = new JsonObject { [it._peer.Peer.Name] = new JsonObject() } }),
            [("keys_server.yaml", "/server", "get")] = it => it.OpenAsync("GET", "/_matrix/key/v2/server"),
            [("knocks.yaml", "/make_knock/{roomId}/{userId}", "get")] = async it =>
                await it.TemplateAsync("knock", await it.KnockableAsync(), "knocker"),
            [("knocks.yaml", "/send_knock/{roomId}/{eventId}", "put")] = async it =>
                await it.SendMembershipAsync(V1, "knock", await it.KnockableAsync(), "knocker"),
            [("leaving-v1.yaml", "/make_leave/{roomId}/{userId}", "get")] = async it =>
            {
                await it._peer.Peer.JoinsAsync(it._server, it._room.RoomId, "leaver");
                return await it.TemplateAsync("leave", it._room.RoomId, "leaver");
            },
            [("leaving-v2.yaml", "/send_leave/{roomId}/{eventId}", "put")] = async it =>
            {
                await it._peer.Peer.JoinsAsync(it._server, it._room.RoomId, "gone");
                return await it.SendMembershipAsync(V2, "leave", it._room.RoomId, "gone");
            },
            [("openid.yaml", "/openid/userinfo", "get")] = async it =>
            {
                var made = (await it._alice.PostAsync($"user/{it._alice.UserId}/openid/request_token")).Is(200);
                var token = Uri.EscapeDataString((string)made.Json["access_token"]!);
                return await it.OpenAsync("GET", $"{V1}openid/userinfo?access_token={token}");
            },
            [("public_rooms.yaml", "/publicRooms", "get")] = it => it.GetAsync(V1 + "publicRooms?limit=5"),
            [("public_rooms.yaml", "/publicRooms", "post")] =
                it => it.PostAsync(V1 + "publicRooms", new() { ["limit"] = 5 }),
            [("query.yaml", "/query/{queryType}", "get")] = it => it.GetAsync(V1 + "query/weather"),
            [("query.yaml", "/query/directory", "get")] =
                it => it.GetAsync($"{V1}query/directory?room_alias=%23kitchen:{it._server.Name}"),
            [("query.yaml", "/query/profile", "get")] =
                it => it.GetAsync($"{V1}query/profile?user_id={it._alice.UserId}"),
            [("space_hierarchy.yaml", "/hierarchy/{roomId}", "get")] = it => it.GetAsync($"{V1}hierarchy/{it.Room}"),
            [("third_party_invite.yaml", "/exchange_third_party_invite/{roomId}", "put")] = it => it.ExchangeAsync(),
            [("third_party_invite.yaml", "/3pid/onbind", "put")] = it => it.BindAsync(),
            [("transactions.yaml", "/send/{txnId}", "put")] =
                it => it._room.SendAsync(it._server, Guid.NewGuid().ToString("N"), it._room.Says("bob", "hello")),
            [("user_devices.yaml", "/user/devices/{userId}", "get")] =
                it => it.GetAsync($"{V1}user/devices/{it._alice.UserId}"),
            [("user_keys.yaml", "/user/keys/claim", "post")] = it => it.PostAsync(
                V1 + "user/keys/claim",
                new()
                {
                    ["one_time_keys"] = new JsonObject
                    {
                        [it._alice.UserId] = new JsonObject { [it._alice.DeviceId] = "signed_curve25519" },
                    },
                }),
            [("user_keys.yaml", "/user/keys/query", "post")] = it => it.PostAsync(
                V1 + "user/keys/query",
                new() { ["device_keys"] = new JsonObject { [it._alice.UserId] = new JsonArray() } }),
            [("version.yaml", "/version", "get")] = it => it.OpenAsync("GET", V1 + "version"),
            [("wellknown.yaml", "/matrix/server", "get")] = it => it._server.SendAsync(new HttpRequestMessage(
                HttpMethod.Get, new Uri(it._server.ClientAddress, "/.well-known/matrix/server"))),
        };

    private readonly Ed25519Key _identityKey = Ed25519Key.Generate();
    private TestServer _server = null!;
    private AnsweringPeer _peer = null!;
    private AnsweringPeer _identity = null!;
    private TestUser _alice = null!;
    private PeerRoom _room = null!;
    private string _eventId = "";

    private string Room => PeerRoom.Escape(_room.RoomId);

    private string Event => PeerRoom.Escape(_eventId);

    private static IEnumerable<TestCaseData> Operations() => _requests.Keys.Select(operation =>
        new TestCaseData(operation.File, operation.Path, operation.Method)
            .SetArgDisplayNames($"{operation.Method} {operation.Path} {operation.File}"));

    [OneTimeSetUp]
    public async Task SetUpAsync()
    {
        _server = await TestServer.StartFederatingAsync(
            await NewDatabaseAsync(), ("federation.well_known_server", "matrix.example.org:443"));
        _peer = await AnsweringPeer.StartAsync();
        _identity = await AnsweringPeer.StartAsync();
        _identity.Answers = _ => (200, new JsonObject { ["valid"] = true });
        _peer.Answers = request => request.Path.StartsWith("v2/invite/", StringComparison.Ordinal)
            ? (200, new JsonObject { ["event"] = _room.CoSigned(request.Body!["event"]!.AsObject()) })
            : (200, new JsonObject { ["pdus"] = new JsonObject() });
        _alice = await _server.RegistersAsync("alice");
        await _alice.UploadsKeysAsync(oneTimeKeys: 3);
        var created = await _alice.PostAsync("createRoom", new JsonObject
        {
            ["room_alias_name"] = "kitchen",
            ["preset"] = "public_chat",
            ["visibility"] = "public",
            ["name"] = "Kitchen",
            ["room_version"] = "11",
        });
        var roomId = (string)created.Is(200).Json["room_id"]!;
        _room = await _peer.Peer.JoinsAsync(_server, roomId, "bob");
        _eventId = await _alice.SaysAsync(roomId, "hello");
    }

    [OneTimeTearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
        await _identity.DisposeAsync();
    }

    [Test]
    public void Every_operation_of_the_specification_has_its_request() => Assert.That(
        _requests.Keys, Is.EquivalentTo(SpecSchema.Operations().Where(each => !_left.Contains(each.File))));

    [TestCaseSource(nameof(Operations))]
    public async Task A_valid_request_gets_a_response_of_the_specified_form(string file, string path, string method)
    {
        var reply = await _requests[(file, path, method)](this);

        // This server knows no other types of queries.
        var expected = path == "/query/{queryType}" ? 404 : 200;
        Assert.That(reply.Status, Is.EqualTo(expected), reply.Text);
        reply.Matches(file, path, method);
    }

    private Task<Reply> GetAsync(string target) => _peer.Peer.SendAsync(_server, "GET", target);

    private Task<Reply> PostAsync(string target, JsonObject body) =>
        _peer.Peer.SendAsync(_server, "POST", target, body);

    private Task<Reply> OpenAsync(string method, string target, JsonObject? body = null) =>
        _server.SendAsync(Peer.Request(_server, method, target, body?.ToJsonString()));

    private async Task<Reply> InviteAsync(string version, string api)
    {
        var room = MembershipRoom.Create(_peer.Peer, version);
        var template = PeerRoom.Json(room.Sets(_alice.UserId, "invite"));
        foreach (var name in (string[])["hashes", "signatures", "event_id"]) template.Remove(name);
        var invite = room.Completes(template);
        return await room.InvitesAsync(_server, invite, api == "v1" ? PeerRoom.Json(invite) : null, api);
    }

    private async Task<string> KnockableAsync()
    {
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        await _alice.SetsAsync(roomId, "m.room.join_rules", new() { ["join_rule"] = "knock" });
        return roomId;
    }

    private Task<Reply> TemplateAsync(string membership, string roomId, string user) => GetAsync(
        $"{V1}make_{membership}/{PeerRoom.Escape(roomId)}/{PeerRoom.Escape(_room.User(user))}?ver=11");

    private async Task<Reply> SendMembershipAsync(string api, string membership, string roomId, string user)
    {
        var made = (await TemplateAsync(membership, roomId, user)).Is(200).Json;
        var pdu = new PeerRoom(_peer.Peer, "11", roomId).Completes(made["event"]!.AsObject());
        return await _peer.Peer.SendAsync(
            _server,
            "PUT",
            $"{api}send_{membership}/{PeerRoom.Escape(roomId)}/{PeerRoom.Escape(pdu.EventId)}",
            PeerRoom.Json(pdu));
    }

    private async Task<Reply> ExchangeAsync()
    {
        var invited = _room.User("invited");
        await _alice.SetsAsync(_room.RoomId, "m.room.third_party_invite", new()
        {
            ["display_name"] = "i...@e...",
            ["public_key"] = Base64Text.Encode(_identityKey.PublicKey),
            ["key_validity_url"] = $"https://{_identity.Peer.Name}/_matrix/identity/v2/pubkey/isvalid",
        }, Token);
        return await _peer.Peer.SendAsync(_server, "PUT", $"{V1}exchange_third_party_invite/{Room}", new JsonObject
        {
            ["type"] = "m.room.member",
            ["room_id"] = _room.RoomId,
            ["sender"] = _alice.UserId,
            ["state_key"] = invited,
            ["content"] = new JsonObject
            {
                ["membership"] = "invite",
                ["third_party_invite"] = new JsonObject { ["display_name"] = "i", ["signed"] = Signed(invited) },
            },
        });
    }

    private Task<Reply> BindAsync() => OpenAsync("PUT", V1 + "3pid/onbind", new()
    {
        ["medium"] = "email",
        ["address"] = "a@example.org",
        ["mxid"] = _alice.UserId,
        ["invites"] = new JsonArray(new JsonObject
        {
            ["medium"] = "email",
            ["address"] = "a@example.org",
            ["mxid"] = _alice.UserId,
            ["room_id"] = "!room:elsewhere.example",
            ["sender"] = _room.User("bob"),
            ["signed"] = Signed(_alice.UserId),
        }),
    });

    /// <summary>What the identity server signs when it binds the identifier.</summary>
    private JsonObject Signed(string userId)
    {
        var signed = new JsonObject { ["mxid"] = userId, ["token"] = Token };
        var signature = Base64Text.Encode(_identityKey.Sign(Peer.Canonical(signed)));
        signed["signatures"] = new JsonObject { ["id.example"] = new JsonObject { ["ed25519:0"] = signature } };
        return signed;
    }
}
