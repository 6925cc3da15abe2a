using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Threads;

/// <summary>The push rules about threads (MSC4306).</summary>
internal sealed class ThreadPushRuleTests(string kind) : TwoInARoomTests(kind)
{
    private const string Rules = "pushrules/global/postcontent/";
    private const string Unsubscribed = ".io.element.msc4306.rule.unsubscribed_thread";
    private const string Subscribed = ".io.element.msc4306.rule.subscribed_thread";

    private string _root = null!;

    [SetUp]
    public async Task BeginThread()
    {
        _root = await Alice.SaysAsync(Room, "root");
        var read = await Alice.SaysAsync(Room, "read");
        await Bob.ReadsAsync(Room, read);
    }

    [Test]
    public async Task A_user_who_never_subscribed_is_notified_as_before()
    {
        await Alice.RepliesAsync(Room, _root, "one");
        Assert.That(await UnreadAsync(), Is.EqualTo((1, 0)));
        Assert.That(await NotifiedAsync(), Is.EqualTo(new[] { "one", "read", "root" }));
    }

    [Test]
    public async Task Only_subscribed_threads_notify_who_uses_subscriptions()
    {
        var other = await Alice.SaysAsync(Room, "other root");
        await Bob.ReadsAsync(Room, other);
        (await Bob.SubscribesAsync(Room, other)).Is(200);

        await Alice.RepliesAsync(Room, _root, "not subscribed");
        Assert.That(await UnreadAsync(), Is.EqualTo((0, 0)));
        await Alice.RepliesAsync(Room, other, "subscribed");
        Assert.That(await UnreadAsync(), Is.EqualTo((1, 0)));
        await Alice.RepliesAsync(Room, _root, "mention", Mentions);
        Assert.That(await UnreadAsync(), Is.EqualTo((2, 1)));
        await Alice.SaysAsync(Room, "outside");
        Assert.That(await UnreadAsync(), Is.EqualTo((3, 1)));
        Assert.That(
            await NotifiedAsync(), Does.Contain("subscribed").And.Contain("mention").And.No.Member("not subscribed"));

        (await Bob.UnsubscribesAsync(Room, other)).Is(200);
        await Alice.RepliesAsync(Room, other, "no more");
        Assert.That(await UnreadAsync(), Is.EqualTo((3, 1)));

        await Server.RestartAsync();
        await Alice.RepliesAsync(Room, other, "no more after a restart");
        Assert.That(await UnreadAsync(), Is.EqualTo((3, 1)));
        (await Bob.SubscribesAsync(Room, other)).Is(200);
        await Alice.RepliesAsync(Room, other, "again");
        Assert.That(await UnreadAsync(), Is.EqualTo((4, 1)));
    }

    [Test]
    public async Task A_subscribed_thread_notifies_in_a_muted_room_and_the_rules_can_be_turned_off()
    {
        (await Bob.SubscribesAsync(Room, _root)).Is(200);
        (await Bob.PutAsync($"pushrules/global/room/{Uri.EscapeDataString(Room)}", new JsonObject
        {
            ["actions"] = new JsonArray(),
        })).Is(200);
        await Alice.SaysAsync(Room, "muted");
        await Alice.RepliesAsync(Room, _root, "one");
        Assert.That(await UnreadAsync(), Is.EqualTo((1, 0)));

        (await Bob.PutAsync(Rules + Subscribed + "/enabled", new JsonObject { ["enabled"] = false })).Is(200);
        await Alice.RepliesAsync(Room, _root, "two");
        Assert.That(await UnreadAsync(), Is.EqualTo((1, 0)));
    }

    [Test]
    public async Task The_rules_are_the_servers()
    {
        var all = (await Bob.GetAsync("pushrules/")).Is(200).Json["global"]!["postcontent"]!.AsArray();
        Assert.That(
            all.Select(rule => (string)rule!["rule_id"]!), Is.EqualTo(new[] { Unsubscribed, Subscribed }));
        var condition = all[0]!["conditions"]![0]!;
        Assert.That((string)condition["kind"]!, Is.EqualTo("io.element.msc4306.thread_subscription"));
        Assert.That((bool)condition["subscribed"]!, Is.False);
        Assert.That((bool)(await Bob.GetAsync(Rules + Unsubscribed)).Is(200).Json["default"]!, Is.True);

        var own = new JsonObject { ["actions"] = new JsonArray("notify"), ["conditions"] = new JsonArray() };
        (await Bob.PutAsync(Rules + "mine", own)).Is(400, "M_INVALID_PARAM");
        (await Bob.PutAsync(Rules + Unsubscribed, own)).Is(400, "M_INVALID_PARAM");
        (await Bob.DeleteAsync(Rules + Unsubscribed)).Is(404, "M_NOT_FOUND");
        (await Bob.PutAsync(Rules + Unsubscribed + "/actions", new JsonObject
        {
            ["actions"] = new JsonArray("notify"),
        })).Is(200);
        Assert.That(
            (await Bob.GetAsync(Rules + Unsubscribed + "/actions")).Is(200).Text,
            Is.EqualTo("{\"actions\":[\"notify\"]}"));
    }

    private void Mentions(JsonObject content) =>
        content["m.mentions"] = new JsonObject { ["user_ids"] = new JsonArray(Bob.UserId) };

    private async Task<(int, int)> UnreadAsync() => (await Bob.SyncsAsync()).Unread(Room);

    private async Task<string[]> NotifiedAsync() =>
    [
        .. (await Bob.GetAsync("notifications")).Is(200).Json["notifications"]!.AsArray()
            .Select(each => (string?)each!["event"]!["content"]!["body"]).OfType<string>(),
    ];
}
