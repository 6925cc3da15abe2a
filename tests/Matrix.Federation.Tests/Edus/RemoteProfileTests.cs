using System.Text.Json.Nodes;

namespace Matrix.Federation.Tests.Edus;

/// <summary>
/// Profiles of another server's users, which that server is asked for. Client-Server API, "Profiles".
/// </summary>
public sealed class RemoteProfileTests
{
    private TestServer _server = null!;
    private AnsweringPeer _peer = null!;
    private TestUser _alice = null!;

    private string Bob => "@bob:" + _peer.Peer.Name;

    private int Asked => _peer.Requests.Count(each => each.Path == "v1/query/profile");

    [SetUp]
    public Task SetUpAsync() => StartAsync();

    [TearDown]
    public async Task TearDownAsync()
    {
        await _peer.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Test]
    public async Task A_users_server_is_asked_once_for_all_fields_and_devices()
    {
        Answers(200, new JsonObject
        {
            ["displayname"] = "Bob",
            ["avatar_url"] = $"mxc://{_peer.Peer.Name}/face",
            ["org.example.job"] = new JsonObject { ["a"] = 1 },
        });

        var both = await Task.WhenAll(ProfileAsync(), ProfileAsync());

        foreach (var reply in both)
        {
            Assert.That(
                reply.Is(200).Json.Select(field => field.Key),
                Is.EquivalentTo(new[] { "displayname", "avatar_url", "org.example.job" }));
        }

        Assert.That((string?)(await ProfileAsync("/displayname")).Is(200).Json["displayname"], Is.EqualTo("Bob"));
        (await ProfileAsync("/m.tz")).Is(404, "M_NOT_FOUND");
        Assert.That(
            (Asked, _peer.Requests[0].Query), Is.EqualTo((1, "?user_id=" + Uri.EscapeDataString(Bob))));
    }

    [Test]
    public async Task A_kept_profile_is_asked_for_again_after_its_time()
    {
        await RestartAsync(("profiles.remote_kept", "300ms"));
        Answers(200, new JsonObject { ["displayname"] = "Bob" });
        (await ProfileAsync()).Is(200);
        Answers(200, new JsonObject { ["displayname"] = "Robert" });
        await Until.HoldsAsync(async () => (string?)(await ProfileAsync()).Json["displayname"] == "Robert");
    }

    [TestCase(404, "M_NOT_FOUND", 404, "M_NOT_FOUND")]
    [TestCase(403, "M_FORBIDDEN", 403, "M_FORBIDDEN")]
    [TestCase(500, "M_UNKNOWN", 502, "M_UNKNOWN")]
    public async Task A_refusal_is_passed_on_and_kept(int status, string code, int expected, string expectedCode)
    {
        Answers(status, new JsonObject { ["errcode"] = code, ["error"] = "No." });
        (await ProfileAsync()).Is(expected, expectedCode);
        (await ProfileAsync("/displayname")).Is(expected, expectedCode);
        Assert.That(Asked, Is.EqualTo(1));
    }

    [Test]
    public async Task What_this_server_would_not_take_of_its_own_users_is_left_out()
    {
        Answers(200, new JsonObject
        {
            ["displayname"] = 5,
            ["avatar_url"] = "https://track.example/pixel",
            ["No name"] = "x",
            ["m.tz"] = "Europe/London",
        });
        Assert.That((await ProfileAsync()).Is(200).Json.Select(field => field.Key), Is.EqualTo(new[] { "m.tz" }));
        Answers(200, new JsonObject { ["org.example.long"] = new string('x', 70_000) });
        (await ProfileAsync(of: "@large:" + _peer.Peer.Name)).Is(502, "M_UNKNOWN");
    }

    [Test]
    public async Task A_silent_server_does_not_hold_a_request_long_and_no_server_is_asked_for_strangers_and_servers()
    {
        await RestartAsync(("profiles.remote_time", "300ms"));
        var hold = new TaskCompletionSource();
        _peer.BeforeAnswer = _ => hold.Task;
        (await ProfileAsync()).Is(502, "M_UNKNOWN");
        hold.SetResult();

        using var stranger = new HttpClient { BaseAddress = _server.ClientAddress };
        using var reply = await stranger.GetAsync($"/_matrix/client/v3/profile/@carol:{_peer.Peer.Name}");
        Assert.That((int)reply.StatusCode, Is.EqualTo(404));
        (await _peer.Peer.SendAsync(
            _server, "GET", $"/_matrix/federation/v1/query/profile?user_id=@carol:{_peer.Peer.Name}"))
            .Is(400, "M_INVALID_PARAM");
        Assert.That(Asked, Is.EqualTo(1));
    }

