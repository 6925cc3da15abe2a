using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Host.Api.Http;
using Microsoft.Extensions.DependencyInjection;
using Peer = Matrix.TestWorld.Peers.Peer;

namespace Matrix.Federation.Tests.Endpoints;

/// <summary>
/// Every endpoint that requires a signature, in one table: the errors of requests that it must refuse. An endpoint
/// without a row fails the test.
/// </summary>
public sealed class SignedEndpointTests
{
    private static readonly (int, string) _badJson = (400, "M_BAD_JSON");
    private static readonly (int, string) _invalid = (400, "M_INVALID_PARAM");
    private static readonly (int, string) _missing = (400, "M_MISSING_PARAM");
    private static readonly (int, string) _forbidden = (403, "M_FORBIDDEN");
    private static readonly (int, string) _notFound = (404, "M_NOT_FOUND");

    /// <summary>
    /// The table. In a target and a body: ROOM a room that the peer is in, EVENT one of its events, USER a user of the
    /// peer who is in no room, OTHER a user of another server, ALICE a local user.
    /// </summary>
    private static readonly Row[] _rows =
    [
        new("PUT", "v1/send/{txnId}", "v1/send/1", "{\"pdus\":[]}")
        {
            Malformed = [("{\"pdus\":1}", _badJson), ("{}", _badJson)],
        },
        new("GET", "v1/event/{eventId}", "v1/event/EVENT")
        {
            NotInRoom = _notFound, OtherIds = [("v1/event/$unknown:elsewhere.example", _notFound)],
        },
        new("GET", "v1/state/{roomId}", "v1/state/ROOM?event_id=EVENT")
        {
            NotInRoom = _forbidden, Denied = _forbidden, UnknownRoom = _forbidden,
            OtherIds = [("v1/state/SECOND?event_id=EVENT", _notFound), ("v1/state/ROOM", _missing)],
        },
        new("GET", "v1/state_ids/{roomId}", "v1/state_ids/ROOM?event_id=EVENT")
        {
            NotInRoom = _forbidden, Denied = _forbidden, UnknownRoom = _forbidden,
            OtherIds = [("v1/state_ids/SECOND?event_id=EVENT", _notFound), ("v1/state_ids/ROOM", _missing)],
        },
        new("GET", "v1/event_auth/{roomId}/{eventId}", "v1/event_auth/ROOM/EVENT")
        {
            NotInRoom = _forbidden, Denied = _forbidden, UnknownRoom = _forbidden,
            OtherIds = [("v1/event_auth/SECOND/EVENT", _notFound)],
        },
        new("GET", "v1/backfill/{roomId}", "v1/backfill/ROOM?v=EVENT&limit=3")
        {
            NotInRoom = _forbidden, Denied = _forbidden, UnknownRoom = _forbidden,
            OtherIds = [("v1/backfill/ROOM?v=EVENT", _missing), ("v1/backfill/ROOM?limit=3", _missing)],
        },
        new(
            "POST", "v1/get_missing_events/{roomId}", "v1/get_missing_events/ROOM",
            "{\"earliest_events\":[],\"latest_events\":[\"EVENT\"]}")
        {
            NotInRoom = _forbidden, Denied = _forbidden, UnknownRoom = _forbidden,
            Malformed =
            [
                ("{\"earliest_events\":1,\"latest_events\":[]}", _badJson),
                ("{\"earliest_events\":[],\"latest_events\":[1]}", _badJson),
            ],
        },
        new("GET", "v1/make_join/{roomId}/{userId}", "v1/make_join/ROOM/USER?ver=11")
        {
            Denied = _forbidden, UnknownRoom = _notFound,
            OtherIds = [("v1/make_join/ROOM/OTHER?ver=11", _forbidden)],
        },
        Member("v1/send_join"),
        Member("v2/send_join"),
        new("GET", "v1/make_leave/{roomId}/{userId}", "v1/make_leave/ROOM/USER")
        {
            NotInRoom = _forbidden, Denied = _forbidden, UnknownRoom = _notFound,
            OtherIds = [("v1/make_leave/ROOM/OTHER", _forbidden)],
        },
        Member("v1/send_leave"),
        Member("v2/send_leave"),
        new("GET", "v1/make_knock/{roomId}/{userId}", "v1/make_knock/ROOM/USER?ver=11")
        {
            NotInRoom = _forbidden, Denied = _forbidden, UnknownRoom = _notFound,
            OtherIds = [("v1/make_knock/ROOM/OTHER?ver=11", _forbidden)],
        },
        Member("v1/send_knock"),
        new("PUT", "v1/invite/{roomId}/{eventId}", "v1/invite/ROOM/EVENT", "INVITE1")
        {
            Denied = _forbidden,
            OtherIds = [("v1/invite/SECOND/EVENT", _invalid), ("v1/invite/ROOM/$other", _invalid)],
            Malformed = [("{\"type\":1}", _badJson)],
        },
        new("PUT", "v2/invite/{roomId}/{eventId}", "v2/invite/ROOM/EVENT", "INVITE2")
        {
            Denied = _forbidden,
            OtherIds = [("v2/invite/SECOND/EVENT", _invalid), ("v2/invite/ROOM/$other", _invalid)],
            Malformed = [("{\"room_version\":\"11\",\"event\":1}", _badJson), ("{\"event\":{}}", _badJson)],
        },
        new(
            "PUT", "v1/exchange_third_party_invite/{roomId}", "v1/exchange_third_party_invite/ROOM",
            "{\"type\":\"m.room.member\",\"room_id\":\"ROOM\",\"sender\":\"ALICE\",\"state_key\":\"USER\","
                + "\"content\":{\"membership\":\"invite\",\"third_party_invite\":{\"display_name\":\"x\","
                + "\"signed\":{\"mxid\":\"USER\",\"token\":\"t\",\"signatures\":{}}}}}")
        {
            OtherIds = [("v1/exchange_third_party_invite/SECOND", _invalid)],
            Malformed = [("{\"type\":1}", _invalid), ("{}", _invalid)],
        },
        new("GET", "v1/timestamp_to_event/{roomId}", "v1/timestamp_to_event/ROOM?ts=0&dir=f")
        {
            NotInRoom = _forbidden, Denied = _forbidden, UnknownRoom = _forbidden,
            OtherIds =
            [
                ("v1/timestamp_to_event/ROOM?ts=0&dir=x", _invalid),
                ("v1/timestamp_to_event/ROOM?ts=0", _missing),
                ("v1/timestamp_to_event/ROOM?dir=f", _missing),
                ("v1/timestamp_to_event/ROOM?ts=0&dir=b", _notFound),
            ],
        },
        new("GET", "v1/media/download/{mediaId}", "v1/media/download/unknown")
        {
            OtherIds =
            [
                ("v1/media/download/a.b", _notFound),
                ("v1/media/download/unknown?timeout_ms=x", _invalid),
            ],
        },
        new("GET", "v1/media/thumbnail/{mediaId}", "v1/media/thumbnail/unknown?width=10&height=10")
        {
            OtherIds =
            [
                ("v1/media/thumbnail/a.b?width=10&height=10", _notFound),
                ("v1/media/thumbnail/unknown?width=10", _missing),
                ("v1/media/thumbnail/unknown?width=0&height=10", _invalid),
                ("v1/media/thumbnail/unknown?width=x&height=10", _invalid),
                ("v1/media/thumbnail/unknown?width=1&height=1&method=x", _invalid),
            ],
        },
        new("GET", "v1/publicRooms", "v1/publicRooms")
        {
            OtherIds = [("v1/publicRooms?since=x", _invalid), ("v1/publicRooms?limit=-1", _invalid)],
        },
        new("POST", "v1/publicRooms", "v1/publicRooms", "{}")
        {
            Malformed = [("{\"filter\":1}", _badJson), ("{\"filter\":{\"room_types\":[1]}}", _badJson)],
        },
        new("GET", "v1/hierarchy/{roomId}", "v1/hierarchy/ROOM")
        {
            Denied = _notFound, UnknownRoom = _notFound,
            OtherIds = [("v1/hierarchy/ROOM?suggested_only=1", _invalid)],
        },
        new("GET", "v1/query/profile", "v1/query/profile?user_id=ALICE")
        {
            OtherIds = [("v1/query/profile?user_id=OTHER", _invalid), ("v1/query/profile", _missing)],
        },
        new("GET", "v1/query/directory", "v1/query/directory?room_alias=%23a:SERVER")
        {
            OtherIds =
            [
                ("v1/query/directory?room_alias=%23a:elsewhere.example", _invalid),
                ("v1/query/directory?room_alias=%23a:SERVER", _notFound),
            ],
        },
        new("GET", "v1/query/{queryType}", "v1/query/weather")
        {
            OtherIds = [("v1/query/weather", (404, "M_UNRECOGNIZED"))],
        },
        new("GET", "v1/user/devices/{userId}", "v1/user/devices/ALICE")
        {
            OtherIds = [("v1/user/devices/OTHER", _invalid)],
        },
        new("POST", "v1/user/keys/query", "v1/user/keys/query", "{\"device_keys\":{\"ALICE\":[]}}")
        {
            Malformed = [("{}", _badJson), ("{\"device_keys\":{\"OTHER\":[]}}", _invalid)],
        },
        new("POST", "v1/user/keys/claim", "v1/user/keys/claim", "{\"one_time_keys\":{\"ALICE\":{}}}")
        {
            Malformed = [("{}", _badJson), ("{\"one_time_keys\":{\"OTHER\":{\"A\":\"b\"}}}", _invalid)],
        },
    ];

