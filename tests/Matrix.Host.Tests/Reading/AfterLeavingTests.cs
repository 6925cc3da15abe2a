using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Reading;

/// <summary>Events that a user may see carry no later or earlier events that the user may not see.</summary>
internal sealed class AfterLeavingTests : TwoUsersTests
{
    private const string Secret = "not for bob";

    private int _txn;

    [Test]
    public async Task What_relates_to_an_event_after_one_left_does_not_come_with_it()
    {
        var room = await CreatesAsync("shared");
        await Bob.PostAsync($"rooms/{room}/join");
        var edited = await SaysAsync(room, "first");
        var rooted = await SaysAsync(room, "root");
        await RelatesAsync(room, edited, "m.replace", "for everyone");
        var inThread = await RelatesAsync(room, rooted, "m.thread", "for everyone");
        await Bob.PostAsync($"rooms/{room}/leave");
        await RelatesAsync(room, edited, "m.replace", Secret);
        await RelatesAsync(room, rooted, "m.thread", Secret);
        var refers = await RelatesAsync(room, rooted, "m.reference", Secret);

        var page = (await Bob.GetAsync($"rooms/{room}/messages?dir=b&limit=50")).Is(200);
        var one = (await Bob.GetAsync($"rooms/{room}/event/{edited}")).Is(200);
        var around = (await Bob.GetAsync($"rooms/{room}/context/{rooted}")).Is(200);
        var threads = (await Bob.GetAsync($"/_matrix/client/v1/rooms/{room}/threads")).Is(200);
        var filter = Uri.EscapeDataString("""{"room":{"include_leave":true,"timeline":{"limit":4}}}""");
        var sync = (await Bob.GetAsync($"sync?filter={filter}")).Is(200);

        Assert.Multiple(() =>
        {
            foreach (var seen in new[] { page, one, around, threads, sync })
                Assert.That(seen.Text, Does.Not.Contain(Secret).And.Not.Contain(refers));
            Assert.That(
                (string?)one.Json["unsigned"]!["m.relations"]!["m.replace"]!["content"]!["body"],
                Is.EqualTo("for everyone"));
            var thread = around.Json["event"]!["unsigned"]!["m.relations"]!["m.thread"]!;
            Assert.That((string?)thread["latest_event"]!["event_id"], Is.EqualTo(inThread));
            Assert.That((int?)thread["count"], Is.EqualTo(1));
        });
    }

    [Test]
    public async Task What_relates_to_an_event_while_one_was_away_does_not_come_with_it_where_only_the_joined_see()
    {
        var room = await CreatesAsync("joined");
        await Bob.PostAsync($"rooms/{room}/join");
        var edited = await SaysAsync(room, "first");
        await Bob.PostAsync($"rooms/{room}/leave");
        await RelatesAsync(room, edited, "m.replace", Secret);
        await Bob.PostAsync($"rooms/{room}/join");

        Assert.That(
            (await Bob.GetAsync($"rooms/{room}/messages?dir=b&limit=50")).Is(200).Text,
            Does.Not.Contain(Secret));
        Assert.That((await Alice.GetAsync($"rooms/{room}/messages?dir=b&limit=50")).Is(200).Text, Does.Contain(Secret));
    }

