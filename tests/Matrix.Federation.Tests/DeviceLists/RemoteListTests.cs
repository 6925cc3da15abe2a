using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.DeviceLists;

/// <summary>Device lists of a peer's users: fetched once, then followed by their updates.</summary>
public sealed class RemoteListTests
{
    private AnsweringPeer _peer = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private PeerLists _bob = null!;
    private PeerRoom _room = null!;

    [SetUp]
    public async Task SetUpAsync()
    {
        _peer = await AnsweringPeer.StartAsync();
        _server = (await TestServer.StartWithKnownKeysAsync(
            ("federation.device_list_first_pause", "100ms"),
            ("federation.devices_of_user", "10"),
            ("federation.device_list_sweep", "300ms"))).Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice");
        _bob = new PeerLists(_peer, "bob");
        _peer.Answers = _bob.Answer;
        _bob.Change("PHONE", "one");
        _room = await _peer.Peer.JoinsAsync(_server, await _alice.CreatesEncryptedRoomAsync(), "bob");
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [Test]
    public async Task The_server_is_asked_once_and_then_the_cache()
    {
        var found = (await _alice.QueriesKeysAsync(_bob.UserId)).Is(200).Json;

        var phone = found["device_keys"]![_bob.UserId]!["PHONE"]!;
        Assert.That((string?)phone["keys"]!["ed25519:PHONE"], Is.EqualTo("one"));
        Assert.That(found["failures"]!.AsObject(), Is.Empty);

        await IsCachedAsync();
        var asked = _bob.QueryRequests;
        var cached = (await _alice.QueriesKeysAsync(_bob.UserId)).Is(200).Json;
        Assert.That(
            (string?)cached["device_keys"]![_bob.UserId]!["PHONE"]!["unsigned"]!["device_display_name"],
            Is.EqualTo("one"));
        Assert.That((asked, _bob.QueryRequests, _bob.ListRequests), Is.EqualTo((1, 1, 1)));
    }

    [Test]
    public async Task Lists_of_users_without_an_encrypted_room_are_not_cached()
    {
        var carol = new PeerLists(_peer, "carol");
        carol.Change("PHONE", "one");
        _peer.Answers = carol.Answer;
        await _peer.Peer.JoinsAsync(_server, await _alice.CreatesRoomAsync(version: "11"), "carol");

        Assert.That(await _alice.DevicesOfAsync(carol.UserId), Is.EqualTo(new[] { "PHONE" }));
        Assert.That(await _alice.DevicesOfAsync(carol.UserId), Is.EqualTo(new[] { "PHONE" }));
        await Task.Delay(300);
        Assert.That((carol.QueryRequests, carol.ListRequests), Is.EqualTo((2, 0)));
    }

    [Test]
    public async Task A_chain_of_updates_is_applied_without_a_request_and_announced_once()
    {
        await FollowsAsync();
        var since = await _alice.SyncTokenAsync();
        var update = _bob.Change("LAPTOP", "two");

        (await _bob.SendAsync(_server, update)).Is(200);
        since = await _alice.SeesChangeOfAsync(_bob.UserId, since);
        (await _bob.SendAsync(_server, update.DeepClone().AsObject())).Is(200);
        (await _bob.SendAsync(_server, _bob.Delete("PHONE"), _bob.Change("TABLET", "three"))).Is(200);

        Assert.That(await _alice.DevicesOfAsync(_bob.UserId), Is.EquivalentTo(new[] { "LAPTOP", "TABLET" }));
        Assert.That((_bob.QueryRequests, _bob.ListRequests), Is.EqualTo((1, 1)));
        since = await _alice.SeesChangeOfAsync(_bob.UserId, since);
        Assert.That(await _alice.ChangedSinceAsync(since), Is.Empty);
    }

    [Test]
    public async Task An_update_that_comes_twice_is_announced_once()
    {
        await FollowsAsync();
        var update = _bob.Change("LAPTOP", "two");
        (await _bob.SendAsync(_server, update)).Is(200);
        var since = await _alice.SyncTokenAsync();

        (await _bob.SendAsync(_server, update.DeepClone().AsObject())).Is(200);

        Assert.That(await _alice.ChangedSinceAsync(since), Is.Empty);
        Assert.That(_bob.ListRequests, Is.EqualTo(1));
    }

    [Test]
    public async Task A_lost_update_leads_to_a_fetch_with_the_next_one()
    {
        await FollowsAsync();
        var since = await _alice.SyncTokenAsync();
        _bob.Change("LAPTOP", "lost");

        (await _bob.SendAsync(_server, _bob.Change("TABLET", "three"))).Is(200);
        since = await _alice.SeesChangeOfAsync(_bob.UserId, since);

        Assert.That(await _alice.DevicesOfAsync(_bob.UserId), Is.EquivalentTo(new[] { "PHONE", "LAPTOP", "TABLET" }));
        Assert.That(_bob.ListRequests, Is.EqualTo(2));
        Assert.That(_bob.QueryRequests, Is.EqualTo(1), "the fetched list is current");
        Assert.That(await _alice.ChangedSinceAsync(since), Is.Empty);
    }

    [Test]
    public async Task A_fetch_that_fails_is_repeated_until_it_succeeds()
    {
        await FollowsAsync();
        var since = await _alice.SyncTokenAsync();
        _bob.Refusal = AnsweringPeer.Error(500, "M_UNKNOWN");
        _bob.Change("LAPTOP", "lost");
        (await _bob.SendAsync(_server, _bob.Change("TABLET", "three"))).Is(200);
        await Until.HoldsAsync(() => _bob.ListRequests >= 3);

        var failed = (await _alice.QueriesKeysAsync(_bob.UserId)).Is(200).Json;
        Assert.That(failed["device_keys"]!.AsObject(), Is.Empty, "a stale list is not returned");
        Assert.That(failed["failures"]!.AsObject().Select(each => each.Key), Is.EqualTo(new[] { _peer.Peer.Name }));

        _bob.Refusal = null;
        await _alice.SeesChangeOfAsync(_bob.UserId, since);
        Assert.That(await _alice.DevicesOfAsync(_bob.UserId), Is.EquivalentTo(new[] { "PHONE", "LAPTOP", "TABLET" }));
    }

    [Test]
    public async Task A_server_without_such_a_list_ends_the_cache()
    {
        await FollowsAsync();
        var since = await _alice.SyncTokenAsync();
        _bob.Refusal = AnsweringPeer.Error(404, "M_NOT_FOUND");
        _bob.Change("LAPTOP", "lost");

        (await _bob.SendAsync(_server, _bob.Change("TABLET", "three"))).Is(200);
        await _alice.SeesChangeOfAsync(_bob.UserId, since);

        Assert.That(await ListsAsync(), Is.Zero);
        _bob.Refusal = null;
        Assert.That(await _alice.DevicesOfAsync(_bob.UserId), Has.Count.EqualTo(3));
    }

    [Test]
    public async Task A_list_of_too_many_devices_is_not_kept()
    {
        for (var i = 0; i < 10; i++) _bob.Change("DEVICE" + i, "one");

        Assert.That(await _alice.DevicesOfAsync(_bob.UserId), Has.Count.EqualTo(10), "of eleven");
        await Until.HoldsAsync(async () => _bob.ListRequests > 0 && await ListsAsync() == 0);
    }

    [Test]
    public async Task An_update_that_comes_while_the_list_is_fetched_is_kept()
    {
        await FollowsAsync();
        var hold = new TaskCompletionSource();
        _peer.BeforeAnswer = request => request.Path.StartsWith("v1/user/devices", StringComparison.Ordinal)
            ? hold.Task
            : Task.CompletedTask;
        _bob.Change("LAPTOP", "lost");
        (await _bob.SendAsync(_server, _bob.Change("TABLET", "three"))).Is(200);
        await Until.HoldsAsync(() => _bob.ListRequests == 2);

        // The response is what the list was before this update.
        var answer = _bob.Answer(new PeerRequest("GET", $"v1/user/devices/{_bob.UserId}", null));
        _peer.Answers = request => request.Path.StartsWith("v1/user/devices", StringComparison.Ordinal)
            ? answer
            : _bob.Answer(request);
        (await _bob.SendAsync(_server, _bob.Change("WATCH", "four"))).Is(200);
        hold.SetResult();

        await Until.HoldsAsync(async () => (await _alice.DevicesOfAsync(_bob.UserId)).Count == 4);
        Assert.That(_bob.ListRequests, Is.EqualTo(2));
    }

    [Test]
    public async Task A_new_master_key_is_seen_and_a_user_signing_key_never()
    {
        await FollowsAsync();
        var before = await _alice.SyncTokenAsync();

        (await _bob.SendAsync(_server, _bob.ChangeMasterKey())).Is(200);
        var after = await _alice.SeesChangeOfAsync(_bob.UserId, before);

        var found = (await _alice.QueriesKeysAsync(_bob.UserId)).Is(200).Json;
        Assert.That(
            found["master_keys"]![_bob.UserId]!["keys"]!.ToJsonString(),
            Is.EqualTo(_bob.MasterKey!["keys"]!.ToJsonString()));
        Assert.That(found.ToJsonString(), Does.Not.Contain("\"user_signing\""));
        Assert.That(_bob.QueryRequests, Is.EqualTo(1));
        Assert.That(await ChangesAsync(before, after), Is.EqualTo(new[] { _bob.UserId }));
        Assert.That(await ChangesAsync(after, await _alice.SyncTokenAsync()), Is.Empty);
    }

    [Test]
    public async Task A_signature_on_a_remote_master_key_is_seen_by_its_uploader_only()
    {
        _bob.ChangeMasterKey();
        await FollowsAsync();
        var carol = await _server.RegistersAsync("carol");
        var identity = await _alice.CrossSignsAsync();

        var keyId = await _alice.SignsMasterKeyAsync(_bob.UserId, _bob.MasterKey!, identity.UserSigning);

        var alices = (await _alice.QueriesKeysAsync(_bob.UserId)).Is(200).Json["master_keys"]![_bob.UserId]!;
        var carols = (await carol.QueriesKeysAsync(_bob.UserId)).Is(200).Json["master_keys"]![_bob.UserId]!;
        Assert.That(alices["signatures"]![_alice.UserId]![keyId], Is.Not.Null);
        Assert.That(carols["signatures"]?[_alice.UserId], Is.Null);
    }

    [Test]
    public async Task Updates_of_other_servers_users_are_ignored()
    {
        await FollowsAsync();
        await using var other = await AnsweringPeer.StartAsync();
        _server.Knows(other.Peer);
        var mallory = new PeerLists(other, "mallory");
        var since = await _alice.SyncTokenAsync();
        var update = _bob.Change("EVIL", "evil");
        var own = _bob.Change("EVIL", "evil");
        own["content"]!["user_id"] = _alice.UserId;
        own["content"]!["keys"]!["user_id"] = _alice.UserId;

        (await mallory.SendAsync(_server, update)).Is(200);
        (await mallory.SendAsync(_server, mallory.Change("EVIL", "evil"))).Is(200);
        (await _bob.SendAsync(_server, own)).Is(200);

        Assert.That(await _alice.ChangedSinceAsync(since), Is.Empty);
        Assert.That(await _alice.DevicesOfAsync(_bob.UserId), Is.EqualTo(new[] { "PHONE" }));
    }

    [Test]
    public async Task Keys_of_users_of_other_servers_in_a_response_are_ignored()
    {
        _peer.Answers = request =>
        {
            if (request.Path != "v1/user/keys/query") return _bob.Answer(request);
            var keys = _bob.Keys();
            var devices = keys["device_keys"]!;
            devices[_alice.UserId] = new JsonObject { ["EVIL"] = PeerLists.DeviceKeys(_alice.UserId, "EVIL", "evil") };
            devices["@eve:" + _peer.Peer.Name] = new JsonObject();
            devices[_bob.UserId]!["OTHER"] = PeerLists.DeviceKeys(_bob.UserId, "PHONE", "evil");
            devices[_bob.UserId]!["FOREIGN"] = PeerLists.DeviceKeys(_alice.UserId, "FOREIGN", "evil");
            return (200, keys);
        };

        var found = (await _alice.QueriesKeysAsync(_bob.UserId)).Is(200).Json;

        Assert.That(found["device_keys"]!.AsObject().Select(user => user.Key), Is.EqualTo(new[] { _bob.UserId }));
        Assert.That(
            found["device_keys"]![_bob.UserId]!.AsObject().Select(device => device.Key), Is.EqualTo(new[] { "PHONE" }));
    }

    [Test]
    public async Task A_new_profile_of_either_user_does_not_make_a_list_stale()
    {
        await FollowsAsync();
        var renamed = _room.Makes(
            "bob",
            "m.room.member",
            _bob.UserId,
            new JsonObject { ["membership"] = "join", ["displayname"] = "Robert" });
        (await _room.SendAsync(_server, "profile", renamed)).Is(200);
        (await _alice.PutAsync(
            $"profile/{Uri.EscapeDataString(_alice.UserId)}/displayname",
            new JsonObject { ["displayname"] = "Alicia" })).Is(200);
        await Until.HoldsAsync(async () => (await _alice.TimelineAsync(_room.RoomId)).Any(
            each => (string?)each["content"]!["displayname"] == "Alicia"));

        Assert.That(await _alice.DevicesOfAsync(_bob.UserId), Is.EqualTo(new[] { "PHONE" }));
        (await _bob.SendAsync(_server, _bob.Change("LAPTOP", "two"))).Is(200);
        Assert.That(await _alice.DevicesOfAsync(_bob.UserId), Is.EquivalentTo(new[] { "PHONE", "LAPTOP" }));
        Assert.That((_bob.QueryRequests, _bob.ListRequests), Is.EqualTo((1, 1)));
    }

    [Test]
    public async Task A_user_who_came_back_is_fetched_anew()
    {
        await FollowsAsync();
        var leave = _room.Makes("bob", "m.room.member", _bob.UserId, new JsonObject { ["membership"] = "leave" });
        (await _room.SendAsync(_server, "leave", leave)).Is(200);
        (await _bob.SendAsync(_server, _bob.Change("LAPTOP", "unseen"))).Is(200);
        await _peer.Peer.JoinsAsync(_server, _room.RoomId, "bob");

        Assert.That(await _alice.DevicesOfAsync(_bob.UserId), Is.EquivalentTo(new[] { "PHONE", "LAPTOP" }));
    }

    [Test]
    public async Task A_client_that_did_not_see_a_user_go_is_told_when_they_are_back()
    {
        await FollowsAsync();
        var since = await _alice.SyncTokenAsync();
        var leave = _room.Makes("bob", "m.room.member", _bob.UserId, new JsonObject { ["membership"] = "leave" });
        (await _room.SendAsync(_server, "leave", leave)).Is(200);
        (await _bob.SendAsync(_server, _bob.Change("LAPTOP", "unseen"))).Is(200);
        await _peer.Peer.JoinsAsync(_server, _room.RoomId, "bob");

        Assert.That(await _alice.ChangedSinceAsync(since), Is.EqualTo(new[] { _bob.UserId }));
    }

    [Test]
    public async Task The_list_of_a_user_who_shares_no_room_is_deleted()
    {
        await FollowsAsync();
        var since = await _alice.SyncTokenAsync();
        var leave = _room.Makes("bob", "m.room.member", _bob.UserId, new JsonObject { ["membership"] = "leave" });
        (await _room.SendAsync(_server, "leave", leave)).Is(200);

        await Until.HoldsAsync(async () => await ListsAsync() == 0);
        (await _bob.SendAsync(_server, _bob.Change("LAPTOP", "unseen"))).Is(200);
        Assert.That(await _alice.ChangedSinceAsync(since), Is.Empty);
        Assert.That(_bob.ListRequests, Is.EqualTo(1));
    }

    [Test]
    public async Task One_time_keys_are_claimed_at_the_server()
    {
        _peer.Answers = request => request.Path == "v1/user/keys/claim"
            ? (200, new JsonObject
            {
                ["one_time_keys"] = new JsonObject
                {
                    [_bob.UserId] = new JsonObject
                    {
                        ["PHONE"] = new JsonObject
                        {
                            ["other_algorithm:A"] = "not wanted",
                            ["signed_curve25519:A"] = new JsonObject { ["key"] = "A" },
                        },
                        ["LAPTOP"] = new JsonObject { ["signed_curve25519:B"] = "not wanted" },
                    },
                    [_alice.UserId] = new JsonObject { ["EVIL"] = new JsonObject { ["signed_curve25519:C"] = "evil" } },
                },
            })
            : _bob.Answer(request);

        var claimed = (await _alice.PostAsync("keys/claim", new JsonObject
        {
            ["one_time_keys"] = new JsonObject
            {
                [_bob.UserId] = new JsonObject { ["PHONE"] = "signed_curve25519" },
            },
        })).Is(200).Json;

        Assert.That(
            claimed["one_time_keys"]![_bob.UserId]!.ToJsonString(),
            Is.EqualTo("""{"PHONE":{"signed_curve25519:A":{"key":"A"}}}"""));
        Assert.That(claimed["one_time_keys"]!.AsObject(), Has.Count.EqualTo(1));
        Assert.That(claimed["failures"]!.AsObject(), Is.Empty);
    }

    [Test]
    public async Task A_server_that_does_not_respond_in_time_is_a_failure()
    {
        var hold = new TaskCompletionSource();
        _peer.BeforeAnswer = _ => hold.Task;
        var body = new JsonObject
        {
            ["timeout"] = 200,
            ["device_keys"] = new JsonObject { [_bob.UserId] = new JsonArray(), [_alice.UserId] = new JsonArray() },
        };

        var started = DateTime.UtcNow;
        var found = (await _alice.PostAsync("keys/query", body)).Is(200).Json;

        Assert.That(DateTime.UtcNow - started, Is.LessThan(TimeSpan.FromSeconds(9)));
        Assert.That(found["failures"]!.AsObject().Select(each => each.Key), Is.EqualTo(new[] { _peer.Peer.Name }));
        Assert.That(found["device_keys"]!.AsObject().Select(user => user.Key), Is.EqualTo(new[] { _alice.UserId }));
        hold.SetResult();
    }

    private async Task<IEnumerable<string>> ChangesAsync(string from, string to)
    {
        var changes = (await _alice.GetAsync($"keys/changes?from={from}&to={to}")).Is(200).Json;
        return changes["changed"]!.AsArray().Select(user => (string)user!);
    }

    private async Task FollowsAsync()
    {
        (await _alice.QueriesKeysAsync(_bob.UserId)).Is(200);
        await IsCachedAsync();
    }

    private Task IsCachedAsync() => Until.HoldsAsync(async () => await ListsAsync() == 1);

    private async Task<int> ListsAsync()
    {
        var storage = _server.Services.GetRequiredService<OpenedStorage>();
        return (await storage.RemoteDevices.ListsAsync([_bob.UserId], CancellationToken.None)).Count;
    }
}
