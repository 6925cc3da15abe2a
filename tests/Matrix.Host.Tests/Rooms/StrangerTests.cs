using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Rooms;

/// <summary>Non-members get the same response whether or not a room exists.</summary>
internal sealed class StrangerTests : TwoUsersTests
{
    private const string NoRoom = "!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    private static IEnumerable<TestCaseData> Requests()
    {
        yield return Request("account data", (bob, room) => bob.PutAsync(
            $"user/{bob.UserId}/rooms/{room}/account_data/a.b"));
        yield return Request("reading account data", (bob, room) => bob.GetAsync(
            $"user/{bob.UserId}/rooms/{room}/account_data/a.b"));
        yield return Request("tags", (bob, room) => bob.GetAsync($"user/{bob.UserId}/rooms/{room}/tags"));
        yield return Request("a tag", (bob, room) => bob.PutAsync($"user/{bob.UserId}/rooms/{room}/tags/u.x"));
        yield return Request("deleting a tag", (bob, room) => bob.DeleteAsync(
            $"user/{bob.UserId}/rooms/{room}/tags/u.x"));
        yield return Request("an alias", (bob, room) => bob.PutAsync(
            $"directory/room/%23x:{TestServer.ServerName}", new JsonObject { ["room_id"] = room }));
        yield return Request("aliases", (bob, room) => bob.GetAsync($"rooms/{room}/aliases"));
        yield return Request("join", (bob, room) => bob.PostAsync($"rooms/{room}/join"));
        yield return Request("join by id or alias", (bob, room) => bob.PostAsync($"join/{room}"));
        yield return Request("join with an invitation", (bob, room) => bob.PostAsync($"join/{room}", new JsonObject
        {
            ["third_party_signed"] = new JsonObject
            {
                ["sender"] = bob.UserId,
                ["mxid"] = bob.UserId,
                ["token"] = "token",
                ["signatures"] = new JsonObject(),
            },
        }));
        yield return Request("join by state", (bob, room) => bob.PutAsync(
            $"rooms/{room}/state/m.room.member/{bob.UserId}", new JsonObject { ["membership"] = "join" }));
        yield return Request("leave", (bob, room) => bob.PostAsync($"rooms/{room}/leave"));
        yield return Request("forget", (bob, room) => bob.PostAsync($"rooms/{room}/forget"));
        yield return Request("invite", (bob, room) => bob.PostAsync(
            $"rooms/{room}/invite", new JsonObject { ["user_id"] = bob.UserId }));
        yield return Request("kick", (bob, room) => bob.PostAsync(
            $"rooms/{room}/kick", new JsonObject { ["user_id"] = bob.UserId }));
        yield return Request("state", (bob, room) => bob.PutAsync(
            $"rooms/{room}/state/m.room.name", new JsonObject { ["name"] = "x" }));
        yield return Request("a wrong member", (bob, room) => bob.PutAsync(
            $"rooms/{room}/state/m.room.member/x", new JsonObject { ["membership"] = "ban" }));
        yield return Request("a wrong alias", (bob, room) => bob.PutAsync(
            $"rooms/{room}/state/m.room.canonical_alias", new JsonObject { ["alias"] = 5 }));
        yield return Request("a message", (bob, room) => bob.PutAsync(
            $"rooms/{room}/send/m.room.message/{room}", new JsonObject { ["body"] = "x" }));
        yield return Request("a long message", (bob, room) => bob.PutAsync(
            $"rooms/{room}/send/m.room.message/{room}", new JsonObject { ["body"] = new string('x', 65_400) }));
    }

    private static TestCaseData Request(string name, Func<TestUser, string, Task<Reply>> ask) =>
        new TestCaseData(ask).SetArgDisplayNames(name);

    [TestCaseSource(nameof(Requests))]
    public async Task A_stranger_gets_the_same_answer_whether_or_not_a_room_exists(
        Func<TestUser, string, Task<Reply>> ask)
    {
        var room = (await Alice.PostAsync("createRoom")).Is(200).Member("room_id");

        var (exists, doesNot) = (await ask(Bob, room), await ask(Bob, NoRoom));

        Assert.That(exists.Status, Is.AnyOf(403, 404), exists.Text);
        Assert.That((exists.Status, exists.Text), Is.EqualTo((doesNot.Status, doesNot.Text)));
    }

    [Test]
    public async Task One_who_is_invited_or_has_left_keeps_account_data_of_the_room()
    {
        var body = new JsonObject { ["invite"] = new JsonArray(Bob.UserId) };
        var room = (await Alice.PostAsync("createRoom", body)).Is(200).Member("room_id");
        var path = $"user/{Bob.UserId}/rooms/{room}/account_data/a.b";

        (await Bob.PutAsync(path)).Is(200);
        (await Bob.PostAsync($"rooms/{room}/join")).Is(200);
        (await Bob.PutAsync(path, new JsonObject { ["c"] = 1 })).Is(200);
        (await Bob.PostAsync($"rooms/{room}/leave")).Is(200);
        (await Bob.PutAsync(path, new JsonObject { ["c"] = 2 })).Is(200);
        Assert.That((await Bob.GetAsync(path)).Is(200).Text, Is.EqualTo("""{"c":2}"""));
    }
}
