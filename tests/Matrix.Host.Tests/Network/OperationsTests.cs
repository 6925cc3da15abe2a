using System.Text;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Network;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.SafeHttp;

namespace Matrix.Host.Tests.Network;

/// <summary>Each operation of the Server-Server API: what it sends, and what it reads in the response.</summary>
internal sealed class OperationsTests
{
    private const string Them = "them.example";
    private const string Room = "!a/b:them.example";
    private const string Event = "$e/+1";
    private const string User = "@u ser:us.example";
    private const string RoomPath = "%21a%2Fb%3Athem.example";
    private const string EventPath = "%24e%2F%2B1";
    private const string UserPath = "%40u%20ser%3Aus.example";
    private const string V1 = "/_matrix/federation/v1/";
    private const string V2 = "/_matrix/federation/v2/";

    private static readonly FederationFailure _unrecognized =
        new(FederationFailureKind.Refused, 404, "M_UNRECOGNIZED", "What?");

    private NetworkOptions _options = null!;
    private ScriptedClient _client = null!;

    private static CancellationToken Stop => CancellationToken.None;

    private FederationOperations Api => new(_client, _options);

    [SetUp]
    public void Prepare()
    {
        _options = new NetworkOptions { ServerName = "us.example" };
        _client = new ScriptedClient();
    }

    [TestCase("join")]
    [TestCase("knock")]
    [TestCase("leave")]
    public async Task A_template_is_of_the_membership_that_was_asked_for(string membership)
    {
        var good = Template(membership);
        _client.Answers(good);
        _client.Answers(good.Replace("\"room_version\":\"11\",", "", StringComparison.Ordinal));

        var template = (await Make(membership)).Value;
        Assert.That((template.RoomVersion, template.Event.Text("sender")), Is.EqualTo(("11", User)));
        var query = membership == "leave" ? "" : "?ver=1&ver=11";
        Sent($"GET {V1}make_{membership}/{RoomPath}/{UserPath}{query}", null);
        Assert.That((await Make(membership)).Value.RoomVersion, Is.EqualTo("1"), "old servers do not say");
    }

    [TestCase("\"m.room.member\"", "\"m.room.message\"", "event.type")]
    [TestCase("\"state_key\":\"@u ser:us.example\"", "\"state_key\":\"@other:us.example\"", "event.state_key")]
    [TestCase("\"sender\":\"@u ser:us.example\"", "\"sender\":\"@other:us.example\"", "event.sender")]
    [TestCase("!a/b:them.example", "!other:them.example", "event.room_id")]
    [TestCase("\"membership\":\"join\"", "\"membership\":\"ban\"", "event.content.membership")]
    [TestCase("\"room_version\":\"11\"", "\"room_version\":\"12\"", "room_version")]
    [TestCase("\"event\":", "\"events\":", "event")]
    public async Task A_template_of_another_event_is_malformed(string good, string bad, string member)
    {
        _client.Answers(Template("join").Replace(good, bad, StringComparison.Ordinal));

        var failure = (await Make("join")).Failure!;

        Assert.That((failure.Kind, failure.Message), Is.EqualTo((
            FederationFailureKind.Malformed, $"`{member}` is missing or malformed in the response")));
    }

    [Test]
    public async Task Send_join_cuts_the_room_into_events()
    {
        _client.Answers("""
            {"state":[{"a":1.0},{"b":"]}"}],"auth_chain":[ {"c": [1, {"d":2}]} ],"origin":"x","members_omitted":true,
             "event":{"e":"\u00e9"},"servers_in_room":["a.example",7,"b.example"],"more":{"x":[1]}}
            """);

        var room = (await Api.SendJoinAsync(Them, Room, Event, Json("""{"type":"m.room.member"}"""), true, Stop)).Value;

        Assert.That(Texts(room.State), Is.EqualTo(new[] { """{"a":1.0}""", """{"b":"]}"}""" }));
        Assert.That(Texts(room.AuthChain), Is.EqualTo(new[] { """{"c": [1, {"d":2}]}""" }));
        Assert.That(Text(room.Event!.Value), Is.EqualTo("""{"e":"\u00e9"}"""));
        Assert.That((room.MembersOmitted, room.ServersInRoom), Is.EqualTo((true, new[] { "a.example", "b.example" })));
        Sent($"PUT {V2}send_join/{RoomPath}/{EventPath}?omit_members=true", """{"type":"m.room.member"}""");
        Assert.That(_client.Last.MaxBytes, Is.EqualTo(_options.MaxLargeResponseBytes));
        Assert.That(_client.Last.Time, Is.EqualTo(_options.LargeRequestTime));
    }

