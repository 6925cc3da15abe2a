using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Push;

/// <summary>The list of notifications. Client-Server API, "Listing Notifications".</summary>
internal sealed class NotificationListTests(string databaseKind) : TwoInARoomTests(databaseKind)
{
    private async Task<JsonObject> ListAsync(string query = "") =>
        (await Bob.GetAsync("notifications" + query)).Is(200).Json;

    private static string[] IdsOf(JsonObject page) =>
        [.. page["notifications"]!.AsArray().Select(entry => (string)entry!["event"]!["event_id"]!)];

    private Task<string> MentionsAsync(string userId) => Alice.SendsAsync(Room, "m.room.message", new JsonObject
    {
        ["msgtype"] = "m.text",
        ["body"] = "hey",
        ["m.mentions"] = new JsonObject { ["user_ids"] = new JsonArray(userId) },
    });

    [Test]
    public async Task Events_that_notified_are_listed_the_latest_first()
    {
        var first = await Alice.SaysAsync(Room, "one");
        await Bob.SaysAsync(Room, "my own");
        await Alice.SendsAsync(Room, "m.reaction", new JsonObject());
        var second = await Alice.SaysAsync(Room, "two");
        await Bob.ReadsAsync(Room, first);

        var list = await ListAsync();

        Assert.That(IdsOf(list), Is.EqualTo(new[] { second, first }));
        Assert.That(list.ContainsKey("next_token"), Is.False);
        var (latest, read) = (list["notifications"]![0]!, list["notifications"]![1]!);
        Assert.That(((bool)latest["read"]!, (bool)read["read"]!), Is.EqualTo((false, true)));
        Assert.That((string?)latest["room_id"], Is.EqualTo(Room));
        Assert.That((string?)latest["event"]!["content"]!["body"], Is.EqualTo("two"));
        Assert.That((long)latest["ts"]!, Is.EqualTo((long)latest["event"]!["origin_server_ts"]!));
        Assert.That(
            latest["actions"]!.ToJsonString(), Is.EqualTo("""["notify",{"set_tweak":"sound","value":"default"}]"""));
    }

    [Test]
    public async Task An_own_message_reads_what_came_before_it_in_its_thread()
    {
        var first = await Alice.SaysAsync(Room, "one");
        var threaded = await Alice.SaysAsync(Room, "two", content => content["m.relates_to"] = new JsonObject
        {
            ["rel_type"] = "m.thread",
            ["event_id"] = first,
        });
        await Bob.SaysAsync(Room, "my own");
        var last = await Alice.SaysAsync(Room, "three");

        var list = await ListAsync();

        Assert.That(IdsOf(list), Is.EqualTo(new[] { last, threaded, first }));
        Assert.That(
            list["notifications"]!.AsArray().Select(each => (bool)each!["read"]!),
            Is.EqualTo(new[] { false, false, true }));
    }

    [Test]
    public async Task The_list_is_read_in_pages_and_by_highlights_alone()
    {
        var sent = new List<string>();
        for (var i = 0; i < 5; i++) sent.Insert(0, await Alice.SaysAsync(Room, $"{i}"));
        var mention = await MentionsAsync(Bob.UserId);
        await MentionsAsync(Alice.UserId);

        var found = new List<string>();
        string? next = null;
        do
        {
            var page = await ListAsync("?limit=2" + (next is null ? "" : $"&from={next}"));
            Assert.That(IdsOf(page), Has.Length.LessThanOrEqualTo(2));
            found.AddRange(IdsOf(page));
            next = (string?)page["next_token"];
        }
        while (next is not null);

        Assert.That(found.Skip(2), Is.EqualTo(sent));
        Assert.That(found[1], Is.EqualTo(mention));
        Assert.That(IdsOf(await ListAsync("?only=highlight")), Is.EqualTo(new[] { mention }));
    }

    [Test]
    public async Task An_invite_is_listed_and_nothing_of_rooms_that_were_left_or_before_the_join()
    {
        var room = await Alice.CreatesRoomAsync();
        await Alice.SaysAsync(room, "before");
        await Alice.InvitesAsync(room, Bob);
        await Alice.SaysAsync(room, "still before");
        var invite = (await ListAsync())["notifications"]!.AsArray().Single()!;
        Assert.That((string?)invite["event"]!["content"]!["membership"], Is.EqualTo("invite"));
        await Bob.JoinsAsync(room);
        var after = await Alice.SaysAsync(room, "after");
        Assert.That(IdsOf(await ListAsync()).Take(1), Is.EqualTo(new[] { after }));
        Assert.That(IdsOf(await ListAsync()), Has.Length.EqualTo(1));

        await Bob.LeavesAsync(room);
        Assert.That(IdsOf(await ListAsync()), Is.Empty);
    }

    [Test]
    public async Task Wrong_tokens_limits_and_strangers_are_refused()
    {
        (await Bob.GetAsync("notifications?from=nonsense")).Is(400, "M_INVALID_PARAM");
        (await Bob.GetAsync("notifications?from=1_2_3")).Is(400, "M_INVALID_PARAM");
        (await Bob.GetAsync("notifications?limit=many")).Is(400, "M_INVALID_PARAM");
        (await Server.Anyone.GetAsync("notifications")).Is(401, "M_MISSING_TOKEN");
        Assert.That(IdsOf(await ListAsync("?from=999999_1")), Is.Empty);
    }

    [Test]
    public async Task The_rules_of_one_kind_are_listed()
    {
        (await Bob.PutAsync("pushrules/global/content/cake", new JsonObject
        {
            ["pattern"] = "cake",
            ["actions"] = new JsonArray("notify"),
        })).Is(200);
        var all = (await Bob.GetAsync("pushrules/global/")).Is(200).Json;

        foreach (var kind in new[] { "override", "content", "postcontent", "room", "sender", "underride" })
        {
            var rules = JsonNode.Parse((await Bob.GetAsync($"pushrules/global/{kind}/")).Text)!;
            Assert.That(JsonNode.DeepEquals(rules, all[kind]), kind);
        }

        (await Bob.GetAsync("pushrules/global/other")).Is(404, "M_UNRECOGNIZED");
    }
}
