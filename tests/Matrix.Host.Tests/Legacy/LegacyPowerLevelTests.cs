using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Legacy;

/// <summary>Power levels in the shape of 2014 and in today's.</summary>
[TestFixture("1")]
[TestFixture("10")]
[TestFixture("12")]
internal sealed class LegacyPowerLevelTests(string version) : LegacyTests(("room_versions.default", version))
{
    private const string Type = "m.room.power_levels";

    [Test]
    public async Task Levels_of_today_are_read_in_the_old_shape()
    {
        var room = await MeetAsync();
        var levels = (await TodayAsync(room)).AsObject();
        levels["users"]![Bob.UserId] = 50;
        levels["users_default"] = 1;
        levels["ban"] = 60;
        await Alice.SetsAsync(room, Type, (JsonObject)levels.DeepClone());

        var old = await OldAsync(room, Type);
        Assert.That((long?)old[Bob.UserId], Is.EqualTo(50));
        Assert.That((long?)old["default"], Is.EqualTo(1));
        Assert.That((long?)old[Alice.UserId], Is.EqualTo(version == "12" ? 9007199254740991 : 100));
        Assert.That((long?)old["users"]![Bob.UserId], Is.EqualTo(50));
        Assert.That((long?)(await OldAsync(room, "m.room.ops_levels"))["ban_level"], Is.EqualTo(60));
        Assert.That((long?)(await OldAsync(room, "m.room.ops_level"))["kick_level"], Is.EqualTo(50));
        Assert.That((long?)(await OldAsync(room, "m.room.add_state_level"))["level"], Is.EqualTo(50));
        Assert.That((long?)(await OldAsync(room, "m.room.send_event_level"))["level"], Is.EqualTo(0));
        Assert.That((string?)(await OldAsync(room, "m.room.create"))["creator"], Is.EqualTo(Alice.UserId));
    }