    [Test]
    public async Task A_server_without_version_2_of_send_join_is_sent_version_1()
    {
        _client.Fails(_unrecognized);
        _client.Answers("""[200,{"state":[{"a":1}],"auth_chain":[]}]""");

        var room = (await Join()).Value;

        Assert.That(Texts(room.State), Is.EqualTo(new[] { """{"a":1}""" }));
        Assert.That(room.Event, Is.Null);
        Sent($"PUT {V1}send_join/{RoomPath}/{EventPath}", "{}");
    }

    [Test]
    public async Task Version_1_is_not_sent_after_other_errors_or_if_it_is_switched_off()
    {
        _client.Fails(new FederationFailure(FederationFailureKind.Refused, 404, "M_NOT_FOUND", ""));
        _client.Fails(new FederationFailure(FederationFailureKind.Refused, 403, "M_FORBIDDEN", ""));
        Assert.That((await Join()).Failure!.ErrorCode, Is.EqualTo("M_NOT_FOUND"));
        Assert.That((await Api.SendLeaveAsync(Them, Room, Event, Json("{}"), Stop)).Failure!.Status, Is.EqualTo(403));

        _options = _options with { LegacyFederation = false };
        for (var n = 0; n < 3; n++) _client.Fails(_unrecognized);
        Assert.That((await Join()).Failure, Is.EqualTo(_unrecognized));
        Assert.That((await Api.SendLeaveAsync(Them, Room, Event, Json("{}"), Stop)).Failure, Is.EqualTo(_unrecognized));
        Assert.That((await Invite("1")).Failure, Is.EqualTo(_unrecognized));
        Assert.That(_client.Requests, Has.Count.EqualTo(5));
    }

    [TestCase("""{"state":[]}""", FederationFailureKind.Malformed)]
    [TestCase("""{"auth_chain":[]}""", FederationFailureKind.Malformed)]
    [TestCase("""{"state":{},"auth_chain":[]}""", FederationFailureKind.Malformed)]
    [TestCase("""[200,{"state":[],"auth_chain":[]}]""", FederationFailureKind.NotJson)]
    [TestCase("""{"state":[],"auth_chain":[]""", FederationFailureKind.NotJson)]
    [TestCase("""{"state":[],"auth_chain":[]} x""", FederationFailureKind.NotJson)]
    [TestCase("""{"state":[{],"auth_chain":[]}""", FederationFailureKind.NotJson)]
    [TestCase("""{"\ud800":1,"state":[],"auth_chain":[]}""", FederationFailureKind.NotJson)]
    [TestCase("", FederationFailureKind.NotJson)]
    [TestCase("null", FederationFailureKind.NotJson)]
    public async Task A_room_without_its_lists_is_a_failure(string response, FederationFailureKind kind)
    {
        _client.Answers(response);

        Assert.That((await Join()).Failure!.Kind, Is.EqualTo(kind));
    }

    [TestCase("[200]")]
    [TestCase("[]")]
    [TestCase("{}")]
    [TestCase("[200,[]]")]
    [TestCase("""[200,{"state":[],"auth_chain":[]},""")]
    public async Task A_response_of_version_1_without_its_object_is_no_response(string response)
    {
        _client.Fails(_unrecognized);
        _client.Answers(response);

        Assert.That(
            (await Join()).Failure!.Kind,
            Is.EqualTo(FederationFailureKind.NotJson));
    }

