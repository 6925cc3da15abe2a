using System.Text.Json.Nodes;
using Matrix.Core.Event;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>Servers fetch events, states and history, as far as they may read them.</summary>
public sealed class ServedHistoryTests
{
    private TestServer _server = null!;
    private Peer _peer = null!;
    private Peer _stranger = null!;
    private TestUser _alice = null!;
    private string _roomId = "";
    private PeerRoom _room = null!;
    private string[] _said = [];

    [OneTimeSetUp]
    public async Task SetUpAsync()
    {
        _server = await TestServer.StartWithKnownKeysAsync();
        _peer = new Peer("127.0.251.2:1");
        _stranger = new Peer("127.0.251.3:1");
        _server.Knows(_peer).Knows(_stranger);
        _alice = await _server.RegistersAsync("alice");
        _roomId = await _alice.CreatesRoomAsync(version: "11");
        _said = [.. await Task.WhenAll(_alice.SaysAsync(_roomId, "1"))];
        for (var n = 2; n <= 30; n++) _said = [.. _said, await _alice.SaysAsync(_roomId, $"{n}")];
        _room = await _peer.JoinsAsync(_server, _roomId, "bob");
    }

    [OneTimeTearDown]
    public async Task TearDownAsync() => await _server.DisposeAsync();

    [Test]
    public async Task An_event_is_served_as_it_is_stored()
    {
        var reply = await GetAsync(_peer, $"event/{Escape(_said[4])}");

        var pdus = Known(reply.Is(200).Matches("events.yaml", "/event/{eventId}").Json["pdus"]!);
        Assert.That(pdus.Select(pdu => pdu.EventId), Is.EqualTo(new[] { _said[4] }));
    }

    [Test]
    public async Task The_state_before_an_event_comes_with_its_auth_chain()
    {
        var whole = (await GetAsync(_peer, $"state/{Escape(_roomId)}?event_id={Escape(_said[0])}"))
            .Is(200).Matches("events.yaml", "/state/{roomId}").Json;
        var ids = (await GetAsync(_peer, $"state_ids/{Escape(_roomId)}?event_id={Escape(_said[0])}"))
            .Is(200).Matches("events.yaml", "/state_ids/{roomId}").Json;

        Assert.That(Known(whole["pdus"]!).Select(pdu => pdu.EventId), Is.EquivalentTo(Texts(ids["pdu_ids"]!)));
        Assert.That(
            Known(whole["auth_chain"]!).Select(pdu => pdu.EventId), Is.EquivalentTo(Texts(ids["auth_chain_ids"]!)));
        Assert.That(Texts(ids["pdu_ids"]!), Does.Not.Contain(MemberOf(_room.User("bob"))));

        // The state before a state event does not have the event.
        var join = MemberOf(_room.User("bob"));
        var before = (await GetAsync(_peer, $"state_ids/{Escape(_roomId)}?event_id={Escape(join)}")).Is(200).Json;
        Assert.That(Texts(before["pdu_ids"]!), Is.EquivalentTo(Texts(ids["pdu_ids"]!)));
    }

    [Test]
    public async Task The_auth_chain_of_an_event_is_served()
    {
        var join = MemberOf(_room.User("bob"));
        var reply = await GetAsync(_peer, $"event_auth/{Escape(_roomId)}/{Escape(join)}");

        var served = reply.Is(200).Matches("event_auth.yaml", "/event_auth/{roomId}/{eventId}").Json;
        var chain = Known(served["auth_chain"]!);
        Assert.That(chain.Select(pdu => pdu.Type), Is.SupersetOf(new[] { "m.room.create", "m.room.power_levels" }));
        Assert.That(chain.SelectMany(pdu => pdu.AuthEvents).Distinct(), Is.SubsetOf(chain.Select(pdu => pdu.EventId)));
    }

    [Test]
    public async Task History_is_walked_back_from_an_event()
    {
        var reply = await GetAsync(_peer, $"backfill/{Escape(_roomId)}?v={Escape(_said[20])}&limit=10");

        var pdus = Known(reply.Is(200).Matches("backfill.yaml", "/backfill/{roomId}").Json["pdus"]!);
        Assert.That(pdus.Select(pdu => pdu.EventId), Is.EqualTo(_said[11..21].Reverse()));
    }

