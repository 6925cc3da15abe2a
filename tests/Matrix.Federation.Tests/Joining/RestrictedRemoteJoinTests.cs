using System.Text.Json.Nodes;

namespace Matrix.Federation.Tests.Joining;

/// <summary>Joins of restricted rooms of a peer. Server-Server API, "Restricted rooms".</summary>
public sealed class RestrictedRemoteJoinTests : RemoteJoins
{
    [Test]
    public async Task A_restricted_room_is_joined_with_the_signature_of_the_authorising_users_server(
        [Values("8", "10", "12")] string version)
    {
        (await TryJoinAsync(Alice, Peer.CreatesRoom(version, Restricted))).Is(502, "M_UNKNOWN");
        Peer.SignsJoins = true;
        var room = Peer.CreatesRoom(version, Restricted);

        await JoinAsync(Alice, room);

        await AssertSameStateAsync(Alice, room);
        Assert.That(
            (string?)room.Last["content"]!["join_authorised_via_users_server"], Is.EqualTo(room.Creator));
    }

    [Test]
    public async Task A_restricted_join_that_no_local_user_may_authorise_goes_to_a_server_in_the_room()
    {
        var room = Peer.CreatesRoom("10");
        await JoinAsync(Alice, room);
        var bob = await Server.RegistersAsync("bob");
        var rules = room.Adds(room.Creator, "m.room.join_rules", "", Restricted);
        (await SendAsync("t1", rules)).Is(200);
        Peer.SignsJoins = true;

        await bob.JoinsAsync(room.RoomId);

        Assert.That(Peer.Joins, Is.EqualTo(2));
        await AssertSameStateAsync(bob, room);
    }

    [TestCase(500, "M_UNKNOWN", 403, "M_FORBIDDEN")]
    [TestCase(404, "M_NOT_FOUND", 403, "M_FORBIDDEN")]
    [TestCase(400, "M_UNABLE_TO_AUTHORISE_JOIN", 400, "M_UNABLE_TO_AUTHORISE_JOIN")]
    public async Task A_refused_restricted_join_of_a_room_that_is_here_says_why(
        int status, string code, int expected, string expectedCode)
    {
        var room = Peer.CreatesRoom("10");
        await JoinAsync(Alice, room);
        var bob = await Server.RegistersAsync("bob");
        (await SendAsync("t1", room.Adds(room.Creator, "m.room.join_rules", "", Restricted))).Is(200);
        Peer.RefusesJoins = (status, code, null);

        (await bob.PostAsync($"join/{Escaped(room.RoomId)}")).Is(expected, expectedCode);
    }

    [TestCase("M_UNABLE_TO_AUTHORISE_JOIN")]
    [TestCase("M_UNABLE_TO_GRANT_JOIN")]
    public async Task A_restricted_join_that_one_server_cannot_authorise_goes_to_the_next(string code)
    {
        await using var other = await StartPeerAsync();
        other.RefusesJoins = (400, code, null);
        Peer.SignsJoins = true;
        var room = Peer.CreatesRoom("10", Restricted);

        await Alice.JoinsAsync(room.RoomId, other.Peer.Name, Peer.Peer.Name);

        Assert.That(other.JoinTemplates, Is.EqualTo(1));
        await AssertSameStateAsync(Alice, room);
    }

    [Test]
    public async Task A_template_whose_authorising_user_is_of_another_server_is_not_signed([Values] bool isOurs)
    {
        // This server's signature would authorise a join whose conditions it has not checked.
        var room = Peer.CreatesRoom("10", Restricted);
        var user = isOurs ? Alice.UserId : "@carol:third.example";
        Peer.ChangesTemplate = template =>
            template["event"]!["content"]!["join_authorised_via_users_server"] = user;

        (await TryJoinAsync(Alice, room)).Is(502, "M_UNKNOWN");

        Assert.That(Peer.Joins, Is.Zero);
    }

    private static JsonObject Restricted => new()
    {
        ["join_rule"] = "restricted",
        ["allow"] = new JsonArray(new JsonObject { ["type"] = "m.room_membership", ["room_id"] = "!other:b.example" }),
    };
}
