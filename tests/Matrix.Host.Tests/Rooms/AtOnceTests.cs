using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Rooms;

/// <summary>The same request several times at the same moment.</summary>
internal sealed class AtOnceTests : TwoUsersTests
{
    [Test]
    public async Task Joining_many_times_at_once_makes_one_event()
    {
        var room = (await Alice.PostAsync("createRoom", new JsonObject { ["preset"] = "public_chat" }))
            .Member("room_id");
        var joins = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Bob.PostAsync($"rooms/{room}/join")));
        foreach (var join in joins) join.Is(200);
        var page = (await Alice.GetAsync($"rooms/{room}/messages?dir=b&limit=100")).Is(200).Json;
        Assert.That(page["chunk"]!.AsArray().Count(each => (string?)each!["state_key"] == Bob.UserId), Is.EqualTo(1));
    }

    [Test]
    public async Task Reacting_many_times_at_once_makes_one_reaction()
    {
        var room = (await Alice.PostAsync("createRoom", new JsonObject { ["preset"] = "public_chat" }))
            .Member("room_id");
        var said = (await Alice.PutAsync($"rooms/{room}/send/m.room.message/0", new JsonObject { ["body"] = "x" }))
            .Member("event_id");
        Task<Reply> ReactsAsync(int i) => Alice.PutAsync($"rooms/{room}/send/m.reaction/{i}", new JsonObject
        {
            ["m.relates_to"] = new JsonObject { ["rel_type"] = "m.annotation", ["event_id"] = said, ["key"] = "+1" },
        });

        var replies = await Task.WhenAll(Enumerable.Range(1, 16).Select(ReactsAsync));
        Assert.Multiple(() =>
        {
            Assert.That(replies.Count(reply => reply.Status == 200), Is.EqualTo(1));
            Assert.That(replies.Count(reply => reply.Errcode == "M_DUPLICATE_ANNOTATION"), Is.EqualTo(15));
        });
    }
}