    [Test]
    public async Task Of_branches_the_deepest_events_come_first()
    {
        var room = await _peer.JoinsAsync(_server, await _alice.CreatesRoomAsync(version: "11"), "bob");
        var fork = room.Latest;
        var shallow = room.Says("bob", "a short branch");
        room.Latest = fork;
        var deep = Enumerable.Range(0, 10).Select(n => room.Says("bob", $"{n}")).ToArray();
        room.Latest = [shallow, deep[^1]];
        var merged = room.Says("bob", "merged");
        (await room.SendAsync(_server, "branches", [shallow, .. deep, merged])).Is(200);

        var reply = await GetAsync(_peer, $"backfill/{Escape(room.RoomId)}?v={Escape(merged.EventId)}&limit=6");

        Assert.That(
            reply.Is(200).Json["pdus"]!.AsArray().Select(pdu => room.Knows(pdu!.AsObject()).EventId),
            Is.EqualTo(deep[5..].Reverse().Prepend(merged).Select(pdu => pdu.EventId)));
    }

    [Test]
    public async Task Missing_events_are_served_between_two()
    {
        var body = new JsonObject
        {
            ["earliest_events"] = new JsonArray(_said[4]),
            ["latest_events"] = new JsonArray(_said[10]),
            ["limit"] = 20,
        };
        var reply = await _peer.SendAsync(
            _server, "POST", $"/_matrix/federation/v1/get_missing_events/{Escape(_roomId)}", body);

        var served = reply.Is(200).Matches("backfill.yaml", "/get_missing_events/{roomId}", "post").Json;
        var events = Known(served["events"]!);
        Assert.That(events.Select(pdu => pdu.EventId), Is.EqualTo(_said[5..10]));
    }

    [TestCase("state/ROOM?event_id=EVENT", 403, "M_FORBIDDEN")]
    [TestCase("state_ids/ROOM?event_id=EVENT", 403, "M_FORBIDDEN")]
    [TestCase("event_auth/ROOM/EVENT", 403, "M_FORBIDDEN")]
    [TestCase("backfill/ROOM?v=EVENT&limit=10", 403, "M_FORBIDDEN")]
    [TestCase("event/EVENT", 404, "M_NOT_FOUND")]
    public async Task A_server_that_is_not_in_the_room_gets_nothing(string path, int status, string code)
    {
        var target = path.Replace("ROOM", Escape(_roomId)).Replace("EVENT", Escape(_said[0]));

        (await GetAsync(_stranger, target)).Is(status, code);
    }

    [TestCase("state/ROOM?event_id=$x")]
    [TestCase("state_ids/ROOM?event_id=$x")]
    [TestCase("event_auth/ROOM/$acR1l0raoZnm60CBwAVgqbZqoO_mYU81xysh1u7XcJk")]
    [TestCase("backfill/ROOM?v=$x&limit=10")]
    [TestCase("timestamp_to_event/ROOM?ts=1&dir=f")]
    public async Task A_stranger_does_not_learn_which_rooms_are_known(string path)
    {
        var (denying, _) = await DeniedRoomAsync();
        Reply[] replies =
        [
            await GetAsync(_stranger, path.Replace("ROOM", Escape(_roomId))),
            await GetAsync(_peer, path.Replace("ROOM", Escape(denying))),
            await GetAsync(_stranger, path.Replace("ROOM", "!no:where")),
        ];

        foreach (var reply in replies) reply.Is(403, "M_FORBIDDEN");
        Assert.That(replies.Select(reply => reply.Json.ToJsonString()).Distinct().Count(), Is.EqualTo(1));
    }

    [TestCase("state_ids/ROOM?event_id=$unknown", 404, "M_NOT_FOUND")]
    [TestCase("event_auth/ROOM/$acR1l0raoZnm60CBwAVgqbZqoO_mYU81xysh1u7XcJk", 404, "M_NOT_FOUND")]
    [TestCase("state/ROOM", 400, "M_MISSING_PARAM")]
    [TestCase("backfill/ROOM?v=$x", 400, "M_MISSING_PARAM")]
    [TestCase("backfill/ROOM?limit=3", 400, "M_MISSING_PARAM")]
    public async Task What_is_unknown_or_malformed_is_refused(string path, int status, string code) =>
        (await GetAsync(_peer, path.Replace("ROOM", Escape(_roomId)))).Is(status, code);

    [Test]
    public async Task Messages_that_a_server_may_not_see_are_served_in_redacted_form()
    {
        var roomId = await _alice.CreatesRoomAsync(version: "10");
        await _alice.SetsAsync(roomId, "m.room.history_visibility", new() { ["history_visibility"] = "joined" });
        var secret = await _alice.SaysAsync(roomId, "a secret");
        _ = await _peer.JoinsAsync(_server, roomId, "bob");
        var open = await _alice.SaysAsync(roomId, "to all");

        var pdus = (await GetAsync(_peer, $"backfill/{Escape(roomId)}?v={Escape(open)}&limit=5")).Is(200).Json["pdus"]!
            .AsArray();

        Assert.That((string?)pdus[0]!["content"]!["body"], Is.EqualTo("to all"));
        Assert.That((string?)pdus[2]!["type"], Is.EqualTo("m.room.message"));
        Assert.That(pdus[2]!["content"]!.AsObject(), Is.Empty);
        var one = (await GetAsync(_peer, $"event/{Escape(secret)}")).Is(200).Json["pdus"]![0]!;
        Assert.That(one["content"]!.AsObject(), Is.Empty);
    }

