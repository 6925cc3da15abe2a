using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Rooms;

/// <summary>Requests for rooms that cannot be made as requested. Client-Server API, "Creation".</summary>
internal sealed class CreationTests : TwoUsersTests
{
    [Test]
    public async Task A_room_is_made_without_those_who_cannot_be_invited()
    {
        var room = (await Alice.PostAsync("createRoom", new JsonObject
        {
            ["preset"] = "trusted_private_chat",
            ["invite"] = new JsonArray("@nobody:test.example", "@zoe:elsewhere.example", Bob.UserId),
        })).Is(200).Member("room_id");

        Assert.That((await Bob.SyncsAsync()).Invited, Is.EqualTo(new[] { room }));
        var members = (await Alice.GetAsync($"rooms/{room}/members")).Is(200).Json["chunk"]!.AsArray();
        Assert.That(
            members.Select(member => (string?)member!["state_key"]),
            Is.EquivalentTo(new[] { Alice.UserId, Bob.UserId }));
        var create = (await Alice.GetAsync($"rooms/{room}/state/m.room.create")).Is(200).Json;
        Assert.That(
            create["additional_creators"]!.AsArray().Select(user => (string?)user),
            Is.EquivalentTo(new[] { Bob.UserId, "@zoe:elsewhere.example" }));
        Assert.That(Server.Log, Does.Contain("@nobody:test.example").And.Contain("@zoe:elsewhere.example"));
    }

    [TestCase(
        """{"medium":"email","address":"a@example.org","id_server":"id.example","id_access_token":"t"}""",
        "M_SERVER_NOT_TRUSTED")]
    [TestCase("""{"medium":"email","address":"a@example.org","id_server":"id.example"}""", "M_SERVER_NOT_TRUSTED")]
    [TestCase("""{"medium":"email","address":"a@example.org"}""", "M_MISSING_PARAM")]
    [TestCase("""{"medium":"email","id_server":"id.example"}""", "M_MISSING_PARAM")]
    [TestCase("""{"medium":5,"address":"a@example.org","id_server":"id.example"}""", "M_BAD_JSON")]
    public async Task An_invitation_of_a_third_party_needs_an_identity_server_and_this_server_trusts_none(
        string invite, string code)
    {
        (await Alice.SendAsync(HttpMethod.Post, "createRoom", TestClient.Raw($$"""{"invite_3pid":[{{invite}}]}""")))
            .Is(400, code);
        var room = (await Alice.PostAsync("createRoom")).Is(200).Member("room_id");
        (await Alice.SendAsync(HttpMethod.Post, $"rooms/{room}/invite", TestClient.Raw(invite))).Is(400, code);
    }

    [Test]
    public async Task Levels_of_creators_are_dropped_if_the_client_left_the_version_open_and_refused_if_it_chose_12()
    {
        JsonObject Body() => new()
        {
            ["preset"] = "trusted_private_chat",
            ["invite"] = new JsonArray(Bob.UserId),
            ["power_level_content_override"] = new JsonObject
            {
                ["users"] = new JsonObject { [Alice.UserId] = 100, [Bob.UserId] = 100, ["@bot:test.example"] = 50 },
                ["ban"] = 60,
            },
        };

        var room = (await Alice.PostAsync("createRoom", Body())).Is(200).Member("room_id");
        var levels = (await Alice.GetAsync($"rooms/{room}/state/m.room.power_levels")).Is(200).Json;
        Assert.That(levels["users"]!.ToJsonString(), Is.EqualTo("""{"@bot:test.example":50}"""));
        Assert.That((int)levels["ban"]!, Is.EqualTo(60));

        var chosen = Body();
        chosen["room_version"] = "12";
        (await Alice.PostAsync("createRoom", chosen)).Is(400, "M_INVALID_ROOM_STATE");
        var old = Body();
        old["room_version"] = "11";
        var before = (await Alice.PostAsync("createRoom", old)).Is(200).Member("room_id");
        levels = (await Alice.GetAsync($"rooms/{before}/state/m.room.power_levels")).Is(200).Json;
        Assert.That((int)levels["users"]![Alice.UserId]!, Is.EqualTo(100));
    }

    [Test]
    public async Task Levels_that_name_a_creator_and_a_second_create_event_are_malformed()
    {
        var room = (await Alice.PostAsync("createRoom")).Is(200).Member("room_id");
        var levels = (await Alice.GetAsync($"rooms/{room}/state/m.room.power_levels")).Is(200).Json;
        levels["users"]![Alice.UserId] = 100;

        (await Alice.PutAsync($"rooms/{room}/state/m.room.power_levels", levels)).Is(400, "M_BAD_JSON");
        (await Alice.PutAsync($"rooms/{room}/state/m.room.create", new JsonObject { ["room_version"] = "12" }))
            .Is(400, "M_BAD_JSON");
        var old = (await Alice.PostAsync("createRoom", new JsonObject { ["room_version"] = "10" }))
            .Is(200).Member("room_id");
        (await Alice.PutAsync($"rooms/{old}/state/m.room.create", new JsonObject { ["creator"] = Alice.UserId }))
            .Is(400, "M_BAD_JSON");
    }
}