    [Test]
    public async Task Events_in_a_response_are_bounded_and_the_last_of_two_members_counts()
    {
        _options = _options with { MaxEventsInResponse = 4 };
        _client.Answers("""{"state":[1,2],"auth_chain":[3,4,5]}""");
        _client.Answers("""{"state":[1,2],"auth_chain":[3],"state":[4]}""");

        Assert.That(
            (await Join()).Failure!.Kind,
            Is.EqualTo(FederationFailureKind.NotJson));
        Assert.That(
            Texts((await Join()).Value.State),
            Is.EqualTo(new[] { "4" }));
    }

    [Test]
    public async Task Send_leave_accepts_any_success_and_falls_back()
    {
        _client.Answers("{}");
        _client.Fails(_unrecognized);
        _client.Answers("[200,{}]");

        Assert.That((await Api.SendLeaveAsync(Them, Room, Event, Json("{}"), Stop)).IsOk, Is.True);
        Sent($"PUT {V2}send_leave/{RoomPath}/{EventPath}", "{}");
        Assert.That((await Api.SendLeaveAsync(Them, Room, Event, Json("{}"), Stop)).IsOk, Is.True);
        Sent($"PUT {V1}send_leave/{RoomPath}/{EventPath}", "{}");
    }

    [Test]
    public async Task Invite_sends_the_rooms_state_and_returns_the_signed_event()
    {
        _client.Answers("""{"event":{"signed":true}}""");

        Assert.That((await Invite("12")).Value.IndexOf("signed"), Is.Zero);
        Sent(
            $"PUT {V2}invite/{RoomPath}/{EventPath}",
            """{"event":{"type":"m.room.member"},"invite_room_state":[{"type":"m.room.create"}],"room_version":"12"}""");
    }

    [TestCase("1", 400, true)]
    [TestCase("2", 404, true)]
    [TestCase("2", 403, false)]
    [TestCase("3", 404, false)]
    public async Task Invites_in_the_oldest_rooms_fall_back_to_version_1(string version, int status, bool fallsBack)
    {
        _client.Fails(new FederationFailure(FederationFailureKind.Refused, status, "M_UNKNOWN", ""));
        _client.Answers("""[200,{"event":{"signed":true}}]""");

        var invited = await Invite(version);

        Assert.That(invited.IsOk, Is.EqualTo(fallsBack));
        if (!fallsBack) return;
        Sent(
            $"PUT {V1}invite/{RoomPath}/{EventPath}",
            """{"type":"m.room.member","unsigned":{"invite_room_state":[{"type":"m.room.create"}]}}""");
    }

    [Test]
    public async Task Send_knock_returns_stripped_state()
    {
        _client.Answers("""{"knock_room_state":[{"type":"m.room.name"},3]}""");

        var state = (await Api.SendKnockAsync(Them, Room, Event, Json("{}"), Stop)).Value;

        Assert.That(state.Select(e => e.Text("type")), Is.EqualTo(new[] { "m.room.name" }));
        Sent($"PUT {V1}send_knock/{RoomPath}/{EventPath}", "{}");
    }

    [Test]
    public async Task A_transaction_is_canonical_and_its_errors_are_returned()
    {
        _client.Answers("""{"pdus":{"$a":{},"$b":{"error":"No"},"$c":3}}""");
        var transaction = new FederationTransaction(
            "t/1", 7, [Bytes("""{"p":1}"""), Bytes("""{"p":2}""")], [Bytes("""{"edu_type":"m.typing"}""")]);

        var errors = (await Api.SendTransactionAsync(Them, transaction, Stop)).Value;

        Assert.That(errors, Is.EqualTo(new Dictionary<string, string> { ["$b"] = "No" }));
        Sent(
            $"PUT {V1}send/t%2F1",
            """{"edus":[{"edu_type":"m.typing"}],"origin":"us.example","origin_server_ts":7,"pdus":[{"p":1},{"p":2}]}""");
        var sent = Text(_client.Last.CanonicalBody);
        Assert.That(Text(JsonText.Write(Json(sent))), Is.EqualTo(sent));
    }