    private TestServer _server = null!;
    private Peer _peer = null!;
    private Peer _stranger = null!;
    private TestUser _alice = null!;
    private PeerRoom _room = null!;
    private string _second = "";
    private string _denied = "";
    private string _deniedFirst = "";
    private string _event = "";
    private string _eventOfDenied = "";

    [OneTimeSetUp]
    public async Task SetUpAsync()
    {
        _server = await TestServer.StartWithKnownKeysAsync();
        _peer = new Peer("127.0.251.4:1");
        _stranger = new Peer("127.0.251.5:1");
        _server.Knows(_peer).Knows(_stranger);
        _alice = await _server.RegistersAsync("alice");
        var room = await _alice.CreatesRoomAsync(version: "11");
        _event = await _alice.SaysAsync(room, "hello");
        _room = await _peer.JoinsAsync(_server, room, "bob");
        _second = await _alice.CreatesRoomAsync(version: "11");
        _ = await _peer.JoinsAsync(_server, _second, "bob");
        _denied = await _alice.CreatesRoomAsync(version: "11");
        _eventOfDenied = await _alice.SaysAsync(_denied, "hello");
        _deniedFirst = await _alice.CreatesRoomAsync(version: "1");
        foreach (var roomId in new[] { _denied, _deniedFirst })
        {
            _ = await _peer.JoinsAsync(_server, roomId, "bob");
            await _alice.SetsAsync(
                roomId,
                "m.room.server_acl",
                new() { ["allow"] = new JsonArray("*"), ["deny"] = new JsonArray("127.0.251.4") });
        }
    }

