using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Reading;

/// <summary>
/// Events with very many child events. Client-Server API, "Aggregations of child events", "Ignoring Users".
/// </summary>
internal sealed class ManyRelationsTests(string kind) : TwoInARoomTests(kind)
{
    private const int Reactions = 1050;

    [Test]
    public async Task Those_who_ignore_somebody_see_the_edit_and_the_thread_of_an_event_with_a_thousand_reactions()
    {
        var carol = await Server.RegistersAsync("carol");
        await carol.JoinsAsync(Room);
        var said = await Alice.SaysAsync(Room, "teh");
        await Alice.SaysAsync(Room, "the", c =>
        {
            c["m.relates_to"] = RelatingTo("m.replace", said);
            c["m.new_content"] = new JsonObject { ["body"] = "the", ["msgtype"] = "m.text" };
        });
        var first = await Bob.SaysAsync(Room, "in the thread", c => c["m.relates_to"] = RelatingTo("m.thread", said));
        await carol.SaysAsync(Room, "in it too", c => c["m.relates_to"] = RelatingTo("m.thread", said));
        var reference = await Bob.SaysAsync(Room, "as said", c => c["m.relates_to"] = RelatingTo("m.reference", said));
        await carol.SaysAsync(Room, "as said, too", c => c["m.relates_to"] = RelatingTo("m.reference", said));
        await ReactsOftenAsync(Bob, said);

        var whole = await BundledAsync(said);
        await Alice.SetsAccountDataAsync(
            "m.ignored_user_list",
            new JsonObject { ["ignored_users"] = new JsonObject { [carol.UserId] = new JsonObject() } });
        var ignoring = await BundledAsync(said);

        Assert.That((string?)ignoring["m.replace"]?["content"]?["m.new_content"]?["body"], Is.EqualTo("the"));
        Assert.That((int?)whole["m.thread"]?["count"], Is.EqualTo(2));
        Assert.That((int?)ignoring["m.thread"]?["count"], Is.EqualTo(1));
        Assert.That((string?)ignoring["m.thread"]!["latest_event"]!["event_id"], Is.EqualTo(first));
        Assert.That(whole["m.reference"]!["chunk"]!.AsArray(), Has.Count.EqualTo(2));
        Assert.That(
            ignoring["m.reference"]!["chunk"]!.AsArray().Select(each => (string?)each!["event_id"]),
            Is.EqualTo(new[] { reference }));
    }

    [Test]
    public async Task So_do_those_who_see_what_was_said_while_they_were_there_alone()
    {
        await Alice.SetsAsync(Room, "m.room.history_visibility", new JsonObject { ["history_visibility"] = "joined" });
        var said = await Alice.SaysAsync(Room, "teh");
        await Alice.SaysAsync(Room, "the", c =>
        {
            c["m.relates_to"] = RelatingTo("m.replace", said);
            c["m.new_content"] = new JsonObject { ["body"] = "the", ["msgtype"] = "m.text" };
        });
        await Alice.SaysAsync(Room, "in the thread", c => c["m.relates_to"] = RelatingTo("m.thread", said));
        await ReactsOftenAsync(Alice, said);
        await Bob.LeavesAsync(Room);
        await Bob.JoinsAsync(Room);

        var reply = await Bob.GetAsync($"rooms/{Room}/event/{UserActions.Esc(said)}");
        var bundled = reply.Json["unsigned"]!["m.relations"]!.AsObject();
        Assert.That((string?)bundled["m.replace"]?["content"]?["m.new_content"]?["body"], Is.EqualTo("the"));
        Assert.That((int?)bundled["m.thread"]?["count"], Is.EqualTo(1));
    }

    private Task ReactsOftenAsync(TestUser user, string said) => Parallel.ForEachAsync(
        Enumerable.Range(0, Reactions),
        new ParallelOptions { MaxDegreeOfParallelism = 64 },
        async (n, _) => await user.SendsAsync(Room, "m.reaction", new JsonObject
        {
            ["m.relates_to"] = RelatingTo("m.annotation", said, $"{n}"),
        }));

    private async Task<JsonObject> BundledAsync(string id) =>
        (await Alice.GetAsync($"rooms/{Room}/event/{UserActions.Esc(id)}"))
            .Json["unsigned"]!["m.relations"]!.AsObject();

    private static JsonObject RelatingTo(string how, string id, string? key = null)
    {
        var relation = new JsonObject { ["rel_type"] = how, ["event_id"] = id };
        if (key is not null) relation["key"] = key;
        return relation;
    }
}