    [Test]
    public async Task Single_events_and_states()
    {
        _client.Answers("""{"origin":"x","origin_server_ts":1,"pdus":[{"a":1}]}""");
        _client.Answers("""{"pdus":[]}""");
        Assert.That(Text((await Api.GetEventAsync(Them, Event, Stop)).Value), Is.EqualTo("""{"a":1}"""));
        Sent($"GET {V1}event/{EventPath}", null);
        IsMalformed(await Api.GetEventAsync(Them, Event, Stop));

        _client.Answers("""{"pdus":[{"a":1}],"auth_chain":[{"b":1}]}""");
        var state = (await Api.GetStateAsync(Them, Room, Event, Stop)).Value;
        Assert.That(Texts(state.State), Is.EqualTo(new[] { """{"a":1}""" }));
        Assert.That(Texts(state.AuthChain), Is.EqualTo(new[] { """{"b":1}""" }));
        Sent($"GET {V1}state/{RoomPath}?event_id={EventPath}", null);

        _client.Answers("""{"pdu_ids":["$a"],"auth_chain_ids":["$b","$c"]}""");
        var ids = (await Api.GetStateIdsAsync(Them, Room, Event, Stop)).Value;
        Assert.That((ids.State, ids.AuthChain), Is.EqualTo((new[] { "$a" }, new[] { "$b", "$c" })));
        Sent($"GET {V1}state_ids/{RoomPath}?event_id={EventPath}", null);

        _client.Answers("""{"auth_chain":[{"b":1}]}""");
        var chain = (await Api.GetEventAuthAsync(Them, Room, Event, Stop)).Value;
        Assert.That(Texts(chain), Is.EqualTo(new[] { """{"b":1}""" }));
        Sent($"GET {V1}event_auth/{RoomPath}/{EventPath}", null);
    }

    [Test]
    public async Task Missing_and_older_events()
    {
        _client.Answers("""{"events":[{"a":1}]}""");
        var gap = new HistoryGap(["$a"], ["$b"], 20, 3);
        var missing = (await Api.GetMissingEventsAsync(Them, Room, gap, Stop)).Value;
        Assert.That(Texts(missing), Is.EqualTo(new[] { """{"a":1}""" }));
        Sent(
            $"POST {V1}get_missing_events/{RoomPath}",
            """{"earliest_events":["$a"],"latest_events":["$b"],"limit":20,"min_depth":3}""");

        _client.Answers("""{"pdus":[{"a":1},{"b":2}]}""");
        Assert.That(await Api.BackfillAsync(Them, Room, ["$a", Event], 50, Stop), Has.Property("IsOk").True);
        Sent($"GET {V1}backfill/{RoomPath}?v=%24a&v={EventPath}&limit=50", null);

        _client.Answers("""{"event_id":"$x","origin_server_ts":5}""");
        var closest = (await Api.TimestampToEventAsync(Them, Room, 9, forwards: true, Stop)).Value;
        Assert.That(closest, Is.EqualTo(new TimestampedEvent("$x", 5)));
        Sent($"GET {V1}timestamp_to_event/{RoomPath}?ts=9&dir=f", null);
    }

    [Test]
    public async Task Queries_of_aliases_and_profiles()
    {
        _client.Answers("""{"room_id":"!r:x","servers":["a","b"]}""");
        var entry = (await Api.QueryDirectoryAsync(Them, "#a b:them.example", Stop)).Value;
        Assert.That((entry.RoomId, entry.Servers), Is.EqualTo(("!r:x", new[] { "a", "b" })));
        Sent($"GET {V1}query/directory?room_alias=%23a%20b%3Athem.example", null);

        _client.Answers("""{"displayname":"U"}""");
        Assert.That((await Api.QueryProfileAsync(Them, User, Stop)).Value.Text("displayname"), Is.EqualTo("U"));
        Sent($"GET {V1}query/profile?user_id={UserPath}", null);
    }