    [Test]
    public async Task Messages_of_an_erased_user_are_redacted_for_servers_that_join_later()
    {
        var eve = await _server.RegistersAsync("eve");
        var roomId = await eve.CreatesRoomAsync(version: "11");
        await _alice.JoinsAsync(roomId);
        var early = await _peer.JoinsAsync(_server, roomId, "bob");
        var said = await eve.SaysAsync(roomId, "what eve said");
        var later = new Peer("127.0.251.4:1");
        _server.Knows(later);
        (await eve.PostAsync("account/deactivate", new JsonObject
        {
            ["erase"] = true,
            ["auth"] = new JsonObject
            {
                ["type"] = "m.login.password",
                ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = eve.UserId },
                ["password"] = "eve-password",
            },
        })).Is(200);
        _ = await later.JoinsAsync(_server, roomId, "carl");
        var backdated = new Peer("127.0.251.5:1");
        _server.Knows(backdated);
        var (room, _) = await PeerRoom.PrepareAsync(_server, backdated, roomId, "dave");
        var template = (await PeerRoom.MakeJoinAsync(_server, backdated, roomId, "dave")).Is(200).Json["event"]!;
        (await room.SendJoinAsync(_server, room.Completes(template.AsObject(), TimeSpan.FromDays(1)))).Is(200);

        foreach (var (server, body) in new[] { (_peer, "what eve said"), (later, null), (backdated, null) })
        {
            var one = (await GetAsync(server, $"event/{Escape(said)}")).Is(200).Json["pdus"]![0]!;
            Assert.That((string?)one["content"]!["body"], Is.EqualTo(body), server.Name);
            var page = (await GetAsync(server, $"backfill/{Escape(roomId)}?v={Escape(said)}&limit=1")).Is(200);
            Assert.That((string?)page.Json["pdus"]![0]!["content"]!["body"], Is.EqualTo(body), server.Name);
        }

        Assert.That(early.RoomId, Is.EqualTo(roomId));
    }

    [TestCase("state/ROOM?event_id=EVENT")]
    [TestCase("state_ids/ROOM?event_id=EVENT")]
    [TestCase("event_auth/ROOM/EVENT")]
    [TestCase("backfill/ROOM?v=EVENT&limit=10")]
    [TestCase("make_join/ROOM/USER?ver=11")]
    public async Task A_server_that_the_list_denies_is_refused(string path)
    {
        var (roomId, said) = await DeniedRoomAsync();
        var target = path.Replace("ROOM", Escape(roomId)).Replace("EVENT", Escape(said))
            .Replace("USER", Escape(_room.User("carl")));

        (await GetAsync(_peer, target)).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task Events_of_a_server_that_the_list_denies_are_refused_one_by_one()
    {
        var (roomId, _) = await DeniedRoomAsync();
        var denied = new PeerRoom(_peer, "11", roomId).Says("bob", "hello");
        var allowed = _room.Says("bob", "hello");

        var reply = (await _room.SendAsync(_server, "denied", denied, allowed)).Is(200).Json["pdus"]!;
        Assert.That((string?)reply[denied.EventId]!["error"], Does.Contain("access control list"));
        Assert.That(reply[allowed.EventId]!.AsObject(), Is.Empty);
    }

    private async Task<(string RoomId, string EventId)> DeniedRoomAsync()
    {
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        var said = await _alice.SaysAsync(roomId, "hello");
        await _alice.SetsAsync(
            roomId,
            "m.room.server_acl",
            new() { ["allow"] = new JsonArray("*"), ["deny"] = new JsonArray("127.0.251.2") });
        return (roomId, said);
    }

    private string MemberOf(string userId) => _room.State[("m.room.member", userId)].EventId;

    private Task<Reply> GetAsync(Peer peer, string path) =>
        peer.SendAsync(_server, "GET", "/_matrix/federation/v1/" + path);

    private Pdu[] Known(JsonNode list) => [.. list.AsArray().Select(json => _room.Knows(json!.AsObject()))];

    private static string[] Texts(JsonNode list) => [.. list.AsArray().Select(text => (string)text!)];

    private static string Escape(string text) => PeerRoom.Escape(text);
}
