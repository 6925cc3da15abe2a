using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.KeyBackup;

public sealed class KeyBackupTests
{
    private const string Room = "!room:test.example";
    private const string Algorithm = "m.megolm_backup.v1.curve25519-aes-sha2";

    private TestServer _server = null!;
    private TestUser _alice = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _server = await TestServer.StartAsync();
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task Without_a_backup_nothing_is_found()
    {
        (await _alice.GetAsync("room_keys/version")).Is(404, "M_NOT_FOUND");
        (await _alice.GetAsync("room_keys/version/1")).Is(404, "M_NOT_FOUND");
        (await _alice.GetAsync("room_keys/version/first")).Is(404, "M_NOT_FOUND");
        (await _alice.GetAsync("room_keys/keys?version=1")).Is(404, "M_NOT_FOUND");
        (await _alice.PutAsync("room_keys/keys?version=1", new JsonObject { ["rooms"] = new JsonObject() }))
            .Is(404, "M_NOT_FOUND");
        (await _alice.DeleteAsync("room_keys/keys?version=1")).Is(404, "M_NOT_FOUND");
        (await _alice.DeleteAsync("room_keys/version/1")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task A_backup_is_described_by_what_it_was_made_with()
    {
        var version = await CreatesAsync();

        var found = await _alice.GetAsync($"room_keys/version/{version}");

        Assert.That((string?)found.Json["algorithm"], Is.EqualTo(Algorithm));
        Assert.That((string?)found.Json["auth_data"]!["public_key"], Is.EqualTo("abcdefg"));
        Assert.That((int?)found.Json["count"], Is.Zero);
        Assert.That((string?)found.Json["version"], Is.EqualTo(version));
        Assert.That((await _alice.GetAsync("room_keys/version")).Text, Is.EqualTo(found.Text));
        Assert.That((string?)found.Json["etag"], Is.Not.Null);
    }

    [Test]
    public async Task Only_the_data_of_a_backup_can_change()
    {
        var version = await CreatesAsync();
        var other = Version("other");
        var wrongAlgorithm = Version("other");
        wrongAlgorithm["algorithm"] = "m.other";
        var wrongVersion = Version("other");
        wrongVersion["version"] = version + "0";

        (await _alice.PutAsync($"room_keys/version/{version}", wrongAlgorithm)).Is(400, "M_INVALID_PARAM");
        (await _alice.PutAsync($"room_keys/version/{version}", wrongVersion)).Is(400, "M_INVALID_PARAM");
        (await _alice.PutAsync("room_keys/version/77", other)).Is(404, "M_NOT_FOUND");
        (await _alice.PutAsync($"room_keys/version/{version}", other)).Is(200);

        Assert.That(
            (string?)(await _alice.GetAsync("room_keys/version")).Json["auth_data"]!["public_key"],
            Is.EqualTo("other"));
    }

    [Test]
    public async Task Keys_come_back_by_session_by_room_and_all_together()
    {
        var version = await CreatesAsync();

        var put = await _alice.PutAsync($"room_keys/keys/{Room}/session?version={version}", Key(1));
        await _alice.PutAsync($"room_keys/keys/{Room}?version={version}", Sessions(("other", Key(2))));
        await _alice.PutAsync($"room_keys/keys?version={version}", new JsonObject
        {
            ["rooms"] = new JsonObject { ["!elsewhere:test.example"] = Sessions(("third", Key(3))) },
        });

        var one = await _alice.GetAsync($"room_keys/keys/{Room}/session?version={version}");
        var room = await _alice.GetAsync($"room_keys/keys/{Room}?version={version}");
        var all = await _alice.GetAsync($"room_keys/keys?version={version}");
        Assert.That((int?)put.Json["count"], Is.EqualTo(1));
        Assert.That(JsonNode.DeepEquals(one.Json, Key(1)), one.Text);
        Assert.That(JsonNode.DeepEquals(room.Json, Sessions(("session", Key(1)), ("other", Key(2)))), room.Text);
        Assert.That(
            all.Json["rooms"]!.AsObject().Select(r => r.Key),
            Is.EquivalentTo(new[] { Room, "!elsewhere:test.example" }));
        (await _alice.GetAsync($"room_keys/keys/{Room}/unknown?version={version}")).Is(404, "M_NOT_FOUND");
        Assert.That(
            (await _alice.GetAsync($"room_keys/keys/!empty:test.example?version={version}")).Text,
            Is.EqualTo("""{"sessions":{}}"""));
    }

    [Test]
    public async Task Keys_are_kept_for_rooms_of_any_version()
    {
        var version = await CreatesAsync();
        var rooms = new[] { "!abcd", "!with-a-server:test.example", "!" + new string('A', 43) };
        foreach (var room in rooms)
        {
            (await _alice.PutAsync($"room_keys/keys/{room}/one?version={version}", Key(1))).Is(200);
            (await _alice.PutAsync($"room_keys/keys?version={version}", new JsonObject
            {
                ["rooms"] = new JsonObject { [room] = Sessions(("two", Key(2))) },
            })).Is(200);
        }

        var all = (await _alice.GetAsync($"room_keys/keys?version={version}")).Is(200).Json["rooms"]!.AsObject();
        Assert.That(all.Select(each => each.Key), Is.EquivalentTo(rooms));
        Assert.That(all.Select(each => each.Value!["sessions"]!.AsObject().Count), Is.All.EqualTo(2));
        foreach (var wrong in new[] { "!", "abcd", "!a:", "!" + new string('a', 255) })
        {
            (await _alice.PutAsync($"room_keys/keys?version={version}", new JsonObject
            {
                ["rooms"] = new JsonObject { [wrong] = Sessions(("two", Key(2))) },
            })).Is(400, "M_INVALID_PARAM");
        }
    }

    [TestCase(5, 2, false, 9, 9, true, ExpectedResult = true, TestName = "A_verified_key_replaces_one_that_is_not")]
    [TestCase(
        9, 9, true, 1, 1, false, ExpectedResult = false,
        TestName = "A_verified_key_is_not_replaced_by_one_that_is_not")]
    [TestCase(
        5, 2, true, 4, 9, true, ExpectedResult = true,
        TestName = "A_key_for_earlier_messages_replaces_one_for_later_ones")]
    [TestCase(5, 2, true, 6, 0, true, ExpectedResult = false, TestName = "A_key_for_later_messages_replaces_nothing")]
    [TestCase(
        5, 2, false, 5, 1, false, ExpectedResult = true,
        TestName = "A_key_that_was_forwarded_less_often_replaces_another")]
    [TestCase(5, 2, false, 5, 2, false, ExpectedResult = false, TestName = "A_key_that_is_no_better_replaces_nothing")]
    public async Task<bool> The_better_key_stays(
        int index, int forwarded, bool verified, int newIndex, int newForwarded, bool newVerified)
    {
        var version = await CreatesAsync();
        var path = $"room_keys/keys/{Room}/session?version={version}";
        var before = await _alice.PutAsync(path, Key(index, forwarded, verified, "old"));

        var after = await _alice.PutAsync(path, Key(newIndex, newForwarded, newVerified, "new"));

        var replaced = (string?)(await _alice.GetAsync(path)).Json["session_data"]!["ciphertext"] == "new";
        Assert.That(after.Member("etag") != before.Member("etag"), Is.EqualTo(replaced));
        Assert.That((int?)after.Json["count"], Is.EqualTo(1));
        return replaced;
    }

    [Test]
    public async Task Keys_go_into_the_current_backup_only()
    {
        var first = await CreatesAsync();
        await _alice.PutAsync($"room_keys/keys/{Room}/session?version={first}", Key(1));
        var second = await CreatesAsync();

        var refused = await _alice.PutAsync($"room_keys/keys/{Room}/late?version={first}", Key(1));

        refused.Is(403, "M_WRONG_ROOM_KEYS_VERSION");
        Assert.That(refused.Member("current_version"), Is.EqualTo(second));
        Assert.That((int?)(await _alice.GetAsync($"room_keys/version/{first}")).Json["count"], Is.EqualTo(1));
    }

    [Test]
    public async Task Deleted_keys_are_gone_and_counted()
    {
        var version = await CreatesAsync();
        await _alice.PutAsync(
            $"room_keys/keys/{Room}?version={version}",
            Sessions(("a", Key(1)), ("b", Key(1)), ("c", Key(1))));
        await _alice.PutAsync($"room_keys/keys/!other:test.example?version={version}", Sessions(("d", Key(1))));

        var one = await _alice.DeleteAsync($"room_keys/keys/{Room}/a?version={version}");
        var room = await _alice.DeleteAsync($"room_keys/keys/{Room}?version={version}");
        var all = await _alice.DeleteAsync($"room_keys/keys?version={version}");

        Assert.That(
            new[] { one, room, all }.Select(reply => (int?)reply.Json["count"]),
            Is.EqualTo(new int?[] { 3, 1, 0 }));
        Assert.That(one.Member("etag"), Is.Not.EqualTo(room.Member("etag")));
        Assert.That((await _alice.GetAsync($"room_keys/keys?version={version}")).Text, Is.EqualTo("""{"rooms":{}}"""));
    }

    [Test]
    public async Task A_deleted_backup_is_gone_with_its_keys_and_its_number_is_not_used_again()
    {
        var first = await CreatesAsync();
        await _alice.PutAsync($"room_keys/keys/{Room}/a?version={first}", Key(1));

        (await _alice.DeleteAsync($"room_keys/version/{first}")).Is(200);
        (await _alice.DeleteAsync($"room_keys/version/{first}")).Is(200);

        (await _alice.GetAsync("room_keys/version")).Is(404, "M_NOT_FOUND");
        (await _alice.GetAsync($"room_keys/keys?version={first}")).Is(404, "M_NOT_FOUND");
        Assert.That(await CreatesAsync(), Is.Not.EqualTo(first));
    }

    [Test]
    public async Task A_backup_is_its_users_own()
    {
        var version = await CreatesAsync();
        var bob = await _server.RegistersAsync("bob");

        (await bob.GetAsync($"room_keys/version/{version}")).Is(404, "M_NOT_FOUND");
        (await bob.GetAsync($"room_keys/keys?version={version}")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task Which_backup_is_meant_must_be_said()
    {
        await CreatesAsync();

        (await _alice.GetAsync("room_keys/keys")).Is(400, "M_MISSING_PARAM");
        (await _alice.PutAsync($"room_keys/keys/{Room}/a", Key(1))).Is(400, "M_MISSING_PARAM");
        (await _alice.DeleteAsync($"room_keys/keys/{Room}/a")).Is(400, "M_MISSING_PARAM");
    }

    [TestCase("POST", "room_keys/version", "{}")]
    [TestCase("POST", "room_keys/version", """{"algorithm":1,"auth_data":{}}""")]
    [TestCase("POST", "room_keys/version", """{"algorithm":"a","auth_data":[]}""")]
    [TestCase("PUT", "room_keys/version/1", """{"algorithm":"a","auth_data":{},"version":1}""")]
    [TestCase("PUT", "room_keys/keys?version=1", "{}")]
    [TestCase("PUT", "room_keys/keys?version=1", """{"rooms":{"!r:test.example":{}}}""")]
    [TestCase("PUT", "room_keys/keys/!r:test.example?version=1", """{"sessions":{"a":1}}""")]
    [TestCase(
        "PUT",
        "room_keys/keys/!r:test.example/a?version=1",
        """{"first_message_index":"1","forwarded_count":0,"is_verified":true,"session_data":{}}""")]
    [TestCase(
        "PUT",
        "room_keys/keys/!r:test.example/a?version=1",
        """{"first_message_index":1.5,"forwarded_count":0,"is_verified":true,"session_data":{}}""")]
    [TestCase(
        "PUT",
        "room_keys/keys/!r:test.example/a?version=1",
        """{"first_message_index":1,"forwarded_count":0,"is_verified":1,"session_data":{}}""")]
    [TestCase(
        "PUT",
        "room_keys/keys/!r:test.example/a?version=1",
        """{"first_message_index":1,"forwarded_count":0,"is_verified":true}""")]
    public async Task A_value_of_the_wrong_type_is_bad_json(string method, string path, string body) =>
        (await _alice.SendAsync(new HttpMethod(method), path, TestClient.Raw(body))).Is(400, "M_BAD_JSON");

    private async Task<string> CreatesAsync() =>
        (await _alice.PostAsync("room_keys/version", Version("abcdefg"))).Is(200).Member("version");

    private static JsonObject Version(string key) => new()
    {
        ["algorithm"] = Algorithm,
        ["auth_data"] = new JsonObject { ["public_key"] = key },
    };

    private static JsonObject Key(int index, int forwarded = 0, bool verified = true, string ciphertext = "c") => new()
    {
        ["first_message_index"] = index,
        ["forwarded_count"] = forwarded,
        ["is_verified"] = verified,
        ["session_data"] = new JsonObject { ["ephemeral"] = "e", ["ciphertext"] = ciphertext, ["mac"] = "m" },
    };

    private static JsonObject Sessions(params (string Id, JsonObject Key)[] sessions)
    {
        var json = new JsonObject();
        foreach (var (id, key) in sessions) json[id] = key;
        return new JsonObject { ["sessions"] = json };
    }
}