    [OneTimeTearDown]
    public async Task TearDownAsync() => await _server.DisposeAsync();

    private static IEnumerable<TestCaseData> Rows() =>
        _rows.Select(row => new TestCaseData(row).SetArgDisplayNames($"{row.Method} {row.Route}"));

    [Test]
    public void Every_signed_endpoint_has_its_row()
    {
        var routes = new FederationRoutes();
        foreach (var group in _server.Services.GetServices<IFederationEndpoints>()) group.Map(routes);

        var signed = routes.Collected.Where(route => route.Options.Access == Access.Servers)
            .Select(route => $"{route.Method} {route.Template}");
        Assert.That(
            _rows.Select(row => $"{row.Method} /_matrix/federation/{row.Route}"), Is.EquivalentTo(signed.Distinct()));
    }

    [TestCaseSource(nameof(Rows))]
    public async Task Without_a_valid_signature_for_this_server_it_is_unauthorized(object table)
    {
        var row = (Row)table;
        var target = Fill(row.Target);
        var body = row.Body is null ? null : new JsonObject { ["a"] = 1 };
        var headers = new (string Name, string? Authorization)[]
        {
            ("no signature", null),
            ("a signature of another request", _peer.Authorization(_server.Name, row.Method, target + "x", body)),
            ("an expired key", _peer.Authorization(_server.Name, row.Method, target, body, _peer.Old)),
            ("an unknown key", _peer.Authorization(_server.Name, row.Method, target, body, _peer.Unpublished)),
            ("another destination", _peer.Authorization("elsewhere.example", row.Method, target, body)),
        };

        foreach (var (name, authorization) in headers)
        {
            var request = Peer.Request(_server, row.Method, target, body?.ToJsonString());
            var reply = await _server.SendAsync(authorization is null ? request : request.With(authorization));
            Assert.That((reply.Status, reply.Errcode), Is.EqualTo((401, "M_UNAUTHORIZED")), $"{name}: {reply.Text}");
        }
    }