    [Test]
    public async Task Each_old_event_changes_its_part_of_todays_levels()
    {
        var room = await MeetAsync();
        await OldPutAsync(room, "m.room.add_state_level", new JsonObject { ["level"] = 30 });
        await OldPutAsync(room, "m.room.send_event_level", new JsonObject { ["level"] = 10 });
        await OldPutAsync(room, "m.room.ops_levels", new JsonObject { ["kick_level"] = 40, ["redact_level"] = 45 });

        var today = await TodayAsync(room);
        Assert.That((long?)today["state_default"], Is.EqualTo(30));
        Assert.That((long?)today["events_default"], Is.EqualTo(10));
        Assert.That((long?)today["kick"], Is.EqualTo(40));
        Assert.That((long?)today["redact"], Is.EqualTo(45));
        Assert.That((long?)today["ban"], Is.EqualTo(50));
        (await Bob.PutAsync($"rooms/{Esc(room)}/send/m.room.message/1", new JsonObject { ["body"] = "quiet" }))
            .Is(403, "M_FORBIDDEN");
        (await Bob.GetAsync($"rooms/{Esc(room)}/state/m.room.send_event_level")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task Users_and_the_default_are_changed_by_the_flat_event()
    {
        var room = await MeetAsync();
        var old = new JsonObject { [Alice.UserId] = 100, [Bob.UserId] = 50, ["default"] = 5 };
        await OldPutAsync(room, Type, old);

        var today = await TodayAsync(room);
        Assert.That((long?)today["users"]![Bob.UserId], Is.EqualTo(50));
        Assert.That((long?)today["users_default"], Is.EqualTo(5));
        Assert.That(today.AsObject().Any(member => member.Key.StartsWith('@') || member.Key == "default"), Is.False);
        Assert.That((long?)today["ban"], Is.EqualTo(50));

        old.Remove(Bob.UserId);
        old.Remove("default");
        await OldPutAsync(room, Type, old);
        today = await TodayAsync(room);
        Assert.That(today["users"]!.AsObject().ContainsKey(Bob.UserId), Is.False);
        Assert.That((long?)today["users_default"], Is.EqualTo(0));
    }

    [Test]
    public async Task A_client_that_writes_back_what_it_read_changes_what_it_changed_in_either_shape()
    {
        var room = await MeetAsync();
        var read = await OldAsync(room, Type);
        await OldPutAsync(room, Type, (JsonObject)read.DeepClone());
        var unchanged = await OldAsync(room, Type);
        Assert.That(unchanged.ToJsonString(), Is.EqualTo(read.ToJsonString()));

        var flat = (JsonObject)unchanged.DeepClone();
        flat[Bob.UserId] = 20;
        await OldPutAsync(room, Type, flat);
        Assert.That((long?)(await TodayAsync(room))["users"]![Bob.UserId], Is.EqualTo(20));

        var nested = await OldAsync(room, Type);
        nested["users"]![Bob.UserId] = 30;
        nested["events"] = new JsonObject { ["m.room.topic"] = 20 };
        await OldPutAsync(room, Type, nested);
        var today = await TodayAsync(room);
        Assert.That((long?)today["users"]![Bob.UserId], Is.EqualTo(30));
        Assert.That((long?)today["events"]!["m.room.topic"], Is.EqualTo(20));
    }

    [Test]
    public async Task The_old_events_come_with_todays_in_state_and_in_the_stream()
    {
        var room = await MeetAsync();
        var from = await NowAsync();
        var state = JsonNode.Parse((await Alice.GetAsync($"{Old}rooms/{Esc(room)}/state")).Is(200).Text)!.AsArray();
        var levels = state.Single(each => (string?)each!["type"] == Type)!;
        var part = state.Single(each => (string?)each!["type"] == "m.room.ops_levels")!;
        Assert.That((string?)part["event_id"], Is.EqualTo((string?)levels["event_id"] + "~m.room.ops_levels"));
        Assert.That((long?)part["content"]!["ban_level"], Is.EqualTo(50));
        var name = state.Single(each => (string?)each!["type"] == "m.room.join_rules")!;
        Assert.That((long?)name["required_power_level"], Is.EqualTo(50));

        await OldPutAsync(room, "m.room.send_event_level", new JsonObject { ["level"] = 7 });
        var news = await NewsAsync(from, each => (string?)each["type"] == "m.room.send_event_level");
        Assert.That((long?)news["content"]!["level"], Is.EqualTo(7));
        Assert.That((long?)news["prev_content"]!["level"], Is.EqualTo(0));
        var one = (await Alice.GetAsync($"{Old}events/{Esc((string)news["event_id"]!)}")).Is(200).Json;
        Assert.That((long?)one["content"]!["level"], Is.EqualTo(7));
        var page = (await Alice.GetAsync($"{Old}rooms/{Esc(room)}/messages?limit=1")).Is(200).Json["chunk"]!.AsArray();
        Assert.That(
            page.Select(each => (string?)each!["type"]),
            Is.EquivalentTo(new[] { Type, "m.room.send_event_level" }), "Parts that did not change are left out.");
    }

    [Test]
    public async Task Malformed_levels_and_those_of_strangers_are_refused()
    {
        var room = await MeetAsync();
        var carol = await Server.RegistersAsync("carol");
        var path = $"{Old}rooms/{Esc(room)}/state/";
        (await Alice.PutAsync(path + "m.room.add_state_level", new JsonObject())).Is(400, "M_BAD_JSON");
        (await Alice.PutAsync(path + "m.room.add_state_level", new JsonObject { ["level"] = "5" }))
            .Is(400, "M_BAD_JSON");
        (await Alice.PutAsync(path + Type, new JsonObject { [Bob.UserId] = "50" })).Is(400, "M_BAD_JSON");
        (await Alice.PutAsync(path + Type, new JsonObject { ["default"] = 1, ["users"] = 5 })).Is(400, "M_BAD_JSON");
        (await Bob.PutAsync(path + "m.room.ops_levels", new JsonObject { ["ban_level"] = 0 })).Is(403, "M_FORBIDDEN");
        (await carol.PutAsync(path + "m.room.ops_levels", new JsonObject { ["ban_level"] = 0 }))
            .Is(403, "M_FORBIDDEN");
        (await carol.GetAsync(path + "m.room.ops_levels")).Is(403, "M_FORBIDDEN");
        (await Alice.GetAsync(path + "m.room.ops_levels/x")).Is(404, "M_NOT_FOUND");
    }

    private async Task<JsonObject> OldAsync(string room, string type) =>
        (await Alice.GetAsync($"{Old}rooms/{Esc(room)}/state/{type}")).Is(200).Json;

    private async Task OldPutAsync(string room, string type, JsonObject content) =>
        (await Alice.PutAsync($"{Old}rooms/{Esc(room)}/state/{type}", content)).Is(200);

    private async Task<JsonNode> TodayAsync(string room) =>
        (await Bob.GetAsync($"rooms/{Esc(room)}/state/{Type}")).Is(200).Json;
}
