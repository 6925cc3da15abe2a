using System.Text.Json.Nodes;
using Matrix.Core.Facade;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>
/// Rooms that users look for, here and on other servers: the directory of published rooms, spaces, events by time, and
/// tokens for other services.
/// </summary>
public sealed class DiscoveredRoomsTests
{
    private TestServer _server = null!;
    private PeerServer _peer = null!;
    private TestUser _alice = null!;

    [OneTimeSetUp]
    public async Task SetUpAsync()
    {
        _peer = await PeerServer.StartAsync();
        _server = await TestServer.StartWithKnownKeysAsync();
        _server.Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice");
    }

    [OneTimeTearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [Test]
    public async Task Published_rooms_are_listed_in_pages_to_clients_and_servers()
    {
        var ids = new List<string>();
        for (var i = 0; i < 5; i++) ids.Add(await CreateAsync($"Listed {i}", isPublished: true));
        ids.Add(await CreateAsync("Listed space", isPublished: true, type: "m.space"));
        await CreateAsync("Listed never", isPublished: false);

        var found = new List<string>();
        string? since = null;
        string? back = null;
        do
        {
            var page = (await _alice.PostAsync("publicRooms", Search("listed", since, 2))).Is(200).Json;
            found.AddRange(RoomsOf(page));
            since = (string?)page["next_batch"];
            back = (string?)page["prev_batch"] ?? back;
        }
        while (since is not null);

        Assert.That(found, Is.EquivalentTo(ids));
        var before = (await _alice.PostAsync("publicRooms", Search("listed", back, 2))).Is(200).Json;
        Assert.That(RoomsOf(before), Is.EqualTo(found[2..4]));
        Assert.That((int?)before["total_room_count_estimate"], Is.GreaterThanOrEqualTo(6));

        var spaces = Search("listed", null, 10);
        spaces["filter"]!["room_types"] = new JsonArray("m.space");
        Assert.That(RoomsOf((await _alice.PostAsync("publicRooms", spaces)).Is(200).Json), Is.EqualTo(ids[^1..]));
        spaces["filter"]!["room_types"] = new JsonArray((JsonNode?)null);
        Assert.That(RoomsOf((await _alice.PostAsync("publicRooms", spaces)).Is(200).Json), Is.EquivalentTo(ids[..5]));

        var peers = (await _peer.Peer.SendAsync(
            _server, "POST", "/_matrix/federation/v1/publicRooms", Search("listed", null, 10)))
            .Is(200).Matches("public_rooms.yaml", "/publicRooms", "post").Json;
        Assert.That(RoomsOf(peers), Is.EquivalentTo(ids));
        (await _peer.Peer.SendAsync(_server, "GET", "/_matrix/federation/v1/publicRooms?limit=3"))
            .Is(200).Matches("public_rooms.yaml", "/publicRooms");
        (await _alice.GetAsync("publicRooms?since=nothing")).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task A_room_is_published_and_withdrawn_by_members_with_the_power()
    {
        var roomId = await CreateAsync("Withdrawn", isPublished: true);
        var bob = await _server.RegistersAsync("withdrawing-bob");
        var path = $"directory/list/room/{Uri.EscapeDataString(roomId)}";
        await bob.JoinsAsync(roomId);

        (await bob.PutAsync(path, new JsonObject { ["visibility"] = "private" })).Is(403, "M_FORBIDDEN");
        Assert.That((string?)(await bob.GetAsync(path)).Is(200).Json["visibility"], Is.EqualTo("public"));
        (await _alice.PutAsync(path, new JsonObject { ["visibility"] = "private" })).Is(200);
        Assert.That((string?)(await bob.GetAsync(path)).Is(200).Json["visibility"], Is.EqualTo("private"));
        (await _alice.PutAsync(path, new JsonObject { ["visibility"] = "secret" })).Is(400, "M_BAD_JSON");
        (await _alice.GetAsync("directory/list/room/!no:where")).Is(404, "M_NOT_FOUND");
        var listed = (await _alice.PostAsync("publicRooms", Search("Withdrawn", null, 10))).Is(200).Json;
        Assert.That(RoomsOf(listed), Is.Empty);
    }

    [Test]
    public async Task The_directory_of_another_server_is_searched()
    {
        await using var other = await AnsweringPeer.StartAsync();
        other.Answers = request => request.Path == "v1/publicRooms"
            ? (200, new JsonObject
            {
                ["chunk"] = new JsonArray(
                    new JsonObject
                    {
                        ["room_id"] = "!there:elsewhere",
                        ["name"] = "There",
                        ["num_joined_members"] = 3,
                        ["world_readable"] = true,
                        ["guest_can_join"] = false,
                    },
                    new JsonObject { ["room_id"] = 7 }),
                ["next_batch"] = "more",
            })
            : null;

        var page = (await _alice.PostAsync(
            $"publicRooms?server={Uri.EscapeDataString(other.Peer.Name)}", Search("there", null, 10))).Is(200).Json;

        Assert.That(RoomsOf(page), Is.EqualTo(new[] { "!there:elsewhere" }));
        Assert.That((string?)page["next_batch"], Is.EqualTo("more"));
        Assert.That((string?)other.Requests.Single().Body!["filter"]!["generic_search_term"], Is.EqualTo("there"));
        (await _alice.GetAsync($"publicRooms?server={Uri.EscapeDataString(other.Peer.Name)}")).Is(200);
        Assert.That(other.Requests[^1].Query, Is.EqualTo("?limit=500"));
        (await _alice.GetAsync("publicRooms?server=127.0.77.1:1")).Is(502, "M_UNKNOWN");
    }

    [Test]
    public async Task The_tree_of_a_space_is_paged_and_hides_what_the_user_may_not_see()
    {
        var root = await CreateAsync("Root", isPublished: false, type: "m.space");
        var inner = await CreateAsync("Inner", isPublished: false, type: "m.space");
        var leaf = await CreateAsync("Leaf", isPublished: false);
        var secret = await CreateAsync("Secret", isPublished: false, preset: "private_chat");
        var last = await CreateAsync("Last", isPublished: false);
        await AddChildAsync(root, inner, order: "a", isSuggested: true);
        await AddChildAsync(root, secret, order: "b");
        await AddChildAsync(root, last, order: "c");
        await AddChildAsync(inner, leaf);
        await AddChildAsync(inner, root);
        var bob = await _server.RegistersAsync("space-bob");

        Assert.That(await TreeAsync(bob, root, ""), Is.EqualTo(new[] { root, inner, leaf, last }));
        Assert.That(await TreeAsync(_alice, root, ""), Is.EqualTo(new[] { root, inner, leaf, secret, last }));
        Assert.That(await TreeAsync(bob, root, "limit=1"), Is.EqualTo(new[] { root, inner, leaf, last }));
        Assert.That(await TreeAsync(bob, root, "max_depth=1"), Is.EqualTo(new[] { root, inner, last }));
        Assert.That(await TreeAsync(bob, root, "suggested_only=true"), Is.EqualTo(new[] { root, inner }));
        (await HierarchyAsync(bob, secret, "")).Is(403, "M_FORBIDDEN");
        (await HierarchyAsync(bob, "!no:where", "")).Is(403, "M_FORBIDDEN");
        var first = (await HierarchyAsync(bob, root, "limit=1")).Is(200).Json;
        var from = (string)first["next_batch"]!;
        (await HierarchyAsync(bob, root, $"from={from}&suggested_only=true")).Is(400, "M_INVALID_PARAM");
        (await HierarchyAsync(bob, root, "from=x")).Is(400, "M_INVALID_PARAM");
        Assert.That(
            first["rooms"]![0]!["children_state"]!.AsArray().Select(child => (string)child!["state_key"]!),
            Is.EqualTo(new[] { inner, secret, last }));

        var served = (await _peer.Peer.SendAsync(
            _server, "GET", $"/_matrix/federation/v1/hierarchy/{Uri.EscapeDataString(root)}"))
            .Is(200).Matches("space_hierarchy.yaml", "/hierarchy/{roomId}").Json;
        Assert.That((string?)served["room"]!["room_id"], Is.EqualTo(root));
        Assert.That(
            served["children"]!.AsArray().Select(child => (string)child!["room_id"]!),
            Is.EqualTo(new[] { inner, last }));
        Assert.That(served["inaccessible_children"]!.ToJsonString(), Is.EqualTo($"[\"{secret}\"]"));
        (await _peer.Peer.SendAsync(
            _server, "GET", $"/_matrix/federation/v1/hierarchy/{Uri.EscapeDataString(secret)}"))
            .Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task A_server_sees_the_children_to_which_its_users_are_invited()
    {
        var root = await CreateAsync("Inviting root", isPublished: false, type: "m.space");
        var secret = await CreateAsync("Inviting", isPublished: false, preset: "private_chat");
        await AddChildAsync(root, secret);
        await using var other = await AnsweringPeer.StartAsync();
        _server.Knows(other.Peer);
        other.Answers = request => request.Path.StartsWith("v2/invite/", StringComparison.Ordinal)
            ? (200, new JsonObject
            {
                ["event"] = new PeerRoom(other.Peer, RoomRules.Recommended, secret)
                    .CoSigned(request.Body!["event"]!.AsObject()),
            })
            : null;
        var body = new JsonObject { ["user_id"] = $"@guest:{other.Peer.Name}" };
        (await _alice.PostAsync($"rooms/{Uri.EscapeDataString(secret)}/invite", body)).Is(200);

        var served = (await other.Peer.SendAsync(
            _server, "GET", $"/_matrix/federation/v1/hierarchy/{Uri.EscapeDataString(root)}")).Is(200).Json;

        Assert.That(
            served["children"]!.AsArray().Select(child => (string)child!["room_id"]!), Is.EqualTo(new[] { secret }));
    }

    [Test]
    public async Task Rooms_of_a_space_that_only_other_servers_know_are_asked_for_once()
    {
        await using var other = await AnsweringPeer.StartAsync();
        static JsonObject Room(string id, string rule, params string[] children) => new()
        {
            ["room_id"] = id,
            ["num_joined_members"] = 1,
            ["world_readable"] = false,
            ["guest_can_join"] = false,
            ["join_rule"] = rule,
            ["children_state"] = new JsonArray([.. children.Select(child => (JsonNode)new JsonObject
            {
                ["type"] = "m.space.child",
                ["state_key"] = child,
                ["sender"] = "@x:elsewhere",
                ["origin_server_ts"] = 1,
                ["content"] = new JsonObject { ["via"] = new JsonArray("elsewhere.test") },
            })]),
        };
        other.Answers = request => request.Path == "v1/hierarchy/!remote:elsewhere"
            ? (200, new JsonObject
            {
                ["room"] = Room("!remote:elsewhere", "public", "!below:elsewhere", "!closed:elsewhere"),
                ["children"] = new JsonArray(
                    Room("!below:elsewhere", "knock"), Room("!closed:elsewhere", "invite")),
                ["inaccessible_children"] = new JsonArray(),
            })
            : null;
        var root = await CreateAsync("Far", isPublished: false, type: "m.space");
        await AddChildAsync(root, "!remote:elsewhere", via: other.Peer.Name);

        var expected = new[] { root, "!remote:elsewhere", "!below:elsewhere" };
        Assert.That(await TreeAsync(_alice, root, ""), Is.EqualTo(expected));
        Assert.That(await TreeAsync(_alice, root, ""), Is.EqualTo(expected));
        Assert.That(other.Requests.Count(request => request.Path.StartsWith("v1/hierarchy", StringComparison.Ordinal)),
            Is.EqualTo(1));
    }

    [TestCase(403, 2)]
    [TestCase(404, 2)]
    [TestCase(500, 1)]
    public async Task A_refused_request_for_children_is_made_again_and_a_failed_one_only_later(int status, int requests)
    {
        await using var other = await AnsweringPeer.StartAsync();
        other.Answers = request => request.Path.StartsWith("v1/hierarchy", StringComparison.Ordinal)
            ? AnsweringPeer.Error(status, status == 500 ? "M_UNKNOWN" : "M_NOT_FOUND")
            : null;
        var root = await CreateAsync("Far", isPublished: false, type: "m.space");
        await AddChildAsync(root, "!remote:elsewhere", via: other.Peer.Name);

        Assert.That(await TreeAsync(_alice, root, ""), Is.EqualTo(new[] { root }));
        Assert.That(await TreeAsync(_alice, root, ""), Is.EqualTo(new[] { root }));

        Assert.That(
            other.Requests.Count(request => request.Path.StartsWith("v1/hierarchy", StringComparison.Ordinal)),
            Is.EqualTo(requests));
    }

    [Test]
    public async Task What_one_server_says_of_a_room_is_not_shown_where_a_space_names_another_server()
    {
        await using var first = await AnsweringPeer.StartAsync();
        await using var second = await AnsweringPeer.StartAsync();
        foreach (var (server, name) in new[] { (first, "of the first"), (second, "of the second") })
        {
            server.Answers = request => request.Path == "v1/hierarchy/!shared:elsewhere"
                ? (200, new JsonObject
                {
                    ["room"] = new JsonObject
                    {
                        ["room_id"] = "!shared:elsewhere",
                        ["name"] = name,
                        ["num_joined_members"] = 1,
                        ["world_readable"] = false,
                        ["guest_can_join"] = false,
                        ["join_rule"] = "public",
                        ["children_state"] = new JsonArray(),
                    },
                    ["children"] = new JsonArray(),
                    ["inaccessible_children"] = new JsonArray(),
                })
                : null;
        }

        var ofFirst = await CreateAsync("Names the first", isPublished: false, type: "m.space");
        var ofSecond = await CreateAsync("Names the second", isPublished: false, type: "m.space");
        await AddChildAsync(ofFirst, "!shared:elsewhere", via: first.Peer.Name);
        await AddChildAsync(ofSecond, "!shared:elsewhere", via: second.Peer.Name);

        Assert.That(await NameAsync(ofFirst), Is.EqualTo("of the first"));
        Assert.That(await NameAsync(ofSecond), Is.EqualTo("of the second"));
        Assert.That((await NameAsync(ofFirst), first.Requests.Count), Is.EqualTo(("of the first", 1)));

        async Task<string?> NameAsync(string space) =>
            (string?)(await HierarchyAsync(_alice, space, "")).Is(200).Json["rooms"]![1]!["name"];
    }

    [Test]
    public async Task A_room_of_another_server_is_summarised_by_the_servers_that_the_client_names()
    {
        await using var other = await AnsweringPeer.StartAsync();
        JsonObject Room(string id, string rule) => new()
        {
            ["room_id"] = id,
            ["name"] = "There",
            ["num_joined_members"] = 4,
            ["world_readable"] = false,
            ["guest_can_join"] = false,
            ["join_rule"] = rule,
            ["room_version"] = "11",
            ["children_state"] = new JsonArray(),
        };
        other.Answers = request => request.Path switch
        {
            "v1/hierarchy/!open:elsewhere" => Found(Room("!open:elsewhere", "knock")),
            "v1/hierarchy/!closed:elsewhere" => Found(Room("!closed:elsewhere", "invite")),
            "v1/hierarchy/!swapped:elsewhere" => Found(Room("!open:elsewhere", "public")),
            _ => null,
        };
        static (int, JsonNode) Found(JsonObject room) => (200, new JsonObject
        {
            ["room"] = room,
            ["children"] = new JsonArray(),
            ["inaccessible_children"] = new JsonArray(),
        });
        Task<Reply> SummaryAsync(string room, string parameter = "via") => _alice.GetAsync(
            $"/_matrix/client/v1/room_summary/{Uri.EscapeDataString(room)}"
                + $"?{parameter}={Uri.EscapeDataString(other.Peer.Name)}");

        var found = (await SummaryAsync("!open:elsewhere")).Is(200).Json;

        Assert.That(((string?)found["name"], (int)found["num_joined_members"]!), Is.EqualTo(("There", 4)));
        Assert.That((string?)found["membership"], Is.EqualTo("leave"));
        (await SummaryAsync("!open:elsewhere", "server_name")).Is(200);
        Assert.That(other.Requests, Has.Count.EqualTo(1), "the response is kept for a while");
        (await SummaryAsync("!closed:elsewhere")).Is(404, "M_NOT_FOUND");
        (await SummaryAsync("!swapped:elsewhere")).Is(404, "M_NOT_FOUND");
        (await SummaryAsync("!none:elsewhere")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task An_invite_to_a_room_of_a_silent_server_is_summarised_by_what_came_with_it()
    {
        await using var other = await AnsweringPeer.StartAsync();
        _server.Knows(other.Peer);
        var room = MembershipRoom.Create(other.Peer, "11");
        (await room.InvitesAsync(_server, room.Sets(_alice.UserId, "invite"))).Is(200);
        var path = $"/_matrix/client/v1/room_summary/{Uri.EscapeDataString(room.RoomId)}";

        var found = (await _alice.GetAsync(path)).Is(200).Json;

        Assert.That((string?)found["room_id"], Is.EqualTo(room.RoomId));
        Assert.That((string?)found["membership"], Is.EqualTo("invite"));
        Assert.That((string?)found["room_version"], Is.EqualTo("11"));
        var bob = await _server.RegistersAsync("uninvited-bob");
        (await bob.GetAsync(path)).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task A_room_of_another_server_that_one_is_invited_to_is_in_the_tree_of_its_space()
    {
        await using var other = await AnsweringPeer.StartAsync();
        _server.Knows(other.Peer);
        var room = MembershipRoom.Create(other.Peer, "11");
        other.Answers = request => request.Path == $"v1/hierarchy/{room.RoomId}"
            ? (200, new JsonObject
            {
                ["room"] = new JsonObject
                {
                    ["room_id"] = room.RoomId,
                    ["num_joined_members"] = 1,
                    ["world_readable"] = false,
                    ["guest_can_join"] = false,
                    ["join_rule"] = "invite",
                    ["children_state"] = new JsonArray(),
                },
                ["children"] = new JsonArray(),
                ["inaccessible_children"] = new JsonArray(),
            })
            : null;
        var root = await CreateAsync("Invited below", isPublished: false, type: "m.space");
        await AddChildAsync(root, room.RoomId, via: other.Peer.Name);
        Assert.That(await TreeAsync(_alice, root, ""), Is.EqualTo(new[] { root }));

        (await room.InvitesAsync(_server, room.Sets(_alice.UserId, "invite"))).Is(200);

        Assert.That(await TreeAsync(_alice, root, ""), Is.EqualTo(new[] { root, room.RoomId }));
        var bob = await _server.RegistersAsync("below-bob");
        Assert.That(await TreeAsync(bob, root, ""), Is.EqualTo(new[] { root }));
    }

    [Test]
    public async Task The_event_closest_to_a_time_is_found_in_both_directions()
    {
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        var room = await _peer.Peer.JoinsAsync(_server, roomId, "timely-bob");
        _peer.Rooms[roomId] = room;
        var events = new List<(string Id, long Time)>();
        for (var i = 0; i < 12; i++)
        {
            var id = await _alice.SaysAsync(roomId, $"{i}");
            var read = (await _alice.GetAsync(
                $"rooms/{Uri.EscapeDataString(roomId)}/event/{Uri.EscapeDataString(id)}")).Is(200).Json;
            events.Add((id, (long)read["origin_server_ts"]!));
            await Task.Delay(5);
        }

        foreach (var (id, time) in events)
        {
            foreach (var direction in new[] { "f", "b" })
            {
                var found = (await _alice.GetAsync(AtTime(roomId, time, direction))).Is(200).Json;
                Assert.That((string?)found["event_id"], Is.EqualTo(id), direction);
                Assert.That((long?)found["origin_server_ts"], Is.EqualTo(time));
                var served = (await _peer.Peer.SendAsync(
                    _server,
                    "GET",
                    $"/_matrix/federation/v1/timestamp_to_event/{Uri.EscapeDataString(roomId)}"
                        + $"?ts={time}&dir={direction}"))
                    .Is(200).Matches("events.yaml", "/timestamp_to_event/{roomId}").Json;
                Assert.That((string?)served["event_id"], Is.EqualTo(id));
            }
        }

        var (firstId, first) = events[0];
        Assert.That(
            (string?)(await _alice.GetAsync(AtTime(roomId, first + 1, "f"))).Is(200).Json["event_id"],
            Is.EqualTo(events[1].Id));
        Assert.That(
            (string?)(await _alice.GetAsync(AtTime(roomId, events[1].Time - 1, "b"))).Is(200).Json["event_id"],
            Is.EqualTo(firstId));
        (await _alice.GetAsync(AtTime(roomId, long.MaxValue, "f"))).Is(404, "M_NOT_FOUND");
        (await _alice.GetAsync(AtTime(roomId, 0, "b"))).Is(404, "M_NOT_FOUND");
        (await _alice.GetAsync(AtTime(roomId, 0, "x"))).Is(400, "M_INVALID_PARAM");
        var stranger = await _server.RegistersAsync("timely-stranger");
        (await stranger.GetAsync(AtTime(roomId, 0, "f"))).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task A_token_for_another_service_names_its_user_until_it_ends()
    {
        var made = (await _alice.PostAsync($"user/{_alice.UserId}/openid/request_token")).Is(200).Json;
        var token = (string)made["access_token"]!;

        async Task<Reply> Ask(string of) => await _peer.Peer.SendAsync(
            _server, "GET", $"/_matrix/federation/v1/openid/userinfo?access_token={Uri.EscapeDataString(of)}");

        Assert.That((string?)made["token_type"], Is.EqualTo("Bearer"));
        Assert.That((string?)made["matrix_server_name"], Is.EqualTo(_server.Name));
        Assert.That(
            (string?)(await Ask(token)).Is(200).Matches("openid.yaml", "/openid/userinfo").Json["sub"],
            Is.EqualTo(_alice.UserId));
        (await Ask(token[..^3])).Is(401, "M_UNKNOWN_TOKEN");
        (await Ask("A" + token)).Is(401, "M_UNKNOWN_TOKEN");
        (await Ask("made.up")).Is(401, "M_UNKNOWN_TOKEN");
        (await Ask("")).Is(401, "M_UNKNOWN_TOKEN");
        (await _peer.Peer.SendAsync(_server, "GET", "/_matrix/federation/v1/openid/userinfo"))
            .Is(401, "M_MISSING_TOKEN");
        (await _alice.PostAsync("user/@other:here/openid/request_token")).Is(403, "M_FORBIDDEN");

        await using var brief = await TestServer.StartWithKnownKeysAsync(("sessions.openid_token_lifetime", "1s"));
        var carol = await brief.RegistersAsync("carol");
        var ending = (string)(await carol.PostAsync($"user/{carol.UserId}/openid/request_token"))
            .Is(200).Json["access_token"]!;
        brief.Knows(_peer.Peer);
        await Task.Delay(1100);
        var path = $"/_matrix/federation/v1/openid/userinfo?access_token={Uri.EscapeDataString(ending)}";
        (await _peer.Peer.SendAsync(brief, "GET", path)).Is(401, "M_UNKNOWN_TOKEN");
    }

    private static string AtTime(string roomId, long time, string direction) =>
        $"/_matrix/client/v1/rooms/{Uri.EscapeDataString(roomId)}/timestamp_to_event?ts={time}&dir={direction}";

    private static Task<Reply> HierarchyAsync(TestUser user, string roomId, string query) =>
        user.GetAsync($"/_matrix/client/v1/rooms/{Uri.EscapeDataString(roomId)}/hierarchy?{query}");

    private static async Task<IReadOnlyList<string>> TreeAsync(TestUser user, string roomId, string query)
    {
        var found = new List<string>();
        string? from = null;
        do
        {
            var next = from is null ? query : $"{query}&from={from}";
            var page = (await HierarchyAsync(user, roomId, next)).Is(200).Json;
            found.AddRange(page["rooms"]!.AsArray().Select(room => (string)room!["room_id"]!));
            from = (string?)page["next_batch"];
        }
        while (from is not null);
        return found;
    }

    private async Task AddChildAsync(
        string space, string child, string? order = null, bool isSuggested = false, string? via = null)
    {
        var content = new JsonObject { ["via"] = new JsonArray(via ?? _server.Name) };
        if (order is not null) content["order"] = order;
        if (isSuggested) content["suggested"] = true;
        var path = $"rooms/{Uri.EscapeDataString(space)}/state/m.space.child/{Uri.EscapeDataString(child)}";
        (await _alice.PutAsync(path, content)).Is(200);
    }

    private async Task<string> CreateAsync(
        string name, bool isPublished, string? type = null, string preset = "public_chat")
    {
        var body = new JsonObject
        {
            ["name"] = name,
            ["preset"] = preset,
            ["visibility"] = isPublished ? "public" : "private",
        };
        if (type is not null) body["creation_content"] = new JsonObject { ["type"] = type };
        return (string)(await _alice.PostAsync("createRoom", body)).Is(200).Json["room_id"]!;
    }

    private static JsonObject Search(string term, string? since, int limit)
    {
        var body = new JsonObject
        {
            ["limit"] = limit,
            ["filter"] = new JsonObject { ["generic_search_term"] = term },
        };
        if (since is not null) body["since"] = since;
        return body;
    }

    private static string[] RoomsOf(JsonObject page) =>
        [.. page["chunk"]!.AsArray().Select(room => (string)room!["room_id"]!)];
}