    [TestCaseSource(nameof(Rows))]
    public async Task What_it_must_refuse_gets_the_specified_error(object table)
    {
        var row = (Row)table;
        if (row.NotInRoom is { } notInRoom)
        {
            await RefusedAsync("not in the room", _stranger, row, row.Target, row.Body, notInRoom);
        }

        if (row.Denied is { } denied)
        {
            var roomId = row.Body == "INVITE1" ? _deniedFirst : _denied;
            var (body, eventId) = BodyOf(row, roomId);
            var target = row.Target.Replace("ROOM", PeerRoom.Escape(roomId), StringComparison.Ordinal)
                .Replace("EVENT", PeerRoom.Escape(eventId ?? _eventOfDenied), StringComparison.Ordinal);
            await RefusedAsync("denied by the list", _peer, row, target, body, denied);
        }

        if (row.UnknownRoom is { } unknown)
        {
            const string Nowhere = "!nowhere:elsewhere.example";
            var (body, eventId) = BodyOf(row, Nowhere);
            var target = row.Target.Replace("ROOM", Nowhere, StringComparison.Ordinal)
                .Replace("EVENT", PeerRoom.Escape(eventId ?? _event), StringComparison.Ordinal);
            await RefusedAsync("unknown room", _peer, row, target, body, unknown);
        }

        foreach (var (target, error) in row.OtherIds)
        {
            await RefusedAsync(target, _peer, row, target, row.Body, error);
        }

        foreach (var (body, error) in row.Malformed)
        {
            await RefusedAsync(body, _peer, row, row.Target, body, error);
        }

        if (row.Body is null) return;
        var uri = Fill(row.Target);
        foreach (var (text, code) in new[] { ("{", "M_NOT_JSON"), ("[]", "M_BAD_JSON"), ("", "M_NOT_JSON") })
        {
            var header = _peer.Authorization(_server.Name, row.Method, uri, new JsonObject());
            (await _server.SendAsync(Peer.Request(_server, row.Method, uri, text).With(header))).Is(400, code);
        }
    }

    private async Task RefusedAsync(
        string why, Peer peer, Row row, string target, string? body, (int Status, string Code) error)
    {
        var uri = Fill(target);
        var reply = await peer.SendAsync(
            _server, row.Method, uri, body is null ? null : JsonNode.Parse(FillBody(body)));
        Assert.That((reply.Status, reply.Errcode), Is.EqualTo(error), $"{why}: {reply.Text}");
    }