    [Test]
    public async Task Where_only_shared_rooms_count_a_member_of_an_open_room_is_asked_for_too(
        [Values("private", "public", "world_readable")] string kind)
    {
        await RestartAsync(("profiles.shown_to", "shared_rooms"));
        Answers(200, new JsonObject { ["displayname"] = "Bob" });
        (await ProfileAsync()).Is(403, "M_FORBIDDEN");
        Assert.That(Asked, Is.Zero);
        var room = await _alice.CreatesRoomAsync(version: "11");
        _ = await _peer.Peer.JoinsAsync(_server, room, "bob");
        if (kind != "public")
        {
            await _alice.SetsAsync(room, "m.room.join_rules", new() { ["join_rule"] = "invite" });
        }

        if (kind == "world_readable")
        {
            await _alice.SetsAsync(
                room, "m.room.history_visibility", new() { ["history_visibility"] = "world_readable" });
        }

        (await ProfileAsync()).Is(200);
        var carol = await _server.RegistersAsync("carol");
        var expected = kind == "private" ? 403 : 200;
        Assert.That((await carol.GetAsync($"profile/{Bob}")).Status, Is.EqualTo(expected));
        Assert.That((await carol.GetAsync($"profile/{_alice.UserId}")).Status, Is.EqualTo(expected));
    }

    [Test]
    public async Task An_invite_shows_the_profile_of_the_invited_user([Values] bool isNewRoom, [Values] bool hasProfile)
    {
        JsonObject? invite = null;
        _peer.Answers = request =>
        {
            if (request.Path == "v1/query/profile")
            {
                return hasProfile
                    ? (200, new JsonObject
                    {
                        ["displayname"] = "Bob",
                        ["avatar_url"] = $"mxc://{_peer.Peer.Name}/face",
                    })
                    : AnsweringPeer.Error(404, "M_NOT_FOUND");
            }

            if (!request.Path.StartsWith("v2/invite/")) return null;
            invite = request.Body!["event"]!.AsObject();
            var room = new PeerRoom(_peer.Peer, "11", (string)invite["room_id"]!);
            return (200, new JsonObject { ["event"] = room.CoSigned(invite) });
        };

        if (isNewRoom)
        {
            (await _alice.PostAsync("createRoom", new JsonObject
            {
                ["room_version"] = "11",
                ["invite"] = new JsonArray(Bob),
            })).Is(200);
        }
        else
        {
            var room = await _alice.CreatesRoomAsync(version: "11");
            await _alice.InvitesAsync(room, Bob);
        }

        await Until.HoldsAsync(() => invite is not null);
        var content = invite!["content"]!;
        Assert.That(
            ((string?)content["displayname"], (string?)content["avatar_url"]),
            Is.EqualTo(hasProfile ? ("Bob", $"mxc://{_peer.Peer.Name}/face") : default((string?, string?))));
    }

    private void Answers(int status, JsonObject json) => _peer.Answers = request =>
        request.Path == "v1/query/profile" ? (status, json.DeepClone()) : null;

    private Task<Reply> ProfileAsync(string field = "", string? of = null) =>
        _alice.GetAsync($"profile/{of ?? Bob}{field}");

    private async Task RestartAsync(params (string, string)[] settings)
    {
        await TearDownAsync();
        await StartAsync(settings);
    }

    private async Task StartAsync(params (string, string)[] settings)
    {
        _server = await TestServer.StartWithKnownKeysAsync(
        [
            ("federation.custom_ca", TestCa.Shared.RootFile),
            ("federation.allow_networks", "127.0.0.0/8"),
            .. settings,
        ]);
        _peer = await AnsweringPeer.StartAsync();
        _server.Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice");
    }
}