    [Test]
    public async Task Devices_and_keys_of_users()
    {
        _client.Answers(
            """
            {"user_id":"@u ser:us.example","stream_id":4,"master_key":{},
             "devices":[{"device_id":"D","keys":{},"device_display_name":"Phone"},{"x":1}]}
            """);
        _client.Answers("""{"user_id":"@other:x","stream_id":4,"devices":[]}""");
        var list = (await Api.GetUserDevicesAsync(Them, User, Stop)).Value;
        Assert.That((list.StreamId, list.Devices.Single().DeviceId), Is.EqualTo((4L, "D")));
        Assert.That(list.Devices[0].DisplayName, Is.EqualTo("Phone"));
        Assert.That((list.MasterKey is null, list.SelfSigningKey is null), Is.EqualTo((false, true)));
        Sent($"GET {V1}user/devices/{UserPath}", null);
        IsMalformed(await Api.GetUserDevicesAsync(Them, User, Stop));

        _client.Answers("""{"device_keys":{"@u:x":{}},"master_keys":{"@u:x":{}}}""");
        var devices = new Dictionary<string, IReadOnlyList<string>> { ["@u:x"] = ["D"] };
        var keys = (await Api.QueryKeysAsync(Them, devices, Stop)).Value;
        Assert.That((keys.DeviceKeys.Count, keys.MasterKeys.Count, keys.SelfSigningKeys.Count), Is.EqualTo((1, 1, 0)));
        Sent($"POST {V1}user/keys/query", """{"device_keys":{"@u:x":["D"]}}""");

        _client.Answers("""{"one_time_keys":{"@u:x":{"D":{}}}}""");
        var claimed = await Api.ClaimKeysAsync(
            Them, [new("@u:x", "D", "signed_curve25519"), new("@u:x", "E", "a"), new("@v:x", "D", "a")], Stop);
        Assert.That(claimed.Value.Count, Is.EqualTo(1));
        Sent(
            $"POST {V1}user/keys/claim",
            """{"one_time_keys":{"@u:x":{"D":"signed_curve25519","E":"a"},"@v:x":{"D":"a"}}}""");
    }

    [Test]
    public async Task Published_rooms_and_spaces()
    {
        _client.Answers("""{"chunk":[{"room_id":"!r"}],"next_batch":"n","total_room_count_estimate":3}""");
        _client.Answers("{}");
        var rooms = (await Api.GetPublicRoomsAsync(Them, new(5, "s s", null, null, false, "irc"), Stop)).Value;
        Assert.That((rooms.Chunk.Count, rooms.NextBatch, rooms.Total), Is.EqualTo((1, "n", (long?)3)));
        Assert.That(rooms.PrevBatch, Is.Null);
        Sent($"GET {V1}publicRooms?limit=5&since=s%20s&third_party_instance_id=irc", null);
        Assert.That(_client.Last.MaxBytes, Is.EqualTo(4 << 20), "less than other pages, as anybody may ask for them");
        await Api.GetPublicRoomsAsync(Them, new(null, null, "cat", [null, "m.space"], true, null), Stop);
        Sent(
            $"POST {V1}publicRooms",
            """{"filter":{"generic_search_term":"cat","room_types":[null,"m.space"]},"include_all_networks":true}""");

        _client.Answers("""
            {"room":{"room_id":"!a/b:them.example"},"children":[{"room_id":"!c"}],"inaccessible_children":["!d"]}
            """);
        _client.Answers("""{"room":{"room_id":"!other"},"children":[]}""");
        var space = (await Api.GetHierarchyAsync(Them, Room, true, Stop)).Value;
        Assert.That((space.Children.Count, space.InaccessibleChildren), Is.EqualTo((1, new[] { "!d" })));
        Sent($"GET {V1}hierarchy/{RoomPath}?suggested_only=true", null);
        Assert.That((await Api.GetHierarchyAsync(Them, Room, true, Stop)).IsOk, Is.False);
    }

