using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Upgrades;

/// <summary>Rooms that are replaced by rooms of another version. Client-Server API, "Room Upgrades".</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class UpgradeTests(string kind) : TwoUsersTests(kind)
{
    private const string Banned = "@banned:test.example";

    [Test]
    public async Task The_new_room_has_the_state_of_the_old_one_and_names_it()
    {
        var old = await CreatesAsync("10", new JsonObject
        {
            ["name"] = "Kitchen",
            ["topic"] = "Food",
            ["creation_content"] = new JsonObject { ["type"] = "org.example.kind" },
        });
        await Alice.SetsAsync(old, "m.room.history_visibility", new() { ["history_visibility"] = "joined" });
        await Alice.SetsAsync(old, "m.room.encryption", new() { ["algorithm"] = "m.megolm.v1.aes-sha2" });
        await Alice.SetsAsync(old, "org.example.own", new() { ["is"] = "not copied" });
        await Alice.PostAsync($"rooms/{old}/ban", new JsonObject { ["user_id"] = Banned, ["reason"] = "noise" });
        var last = await Alice.SaysAsync(old, "last");

        // Version 11 has no further creators: naming one changes nothing, the ban least of all.
        var next = (await Alice.PostAsync($"rooms/{old}/upgrade", new JsonObject
        {
            ["new_version"] = "11",
            ["additional_creators"] = new JsonArray(Banned),
        })).Is(200).Member("replacement_room");

        var create = await StateAsync(next, "m.room.create");
        Assert.That(create["additional_creators"], Is.Null);
        Assert.That((string?)create["room_version"], Is.EqualTo("11"));
        Assert.That((string?)create["type"], Is.EqualTo("org.example.kind"));
        Assert.That((string?)create["predecessor"]!["room_id"], Is.EqualTo(old));
        Assert.That((string?)create["predecessor"]!["event_id"], Is.EqualTo(last));
        Assert.That((string?)(await StateAsync(next, "m.room.name"))["name"], Is.EqualTo("Kitchen"));
        Assert.That((string?)(await StateAsync(next, "m.room.topic"))["topic"], Is.EqualTo("Food"));
        Assert.That((string?)(await StateAsync(next, "m.room.join_rules"))["join_rule"], Is.EqualTo("public"));
        Assert.That(
            (string?)(await StateAsync(next, "m.room.history_visibility"))["history_visibility"], Is.EqualTo("joined"));
        Assert.That((await StateAsync(next, "m.room.encryption")).Count, Is.EqualTo(1));
        var ban = await StateAsync(next, $"m.room.member/{Banned}");
        Assert.That(((string?)ban["membership"], (string?)ban["reason"]), Is.EqualTo(("ban", "noise")));
        (await Alice.GetAsync($"rooms/{next}/state/org.example.own")).Is(404, "M_NOT_FOUND");
    }

    [TestCase("10", "knock_restricted", "9", "invite")]
    [TestCase("7", "knock", "6", "invite")]
    [TestCase("6", "knock", "11", "invite")]
    [TestCase("7", "knock", "11", "knock")]
    public async Task A_join_rule_that_one_of_the_versions_lacks_becomes_invite(
        string from, string rule, string to, string copied)
    {
        var old = await CreatesAsync(from);
        await Alice.SetsAsync(old, "m.room.join_rules", new() { ["join_rule"] = rule });

        var next = await UpgradesAsync(old, to);

        Assert.That((string?)(await StateAsync(next, "m.room.join_rules"))["join_rule"], Is.EqualTo(copied));
    }

    [Test]
    public async Task Bans_beyond_those_of_the_first_batch_are_copied_too()
    {
        await Server.RestartAsync(("limits.upgrade_bans", "2"));
        var old = await CreatesAsync("11");
        string[] banned = [.. Enumerable.Range(0, 5).Select(n => $"@banned{n}:test.example")];
        foreach (var user in banned)
        {
            await Alice.PostAsync($"rooms/{old}/ban", new JsonObject { ["user_id"] = user, ["reason"] = "noise" });
        }

        var next = await UpgradesAsync(old, "12");

        foreach (var user in banned)
        {
            var ban = await StateAsync(next, $"m.room.member/{user}");
            Assert.That(((string?)ban["membership"], (string?)ban["reason"]), Is.EqualTo(("ban", "noise")), user);
        }
    }

    [Test]
    public async Task An_upgrade_that_goes_on_with_an_earlier_room_brings_the_bans_since_then()
    {
        var old = await CreatesAsync("10");
        var predecessor = new JsonObject { ["predecessor"] = new JsonObject { ["room_id"] = old } };
        var made = await CreatesAsync("11", new JsonObject { ["creation_content"] = predecessor });
        await Alice.PostAsync($"rooms/{old}/ban", new JsonObject { ["user_id"] = Banned });

        Assert.That(await UpgradesAsync(old, "11"), Is.EqualTo(made));
        Assert.That((string?)(await StateAsync(made, $"m.room.member/{Banned}"))["membership"], Is.EqualTo("ban"));
    }

    [Test]
    public async Task The_old_room_has_a_tombstone_and_its_members_can_say_nothing_more()
    {
        var old = await CreatesAsync("10");
        await Bob.JoinsAsync(old);

        var next = await UpgradesAsync(old, "11");

        Assert.That((string?)(await StateAsync(old, "m.room.tombstone"))["replacement_room"], Is.EqualTo(next));
        var levels = await StateAsync(old, "m.room.power_levels");
        Assert.That(((int)levels["events_default"]!, (int)levels["invite"]!), Is.EqualTo((50, 50)));
        (await Bob.PutAsync($"rooms/{old}/send/m.room.message/x", Text("hello?"))).Is(403, "M_FORBIDDEN");
        Assert.That((await Bob.SyncsAsync()).Joined, Is.EqualTo(new[] { old }), "nobody is moved against their will");
        var kept = await StateAsync(next, "m.room.power_levels");
        Assert.That(((int)kept["events_default"]!, (int)kept["invite"]!), Is.EqualTo((0, 50)));
    }

    [Test]
    public async Task An_upgrade_goes_on_with_the_room_that_an_earlier_try_made()
    {
        var old = await CreatesAsync("10");
        var predecessor = new JsonObject { ["predecessor"] = new JsonObject { ["room_id"] = old } };
        await CreatesAsync("12", new JsonObject { ["creation_content"] = predecessor.DeepClone() });
        var made = await CreatesAsync("11", new JsonObject { ["creation_content"] = predecessor.DeepClone() });

        Assert.That(await UpgradesAsync(old, "11"), Is.EqualTo(made));
        Assert.That((string?)(await StateAsync(old, "m.room.tombstone"))["replacement_room"], Is.EqualTo(made));
        Assert.That(await UpgradesAsync(old, "11"), Is.Not.EqualTo(made), "the old room was closed");
    }

    [Test]
    public async Task Levels_are_copied_and_the_upgrader_stays_what_they_were()
    {
        var old = await CreatesAsync("9", new JsonObject
        {
            ["power_level_content_override"] = new JsonObject
            {
                ["users"] = new JsonObject { [Alice.UserId] = 9001, [Bob.UserId] = 60 },
                ["events"] = new JsonObject { ["m.room.tombstone"] = 60, ["m.room.name"] = 9000 },
                ["kick"] = "55",
            },
        });
        await Bob.JoinsAsync(old);

        var next = (await Bob.PostAsync($"rooms/{old}/upgrade", new JsonObject { ["new_version"] = "11" }))
            .Is(200).Member("replacement_room");

        var levels = (await Bob.GetAsync($"rooms/{next}/state/m.room.power_levels")).Is(200).Json;
        Assert.That((int)levels["users"]![Alice.UserId]!, Is.EqualTo(9001));
        Assert.That((int)levels["users"]![Bob.UserId]!, Is.EqualTo(60));
        Assert.That((int)levels["events"]!["m.room.name"]!, Is.EqualTo(9000));
        Assert.That((int)levels["kick"]!, Is.EqualTo(55), "version 10 and later have integers only");
        (await Bob.PutAsync($"rooms/{next}/state/m.room.name", new JsonObject { ["name"] = "mine" }))
            .Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task In_version_12_the_creators_are_no_users_with_levels_and_the_predecessor_has_no_event()
    {
        var old = await CreatesAsync("11", new JsonObject
        {
            ["power_level_content_override"] = new JsonObject
            {
                ["users"] = new JsonObject
                {
                    [Alice.UserId] = 100,
                    [Bob.UserId] = 100,
                    ["@mod:test.example"] = 50,
                },
            },
        });

        await Alice.PostAsync($"rooms/{old}/ban", new JsonObject { ["user_id"] = Banned });

        var next = (await Alice.PostAsync($"rooms/{old}/upgrade", new JsonObject
        {
            ["new_version"] = "12",
            ["additional_creators"] = new JsonArray(Bob.UserId, Alice.UserId, Banned),
        })).Is(200).Member("replacement_room");

        var create = await StateAsync(next, "m.room.create");
        Assert.That(create["predecessor"]!.ToJsonString(), Is.EqualTo($$"""{"room_id":"{{old}}"}"""));
        Assert.That(create["additional_creators"]!.ToJsonString(), Is.EqualTo($"[\"{Bob.UserId}\",\"{Banned}\"]"));
        (await Alice.GetAsync($"rooms/{next}/state/m.room.member/{Banned}")).Is(404, "M_NOT_FOUND");
        var levels = await StateAsync(next, "m.room.power_levels");
        Assert.That(levels["users"]!.ToJsonString(), Is.EqualTo("""{"@mod:test.example":50}"""));
        Assert.That((int)levels["events"]!["m.room.tombstone"]!, Is.EqualTo(150));

        // The creators are not carried on, as they are to be given anew, unless the version has none.
        var again = await UpgradesAsync(next, "12");
        Assert.That((await StateAsync(again, "m.room.create"))["additional_creators"], Is.Null);
        var down = await UpgradesAsync(next, "11");
        var users = (await StateAsync(down, "m.room.power_levels"))["users"]!;
        Assert.That(((int)users[Alice.UserId]!, (int)users[Bob.UserId]!), Is.EqualTo((150, 150)));
    }

    [Test]
    public async Task Aliases_the_canonical_one_and_the_place_in_the_directory_move()
    {
        const string Moved = "#kitchen:test.example";
        const string Elsewhere = "#kitchen:elsewhere.example";
        var old = await CreatesAsync("11", new JsonObject
        {
            ["visibility"] = "public",
            ["room_alias_name"] = "kitchen",
        });
        await SetsAliasesAsync(old, Moved, Elsewhere);

        var next = await UpgradesAsync(old, "12");

        Assert.That(
            (await Server.Anyone.GetAsync($"directory/room/{UserActions.Esc(Moved)}")).Is(200).Member("room_id"),
            Is.EqualTo(next));
        Assert.That(
            (await StateAsync(next, "m.room.canonical_alias")).ToJsonString(),
            Is.EqualTo($$"""{"alias":"{{Moved}}"}"""));
        Assert.That(
            (await StateAsync(old, "m.room.canonical_alias")).ToJsonString(),
            Is.EqualTo($$"""{"alt_aliases":["{{Elsewhere}}"]}"""));
        var listed = (await Server.Anyone.GetAsync("publicRooms")).Is(200).Json["chunk"]!.AsArray();
        Assert.That(listed.Select(room => (string?)room!["room_id"]), Is.EqualTo(new[] { next }));
        Assert.That(
            (await Alice.GetAsync($"directory/list/room/{old}")).Is(200).Member("visibility"), Is.EqualTo("private"));
    }

    [Test]
    public async Task Members_who_follow_find_their_tags_push_rules_and_direct_chats()
    {
        var old = await CreatesAsync("11");
        await Bob.JoinsAsync(old);
        foreach (var user in (TestUser[])[Alice, Bob])
        {
            var tag = $"user/{user.UserId}/rooms/{old}/tags/m.favourite";
            (await user.PutAsync(tag, new JsonObject { ["order"] = 0.5 })).Is(200);
        }

        (await Bob.PutAsync($"pushrules/global/room/{old}", new JsonObject { ["actions"] = new JsonArray() })).Is(200);
        (await Bob.PutAsync($"pushrules/global/override/{old}", new JsonObject
        {
            ["actions"] = new JsonArray("notify"),
            ["conditions"] = new JsonArray(new JsonObject
            {
                ["kind"] = "event_match",
                ["key"] = "room_id",
                ["pattern"] = old,
            }),
        })).Is(200);
        await Bob.SetsAccountDataAsync("m.direct", new JsonObject
        {
            [Alice.UserId] = new JsonArray(old),
            ["@other:test.example"] = new JsonArray("!other:test.example"),
        });

        var next = await UpgradesAsync(old, "12");
        await TaggedAsync(Alice, next);
        var since = (await Bob.SyncsAsync()).Next;
        await Bob.JoinsAsync(next);
        await TaggedAsync(Bob, next);

        var rule = (await Bob.GetAsync($"pushrules/global/override/{next}")).Is(200).Json;
        Assert.That((string?)rule["conditions"]![0]!["pattern"], Is.EqualTo(next));
        Assert.That(rule["actions"]!.ToJsonString(), Is.EqualTo("[\"notify\"]"));
        (await Bob.GetAsync($"pushrules/global/room/{next}")).Is(200);
        (await Bob.GetAsync($"pushrules/global/room/{old}")).Is(200);
        var direct = (await Bob.GetAsync($"user/{Bob.UserId}/account_data/m.direct")).Is(200).Json;
        Assert.That(direct[Alice.UserId]!.ToJsonString(), Is.EqualTo($"[\"{old}\",\"{next}\"]"));
        Assert.That(direct["@other:test.example"]!.AsArray(), Has.Count.EqualTo(1));
        Assert.That(
            (await Bob.SyncsAsync(since)).RoomAccountData(next).Select(data => (string?)data["type"]),
            Does.Contain("m.tag"));
    }

    [Test]
    public async Task A_room_that_only_claims_a_predecessor_gets_nobodys_settings()
    {
        var old = await CreatesAsync("11");
        await Bob.JoinsAsync(old);
        (await Bob.PutAsync($"user/{Bob.UserId}/rooms/{old}/tags/m.favourite")).Is(200);
        var claim = new JsonObject { ["predecessor"] = new JsonObject { ["room_id"] = old } };
        var claiming = await CreatesAsync("11", new JsonObject { ["creation_content"] = claim });
        await Bob.JoinsAsync(claiming);

        // The next one is after it in the same queue.
        var next = await UpgradesAsync(old, "12");
        await Bob.JoinsAsync(next);
        await TaggedAsync(Bob, next);

        var tags = (await Bob.GetAsync($"user/{Bob.UserId}/rooms/{claiming}/tags")).Is(200).Json["tags"]!;
        Assert.That(tags.AsObject(), Is.Empty);
    }

    [Test]
    public async Task A_space_keeps_its_children()
    {
        var old = await CreatesAsync("11", new JsonObject
        {
            ["creation_content"] = new JsonObject { ["type"] = "m.space" },
        });
        await Alice.SetsAsync(
            old, "m.space.child", new() { ["via"] = new JsonArray("test.example"), ["order"] = "a" }, "!child:x");
        await Alice.SetsAsync(old, "m.space.child", [], "!removed:x");

        var next = await UpgradesAsync(old, "12");

        Assert.That((string?)(await StateAsync(next, "m.space.child/!child:x"))["order"], Is.EqualTo("a"));
        (await Alice.GetAsync($"rooms/{next}/state/m.space.child/!removed:x")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task Requests_that_cannot_be_met_change_nothing()
    {
        var old = await CreatesAsync("11");
        await Bob.JoinsAsync(old);
        var carol = await Server.RegistersAsync("carol");
        JsonObject To(string version) => new() { ["new_version"] = version };

        (await Alice.PostAsync($"rooms/{old}/upgrade", To("99"))).Is(400, "M_UNSUPPORTED_ROOM_VERSION");
        (await Alice.PostAsync($"rooms/{old}/upgrade")).Is(400, "M_BAD_JSON");
        (await Alice.PostAsync($"rooms/{old}/upgrade", new JsonObject { ["new_version"] = 12 })).Is(400, "M_BAD_JSON");
        (await Alice.PostAsync($"rooms/{old}/upgrade", new JsonObject
        {
            ["new_version"] = "12",
            ["additional_creators"] = new JsonArray("nobody"),
        })).Is(400, "M_INVALID_PARAM");
        (await Alice.PostAsync($"rooms/{old}/upgrade", new JsonObject
        {
            ["new_version"] = "12",
            ["additional_creators"] = Bob.UserId,
        })).Is(400, "M_BAD_JSON");
        (await Bob.PostAsync($"rooms/{old}/upgrade", To("12"))).Is(403, "M_FORBIDDEN");
        (await carol.PostAsync($"rooms/{old}/upgrade", To("12"))).Is(403, "M_FORBIDDEN");
        (await carol.PostAsync("rooms/!no:where/upgrade", To("12"))).Is(403, "M_FORBIDDEN");
        (await Server.Anyone.PostAsync($"rooms/{old}/upgrade", To("12"))).Is(401, "M_MISSING_TOKEN");

        (await Alice.GetAsync($"rooms/{old}/state/m.room.tombstone")).Is(404, "M_NOT_FOUND");
        Assert.That((await Alice.SyncsAsync()).Joined, Is.EqualTo(new[] { old }));
    }

    private static JsonObject Text(string body) => new() { ["msgtype"] = "m.text", ["body"] = body };

    private Task<string> CreatesAsync(string version, JsonObject? with = null)
    {
        var body = with ?? [];
        body["room_version"] = version;
        return Alice.CreatesRoomAsync(with: body);
    }

    private async Task<string> UpgradesAsync(string room, string version) =>
        (await Alice.PostAsync($"rooms/{room}/upgrade", new JsonObject { ["new_version"] = version }))
            .Is(200).Member("replacement_room");

    private async Task<JsonObject> StateAsync(string room, string path) =>
        (await Alice.GetAsync($"rooms/{room}/state/{path}")).Is(200).Json;

    /// <summary>
    /// Sets the canonical aliases. The server asks for aliases of others, which this one is not there to answer: the
    /// event is sent as part of the room's first state instead.
    /// </summary>
    private async Task SetsAliasesAsync(string room, string alias, string other)
    {
        var sender = (Matrix.Host.Rooms.Sending.RoomSender)Server.Services.GetService(
            typeof(Matrix.Host.Rooms.Sending.RoomSender))!;
        var content = Matrix.Core.Json.JsonObject.OfSeq(
        [
            ("alias", Matrix.Core.Json.Json.Of(alias)),
            ("alt_aliases", Matrix.Core.Json.Json.Of([Matrix.Core.Json.Json.Of(other)])),
        ]);
        var draft = Matrix.Core.Room.Draft.State("m.room.canonical_alias", "", Alice.UserId, content);
        var sent = await sender.SendStateAsync(room, draft, null, CancellationToken.None);
        Assert.That(sent.IsOk, Is.True, sent.Failure?.Message);
    }

    /// <summary>Waits until the user's tag of the new room came.</summary>
    private static async Task TaggedAsync(TestUser user, string room)
    {
        string? since = null;
        for (var tries = 0; tries < 20; tries++)
        {
            if ((await user.GetAsync($"user/{user.UserId}/rooms/{room}/tags")).Json["tags"]!["m.favourite"] is { } tag)
            {
                Assert.That((double?)tag["order"], Is.EqualTo(0.5).Or.Null);
                return;
            }

            since = (await user.SyncsAsync(since, since is null ? "" : "timeout=1000")).Next;
        }

        Assert.Fail("The tags were not copied.");
    }
}