    /// <summary>A membership event that a server sends through this one.</summary>
    private static Row Member(string endpoint) =>
        new("PUT", endpoint + "/{roomId}/{eventId}", endpoint + "/ROOM/EVENT", "MEMBER" + endpoint[8..])
        {
            Denied = _forbidden,
            UnknownRoom = _notFound,
            OtherIds = [(endpoint + "/SECOND/EVENT", _invalid), (endpoint + "/ROOM/$other", _invalid)],
            Malformed = [("{\"type\":1}", _badJson), ("{}", _badJson)],
        };

    /// <summary>The row's body, with an event of this room where it has one, and the event's id.</summary>
    private (string? Body, string? EventId) BodyOf(Row row, string roomId) => EventOf(row, roomId) is { } pdu
        ? (Wrap(row, PeerRoom.Json(pdu)), pdu.EventId)
        : (row.Body, null);

    private static string Wrap(Row row, JsonObject pdu) =>
        row.Body == "INVITE2"
            ? new JsonObject { ["room_version"] = "11", ["event"] = pdu }.ToJsonString()
            : pdu.ToJsonString();

    private Pdu? EventOf(Row row, string roomId)
    {
        var (user, membership) = row.Body switch
        {
            "MEMBERjoin" => (_room.User("carl"), "join"),
            "MEMBERleave" => (_room.User("carl"), "leave"),
            "MEMBERknock" => (_room.User("carl"), "knock"),
            "INVITE1" or "INVITE2" => (_alice.UserId, "invite"),
            _ => (null, ""),
        };
        if (user is null) return null;
        return new PeerRoom(_peer, row.Body == "INVITE1" ? "1" : "11", roomId).Makes(
            membership == "invite" ? "bob" : "carl", "m.room.member", user, new() { ["membership"] = membership });
    }

    private string Fill(string target) => "/_matrix/federation/" + FillBody(target, PeerRoom.Escape);

    private string FillBody(string text, Func<string, string>? escape = null)
    {
        escape ??= static part => part;
        if (_rows.FirstOrDefault(row => row.Body == text) is { } whole && EventOf(whole, _room.RoomId) is { } pdu)
        {
            return Wrap(whole, PeerRoom.Json(pdu));
        }

        return text
            .Replace("ROOM", escape(_room.RoomId), StringComparison.Ordinal)
            .Replace("SECOND", escape(_second), StringComparison.Ordinal)
            .Replace("EVENT", escape(_event), StringComparison.Ordinal)
            .Replace("USER", escape(_room.User("carl")), StringComparison.Ordinal)
            .Replace("OTHER", "@someone:elsewhere.example", StringComparison.Ordinal)
            .Replace("ALICE", escape(_alice.UserId), StringComparison.Ordinal)
            .Replace("SERVER", _server.Name, StringComparison.Ordinal);
    }

    /// <summary>An endpoint, and a request that it takes.</summary>
    /// <param name="Route">Its path after `/_matrix/federation/`, with the names of its parameters.</param>
    private sealed record Row(string Method, string Route, string Target, string? Body = null)
    {
        /// <summary>The error for a server without a user in the room.</summary>
        public (int Status, string Code)? NotInRoom { get; init; }

        /// <summary>The error for a server that the room's access control list denies.</summary>
        public (int Status, string Code)? Denied { get; init; }

        /// <summary>The error for a room that this server does not know.</summary>
        public (int Status, string Code)? UnknownRoom { get; init; }

        /// <summary>The errors of targets that do not go with the body, or with each other.</summary>
        public (string Target, (int Status, string Code) Error)[] OtherIds { get; init; } = [];

        /// <summary>The errors of bodies that are JSON objects.</summary>
        public (string Body, (int Status, string Code) Error)[] Malformed { get; init; } = [];
    }
}