    [Test]
    public async Task Keys_of_servers_from_a_notary()
    {
        _client.Answers("""{"server_keys":[{"server_name":"a"},{"server_name":"b"}]}""");

        var keys = await Api.QueryServerKeysAsync(
            Them, [new("a", "ed25519:1", 5), new("b", "ed25519:1", 6), new("a", "ed25519:2", 7)], 1000, Stop);

        Assert.That(keys.Value.Select(k => k.Text("server_name")), Is.EqualTo(new[] { "a", "b" }));
        Sent(
            "POST /_matrix/key/v2/query",
            """{"server_keys":{"a":{"ed25519:1":{"minimum_valid_until_ts":5},"ed25519:2":{"minimum_valid_until_ts":7}},"b":{"ed25519:1":{"minimum_valid_until_ts":6}}}}""",
            signed: false);
    }

    private static string Template(string membership) =>
        """{"room_version":"11","event":{"type":"m.room.member","room_id":"ROOM","sender":"USER","state_key":"USER","content":{"membership":"MEMBERSHIP"}}}"""
            .Replace("ROOM", Room, StringComparison.Ordinal)
            .Replace("USER", User, StringComparison.Ordinal)
            .Replace("MEMBERSHIP", membership, StringComparison.Ordinal);

    private ValueTask<FederationResult<EventTemplate>> Make(string membership) => membership switch
    {
        "join" => Api.MakeJoinAsync(Them, Room, User, ["1", "11"], Stop),
        "knock" => Api.MakeKnockAsync(Them, Room, User, ["1", "11"], Stop),
        _ => Api.MakeLeaveAsync(Them, Room, User, Stop),
    };

    private ValueTask<FederationResult<JoinedRoom>> Join() =>
        Api.SendJoinAsync(Them, Room, Event, Json("{}"), false, Stop);

    private ValueTask<FederationResult<JsonObject>> Invite(string version) => Api.InviteAsync(
        Them, Room, Event, version, Json("""{"type":"m.room.member"}"""), [Json("""{"type":"m.room.create"}""")], Stop);

    private static void IsMalformed<T>(FederationResult<T> result) =>
        Assert.That(result.Failure!.Kind, Is.EqualTo(FederationFailureKind.Malformed));

    private static JsonObject Json(string text) =>
        JsonText.TryParseStored(Encoding.UTF8.GetBytes(text), out var json) ? json : throw new ArgumentException(text);

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);

    private static string[] Texts(IReadOnlyList<ReadOnlyMemory<byte>> slices) => [.. slices.Select(Text)];

    private void Sent(string line, string? body, bool signed = true)
    {
        var last = _client.Last;
        var sentBody = last.Body is { } json ? Text(JsonText.Write(json)) : Text(last.CanonicalBody);
        Assert.That((last.Destination, $"{last.Method} {last.Target}"), Is.EqualTo((Them, line)));
        Assert.That(sentBody, Is.EqualTo(body ?? ""));
        Assert.That(last.IsSigned, Is.EqualTo(signed));
    }

    private sealed class ScriptedClient : IFederationClient
    {
        private readonly Queue<FederationResult<ReadOnlyMemory<byte>>> _answers = new();

        public List<FederationRequest> Requests { get; } = [];

        public FederationRequest Last => Requests[^1];

        public void Answers(string text) => _answers.Enqueue(Bytes(text));

        public void Fails(FederationFailure failure) => _answers.Enqueue(failure);

        public async ValueTask<FederationResult<JsonObject>> SendAsync(
            FederationRequest request, CancellationToken stop) =>
            (await SendForBytesAsync(request, stop)).Then<JsonObject>(bytes => Json(Text(bytes)));

        public ValueTask<FederationResult<OpenReply>> OpenAsync(FederationRequest request, CancellationToken stop) =>
            throw new NotSupportedException();

        public ValueTask<FederationResult<ReadOnlyMemory<byte>>> SendForBytesAsync(
            FederationRequest request, CancellationToken stop)
        {
            Requests.Add(request);
            return new(_answers.Dequeue());
        }
    }
}
