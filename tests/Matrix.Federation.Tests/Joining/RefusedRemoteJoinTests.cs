using System.Text.Json.Nodes;

namespace Matrix.Federation.Tests.Joining;

/// <summary>Joins that the peer refuses, and responses of the peer that are refused.</summary>
public sealed class RefusedRemoteJoinTests : RemoteJoins
{
    [TestCase("sender", "@mallory:evil.example")]
    [TestCase("state_key", "@mallory:evil.example")]
    [TestCase("room_id", "!other:evil.example")]
    [TestCase("type", "m.room.power_levels")]
    [TestCase("content", """{"membership":"ban"}""")]
    [TestCase("depth", "-1")]
    [TestCase("depth", "9007199254740992")]
    [TestCase("depth", "\"2\"")]
    [TestCase("prev_events", """["no event"]""")]
    [TestCase("auth_events", "{}")]
    public async Task A_template_of_another_event_is_not_signed(string member, string value)
    {
        var room = Peer.CreatesRoom("10");
        Peer.ChangesTemplate = template => template["event"]![member] =
            value[0] is '"' or '{' or '[' or '-' or (>= '0' and <= '9') ? JsonNode.Parse(value) : value;

        (await TryJoinAsync(Alice, room)).Is(502, "M_UNKNOWN");

        Assert.That(Peer.Joins, Is.Zero);
    }

    [Test]
    public async Task A_room_without_its_create_event_is_refused([Values("10", "12")] string version)
    {
        var room = Peer.CreatesRoom(version);
        Peer.ChangesRoom = response => Without(response, pdu => (string)pdu["type"]! == "m.room.create");

        (await TryJoinAsync(Alice, room)).Is(502, "M_UNKNOWN");

        Assert.That((await Alice.GetAsync("sync")).Json["rooms"]?["join"]?[room.RoomId], Is.Null);
        Peer.ChangesRoom = null;
        await JoinAsync(Alice, room);
        await AssertSameStateAsync(Alice, room);
    }

    [Test]
    public async Task A_room_without_an_auth_event_of_the_join_is_refused()
    {
        var room = Peer.CreatesRoom("10");
        Peer.ChangesRoom = response => Without(response, pdu => (string)pdu["type"]! == "m.room.join_rules");

        (await TryJoinAsync(Alice, room)).Is(502, "M_UNKNOWN");
    }

    [Test]
    public async Task A_partial_state_is_refused()
    {
        var room = Peer.CreatesRoom("10");
        Peer.ChangesRoom = response => response["members_omitted"] = true;

        (await TryJoinAsync(Alice, room)).Is(502, "M_UNKNOWN");
    }

    [Test]
    public async Task A_room_with_too_many_events_is_refused()
    {
        await using var server = await TestServer.StartWithKnownKeysAsync(
            ("federation.custom_ca", TestCa.Shared.RootFile),
            ("federation.allow_networks", "127.0.0.0/8"),
            ("federation.join_events", "1000"));
        var bob = await server.Knows(Peer.Peer).RegistersAsync("bob");
        var room = Peer.CreatesRoom("10");
        for (var i = 0; i < 1000; i++) room.Adds(room.Creator, "org.example.entry", $"{i}", []);

        (await TryJoinAsync(bob, room)).Is(502, "M_UNKNOWN");
    }

    [Test]
    public async Task A_room_of_another_version_than_the_template_is_refused()
    {
        var room = Peer.CreatesRoom("10");
        Peer.ChangesTemplate = template => template["room_version"] = "9";

        (await TryJoinAsync(Alice, room)).Is(502, "M_UNKNOWN");
    }

    [Test]
    public async Task A_join_that_the_room_does_not_allow_is_refused()
    {
        var room = Peer.CreatesRoom("10", new JsonObject { ["join_rule"] = "invite" });

        (await TryJoinAsync(Alice, room)).Is(403, "M_FORBIDDEN");

        Assert.That((await Alice.GetAsync("sync")).Json["rooms"]?["join"]?[room.RoomId], Is.Null);
    }

    [TestCase(403, "M_FORBIDDEN", 403)]
    [TestCase(404, "M_NOT_FOUND", 404)]
    [TestCase(400, "M_UNABLE_TO_AUTHORISE_JOIN", 400)]
    [TestCase(400, "M_UNABLE_TO_GRANT_JOIN", 400)]
    [TestCase(400, "M_INCOMPATIBLE_ROOM_VERSION", 400)]
    [TestCase(400, "M_BAD_STATE", 400)]
    [TestCase(400, "ORG.EXAMPLE.CLOSED_ON_SUNDAYS", 400)]
    [TestCase(403, "M_GUEST_ACCESS_FORBIDDEN", 403)]
    [TestCase(500, "M_UNKNOWN", 502)]
    public async Task The_error_of_the_resident_server_is_passed_on(int status, string code, int expected)
    {
        var room = Peer.CreatesRoom("10");
        Peer.RefusesJoins = (status, code, code == "M_INCOMPATIBLE_ROOM_VERSION" ? "99" : null);

        var reply = await TryJoinAsync(Alice, room);

        reply.Is(expected, code);
        Assert.That((string?)reply.Json["room_version"], Is.EqualTo(Peer.RefusesJoins.Value.Version));
        Assert.That((string?)reply.Json["error"], Does.Contain("The peer refuses."));
    }

    [TestCase("M_UNKNOWN_TOKEN")]
    [TestCase("M_USER_LOCKED")]
    [TestCase("M_CONSENT_NOT_GIVEN")]
    [TestCase("not a code")]
    public async Task A_server_cannot_tell_a_client_that_its_session_ended(string code)
    {
        var room = Peer.CreatesRoom("10");
        Peer.RefusesJoins = (400, code, null);
        (await TryJoinAsync(Alice, room)).Is(400, "M_UNKNOWN");
    }

    [Test]
    public async Task A_room_of_no_known_server_is_refused_like_one_that_the_user_may_not_know()
    {
        (await Alice.PostAsync($"join/{Escaped($"!nothing:{Server.Name}")}")).Is(403, "M_FORBIDDEN");
        (await Alice.PostAsync($"join/{Escaped("!" + new string('A', 43))}")).Is(403, "M_FORBIDDEN");
        (await Alice.PostAsync($"join/{Escaped("!nothing:127.0.9.9:1")}")).Is(502, "M_UNKNOWN");
    }

    /// <summary>Removes events from the response to `send_join`.</summary>
    private static void Without(JsonObject response, Func<JsonNode, bool> isRemoved)
    {
        foreach (var name in new[] { "state", "auth_chain" })
        {
            response[name] = new JsonArray(
                [.. response[name]!.AsArray().Where(pdu => !isRemoved(pdu!)).Select(pdu => pdu!.DeepClone())]);
        }
    }
}