    [Test]
    public async Task What_was_in_a_thread_while_one_was_away_is_not_counted_for_them_where_only_the_joined_see()
    {
        var room = await CreatesAsync("joined");
        await Bob.PostAsync($"rooms/{room}/join");
        var rooted = await SaysAsync(room, "root");
        await Bob.PostAsync($"rooms/{room}/leave");
        await RelatesAsync(room, rooted, "m.thread", Secret);
        await RelatesAsync(room, rooted, "m.thread", Secret);
        var away = await RelatesAsync(room, rooted, "m.reference", Secret);
        await Bob.PostAsync($"rooms/{room}/join");
        var latest = await RelatesAsync(room, rooted, "m.thread", "for everyone");
        var back = await RelatesAsync(room, rooted, "m.reference", "for everyone");

        var (bob, alice) = (await OfRootAsync(Bob), await OfRootAsync(Alice));

        Assert.That(
            ((int?)bob["m.thread"]!["count"], (string?)bob["m.thread"]!["latest_event"]!["event_id"]),
            Is.EqualTo((1, latest)));
        Assert.That(
            bob["m.reference"]!["chunk"]!.AsArray().Select(e => (string?)e!["event_id"]),
            Is.EqualTo(new[] { back }));
        Assert.That((int?)alice["m.thread"]!["count"], Is.EqualTo(3));
        Assert.That(
            alice["m.reference"]!["chunk"]!.AsArray().Select(e => (string?)e!["event_id"]),
            Is.EqualTo(new[] { away, back }));

        async Task<JsonNode> OfRootAsync(TestUser user) =>
            (await user.GetAsync($"rooms/{room}/event/{rooted}")).Is(200).Json["unsigned"]!["m.relations"]!;
    }

    [Test]
    public async Task A_user_who_left_does_not_see_who_redacted_an_event_afterwards()
    {
        var room = await CreatesAsync("shared");
        await Bob.PostAsync($"rooms/{room}/join");
        var (earlier, later) = (await SaysAsync(room, "spam"), await SaysAsync(room, "gossip"));
        var known = await RedactsAsync(room, earlier, "for everyone");
        await Bob.PostAsync($"rooms/{room}/leave");
        await RedactsAsync(room, later, Secret);

        var page = (await Bob.GetAsync($"rooms/{room}/messages?dir=b&limit=50")).Is(200);
        var one = (await Bob.GetAsync($"rooms/{room}/event/{later}")).Is(200);
        var filter = Uri.EscapeDataString("""{"room":{"include_leave":true}}""");
        var sync = (await Bob.GetAsync($"sync?filter={filter}")).Is(200);

        foreach (var seen in new[] { page, one, sync })
            Assert.That(seen.Text, Does.Not.Contain(Secret).And.Not.Contain("gossip"));
        Assert.That(one.Json["content"]!.AsObject(), Is.Empty);
        Assert.That(
            (string?)(await Bob.GetAsync($"rooms/{room}/event/{earlier}"))
                .Is(200).Json["unsigned"]!["redacted_because"]!["event_id"],
            Is.EqualTo(known));
        Assert.That((await Alice.GetAsync($"rooms/{room}/event/{later}")).Is(200).Text, Does.Contain(Secret));
    }

    [Test]
    public async Task A_user_who_was_away_does_not_see_who_redacted_an_event_if_only_members_see_the_history()
    {
        var room = await CreatesAsync("joined");
        await Bob.PostAsync($"rooms/{room}/join");
        var said = await SaysAsync(room, "gossip");
        await Bob.PostAsync($"rooms/{room}/leave");
        await RedactsAsync(room, said, Secret);
        await Bob.PostAsync($"rooms/{room}/join");

        var one = (await Bob.GetAsync($"rooms/{room}/event/{said}")).Is(200);

        Assert.That(one.Text, Does.Not.Contain(Secret).And.Not.Contain("gossip"));
    }

    [Test]
    public async Task A_newcomer_does_not_see_earlier_members_if_only_members_see_the_history()
    {
        var carol = await Server.RegistersAsync("carol");
        var room = await CreatesAsync("joined");
        await carol.PostAsync($"rooms/{room}/join");
        await SaysAsync(room, "first");
        var then = (await Alice.GetAsync("sync")).Is(200).Member("next_batch");
        await carol.PostAsync($"rooms/{room}/leave");
        await Bob.PostAsync($"rooms/{room}/join");

        var now = (await Bob.GetAsync("sync")).Is(200).Member("next_batch");
        (await Bob.GetAsync($"rooms/{room}/members?at={then}")).Is(403, "M_FORBIDDEN");
        (await Alice.GetAsync($"rooms/{room}/members?at={then}")).Is(200);
        (await Bob.GetAsync($"rooms/{room}/members?at={now}")).Is(200);
    }

