using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Legacy;

/// <summary>Presence, presence lists and profiles of 2014.</summary>
internal sealed class LegacyUserTests() : LegacyTests(("presence.mode", "on"))
{
    [TestCase("free_for_chat", "online")]
    [TestCase("hidden", "offline")]
    [TestCase("unavailable", "unavailable")]
    public async Task A_state_of_2014_is_the_nearest_of_today(string old, string today)
    {
        var path = $"presence/{Esc(Alice.UserId)}/status";
        (await Alice.PutAsync(Old + path, new JsonObject { ["presence"] = old, ["status_msg"] = "hm" })).Is(200);
        var seen = (await Alice.GetAsync(Old + path)).Is(200);
        Assert.That((seen.Member("presence"), seen.Member("status_msg")), Is.EqualTo((today, "hm")));
        (await Alice.PutAsync(Old + path, new JsonObject { ["state"] = old })).Is(200);
        Assert.That((await Alice.GetAsync(path)).Is(200).Member("presence"), Is.EqualTo(today));
    }

    [Test]
    public async Task Wrong_states_and_those_of_others_are_refused()
    {
        var path = $"{Old}presence/{Esc(Alice.UserId)}/status";
        (await Alice.PutAsync(path, new JsonObject { ["presence"] = "busy" })).Is(400, "M_INVALID_PARAM");
        (await Alice.PutAsync(path, new JsonObject { ["presence"] = 1 })).Is(400, "M_BAD_JSON");
        (await Alice.PutAsync(path, new JsonObject())).Is(400, "M_BAD_JSON");
        (await Bob.PutAsync(path, new JsonObject { ["presence"] = "online" })).Is(403, "M_FORBIDDEN");
        (await Bob.GetAsync(path)).Is(403, "M_FORBIDDEN");
        (await Bob.GetAsync(Old + "presence/bob/status")).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task A_listed_user_is_shown_once_they_list_the_other_too()
    {
        var (ofAlice, ofBob) = ($"{Old}presence/list/{Esc(Alice.UserId)}", $"{Old}presence/list/{Esc(Bob.UserId)}");
        (await Bob.PutAsync($"presence/{Esc(Bob.UserId)}/status", new JsonObject
        {
            ["presence"] = "online",
            ["status_msg"] = "here",
        })).Is(200);
        (await Alice.PostAsync(ofAlice, Invite(Bob.UserId))).Is(200);
        Assert.That(await ListAsync(Alice, ofAlice), Is.Empty);
        (await Alice.GetAsync($"{Old}presence/{Esc(Bob.UserId)}/status")).Is(403, "M_FORBIDDEN");

        (await Bob.PutAsync(ofBob + "/1", Invite(Alice.UserId))).Is(200);
        var shown = (await ListAsync(Alice, Old + "presence/list")).Single()!;
        Assert.That((string?)shown["user_id"], Is.EqualTo(Bob.UserId));
        Assert.That((string?)shown["status_msg"], Is.EqualTo("here"));
        Assert.That((bool?)shown["accepted"], Is.True);
        (await Alice.GetAsync($"{Old}presence/{Esc(Bob.UserId)}/status")).Is(200);

        (await Bob.PostAsync(Old + "presence/list", new JsonObject { ["drop"] = new JsonArray(Alice.UserId) })).Is(200);
        Assert.That(await ListAsync(Alice, ofAlice), Is.Empty);
        (await Alice.GetAsync($"{Old}presence/{Esc(Bob.UserId)}/status")).Is(403, "M_FORBIDDEN");
        await MeetAsync();
        Assert.That(await ListAsync(Alice, ofAlice), Has.Count.EqualTo(1), "They share a room.");
    }

    [Test]
    public async Task Lists_are_bounded_private_and_of_user_ids()
    {
        await Server.RestartAsync(("compatibility.presence_list", "2"));
        var path = $"{Old}presence/list/{Esc(Alice.UserId)}";
        (await Alice.PostAsync(path, Invite("@a:x.example", "@b:x.example"))).Is(200);
        (await Alice.PostAsync(path, Invite("@a:x.example"))).Is(200);
        (await Alice.PostAsync(path, Invite("@c:x.example"))).Is(403, "M_FORBIDDEN");
        (await Alice.PostAsync(path, Invite("@c:x.example", "@d:x.example", "@e:x.example"))).Is(403, "M_FORBIDDEN");
        var swap = Invite("@c:x.example");
        swap["drop"] = new JsonArray("@a:x.example");
        (await Alice.PostAsync(path, swap)).Is(200);
        (await Alice.PostAsync(path, Invite("bob"))).Is(400, "M_INVALID_PARAM");
        (await Alice.PostAsync(path, new JsonObject { ["invite"] = "bob" })).Is(400, "M_BAD_JSON");
        (await Alice.PostAsync(path, new JsonObject())).Is(200);
        (await Bob.GetAsync(path)).Is(403, "M_FORBIDDEN");
        (await Bob.PostAsync(path, Invite(Bob.UserId))).Is(403, "M_FORBIDDEN");
        (await Server.Anyone.GetAsync(path)).Is(401, "M_MISSING_TOKEN");
    }

    [Test]
    public async Task Profiles_are_read_and_changed()
    {
        var path = $"{Old}profile/{Esc(Alice.UserId)}";
        (await Alice.PutAsync(path + "/displayname", new JsonObject { ["displayname"] = "Alice of old" })).Is(200);
        (await Alice.PutAsync(path + "/avatar_url", new JsonObject { ["avatar_url"] = "mxc://test.example/a" }))
            .Is(200);
        Assert.That(
            (await Bob.GetAsync(path + "/displayname")).Is(200).Member("displayname"), Is.EqualTo("Alice of old"));
        Assert.That(
            (await Bob.GetAsync(path + "/avatar_url")).Is(200).Member("avatar_url"),
            Is.EqualTo("mxc://test.example/a"));
        Assert.That((await Bob.GetAsync(path)).Is(200).Member("displayname"), Is.EqualTo("Alice of old"));
        (await Bob.PutAsync(path + "/displayname", new JsonObject { ["displayname"] = "x" })).Is(403, "M_FORBIDDEN");
        (await Alice.PutAsync(path + "/displayname", new JsonObject { ["displayname"] = 5 }))
            .Is(400, "M_BAD_JSON");
    }

    private static JsonObject Invite(params string[] users) => new()
    {
        ["invite"] = new JsonArray([.. users.Select(user => (JsonNode)user)]),
    };

    private static async Task<JsonArray> ListAsync(TestUser user, string path) =>
        JsonNode.Parse((await user.GetAsync(path)).Is(200).Text)!.AsArray();
}