    [TestCase("joined", false)]
    [TestCase("invited", false)]
    [TestCase("shared", true)]
    public async Task What_state_said_before_one_came_is_told_to_those_only_who_may_see_it(string setting, bool isTold)
    {
        var room = await CreatesAsync(setting);
        var first = await SetsTopicAsync(room, Secret);
        await SetsTopicAsync(room, "for everyone");
        await Bob.PostAsync($"rooms/{room}/join");

        foreach (var path in new[] { "state", "state/m.room.topic?format=event" })
        {
            var seen = (await Bob.GetAsync($"rooms/{room}/{path}")).Is(200);
            Assert.That(seen.Text.Contains(Secret), Is.EqualTo(isTold), path);
            Assert.That(seen.Text, Does.Contain($"\"replaces_state\":\"{first}\""));
        }

        // New members may see the earlier state event, so `prev_content` of its replacement has it.
        var later = await SetsTopicAsync(room, "later");
        var replaced = (await Bob.GetAsync($"rooms/{room}/event/{later}")).Is(200).Json["unsigned"]!["prev_content"];
        Assert.That((string?)replaced?["topic"], Is.EqualTo("for everyone"));
    }

    [Test]
    public async Task A_user_who_left_keeps_what_they_could_see_when_the_room_is_opened_to_the_world_later()
    {
        var room = await CreatesAsync("shared");
        var said = await SaysAsync(room, "before bob");
        await Bob.PostAsync($"rooms/{room}/join");
        await Bob.PostAsync($"rooms/{room}/leave");
        var away = await SaysAsync(room, Secret);
        await Alice.PutAsync($"rooms/{room}/state/m.room.history_visibility", new JsonObject
        {
            ["history_visibility"] = "world_readable",
        });
        var open = await SaysAsync(room, "open");

        var seen = (await Bob.GetAsync($"rooms/{room}/messages?dir=b&limit=50")).Is(200).Text;
        Assert.That(seen, Does.Contain(said).And.Contain(open).And.Not.Contain(away));
        var carol = await Server.RegistersAsync("carol");
        Assert.That(
            (await carol.GetAsync($"rooms/{room}/messages?dir=b&limit=50")).Is(200).Text,
            Does.Contain(open).And.Not.Contain(said));
        await Bob.PostAsync($"rooms/{room}/forget");
        Assert.That(
            (await Bob.GetAsync($"rooms/{room}/messages?dir=b&limit=50")).Is(200).Text,
            Does.Contain(open).And.Not.Contain(said));
    }

    private async Task<string> SetsTopicAsync(string room, string topic) =>
        (await Alice.PutAsync($"rooms/{room}/state/m.room.topic", new JsonObject { ["topic"] = topic }))
            .Is(200).Member("event_id");

    private async Task<string> CreatesAsync(string visibility) => (await Alice.PostAsync("createRoom", new JsonObject
    {
        ["preset"] = "public_chat",
        ["initial_state"] = new JsonArray(new JsonObject
        {
            ["type"] = "m.room.history_visibility",
            ["content"] = new JsonObject { ["history_visibility"] = visibility },
        }),
    })).Is(200).Member("room_id");

    private async Task<string> SaysAsync(string room, string text) => (await Alice.PutAsync(
        $"rooms/{room}/send/m.room.message/{++_txn}",
        new JsonObject { ["msgtype"] = "m.text", ["body"] = text })).Is(200).Member("event_id");

    private async Task<string> RedactsAsync(string room, string what, string reason) => (await Alice.PutAsync(
        $"rooms/{room}/redact/{what}/{++_txn}", new JsonObject { ["reason"] = reason })).Is(200).Member("event_id");

    private async Task<string> RelatesAsync(string room, string to, string how, string text) => (await Alice.PutAsync(
        $"rooms/{room}/send/m.room.message/{++_txn}",
        new JsonObject
        {
            ["msgtype"] = "m.text",
            ["body"] = text,
            ["m.new_content"] = new JsonObject { ["msgtype"] = "m.text", ["body"] = text },
            ["m.relates_to"] = new JsonObject { ["rel_type"] = how, ["event_id"] = to },
        })).Is(200).Member("event_id");
}
