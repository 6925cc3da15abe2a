using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;
using static Matrix.Host.Tests.Threads.ThreadUsers;

namespace Matrix.Host.Tests.Threads;

/// <summary>Subscriptions to threads (MSC4306).</summary>
internal sealed class ThreadSubscriptionTests(string kind) : TwoInARoomTests(kind)
{
    private const string NotInThread = "IO.ELEMENT.MSC4306.M_NOT_IN_THREAD";
    private const string Conflict = "IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION";

    private static readonly string _unknown = "$" + new string('u', 42) + "A";

    private string _root = null!;

    [SetUp]
    public async Task BeginThread() => _root = await Alice.SaysAsync(Room, "root");

    [Test]
    public async Task A_subscription_outlives_a_restart_and_is_the_users_own()
    {
        (await Alice.GetAsync(Subscription(Room, _root))).Is(404, "M_NOT_FOUND");
        Assert.That((await Alice.SubscribesAsync(Room, _root)).Is(200).Text, Is.EqualTo("{}"));
        (await Alice.SubscribesAsync(Room, _root)).Is(200);
        await Server.RestartAsync();
        Assert.That(await Alice.IsAutomaticAsync(Room, _root), Is.False);
        Assert.That(await Bob.IsAutomaticAsync(Room, _root), Is.Null);

        (await Bob.UnsubscribesAsync(Room, _root)).Is(200);
        Assert.That(await Alice.IsAutomaticAsync(Room, _root), Is.False);
        Assert.That((await Alice.UnsubscribesAsync(Room, _root)).Is(200).Text, Is.EqualTo("{}"));
        (await Alice.UnsubscribesAsync(Room, _root)).Is(200);
        Assert.That(await Alice.IsAutomaticAsync(Room, _root), Is.Null);
    }

    [Test]
    public async Task A_client_does_not_undo_what_the_user_did_after_the_event()
    {
        var seen = await Bob.RepliesAsync(Room, _root, "seen");
        (await Alice.SubscribesAsync(Room, _root, seen)).Is(200);
        Assert.That(await Alice.IsAutomaticAsync(Room, _root), Is.True);

        // The user's own wish has precedence.
        (await Alice.SubscribesAsync(Room, _root)).Is(200);
        (await Alice.SubscribesAsync(Room, _root, seen)).Is(200);
        Assert.That(await Alice.IsAutomaticAsync(Room, _root), Is.False);

        (await Alice.UnsubscribesAsync(Room, _root)).Is(200);
        (await Alice.SubscribesAsync(Room, _root, seen)).Is(409, Conflict);
        await Server.RestartAsync();
        (await Alice.SubscribesAsync(Room, _root, seen)).Is(409, Conflict);
        var later = await Bob.RepliesAsync(Room, _root, "later");
        (await Alice.SubscribesAsync(Room, _root, later)).Is(200);
        Assert.That(await Alice.IsAutomaticAsync(Room, _root), Is.True);
    }

    [Test]
    public async Task The_event_that_caused_it_is_in_the_thread()
    {
        var other = await Alice.SaysAsync(Room, "other");
        var inOther = await Bob.RepliesAsync(Room, other, "in another thread");
        (await Alice.SubscribesAsync(Room, _root, other)).Is(400, NotInThread);
        (await Alice.SubscribesAsync(Room, _root, _root)).Is(400, NotInThread);
        (await Alice.SubscribesAsync(Room, _root, inOther)).Is(400, NotInThread);
        (await Alice.SubscribesAsync(Room, _root, _unknown)).Is(404, "M_NOT_FOUND");
        Assert.That(await Alice.IsAutomaticAsync(Room, _root), Is.Null);
    }

    [Test]
    public async Task Only_members_who_see_the_root_subscribe()
    {
        var carol = await Server.RegistersAsync("carol");
        (await carol.SubscribesAsync(Room, _root)).Is(404, "M_NOT_FOUND");
        (await carol.UnsubscribesAsync(Room, _root)).Is(404, "M_NOT_FOUND");
        (await carol.GetAsync(Subscription(Room, _root))).Is(404, "M_NOT_FOUND");
        (await carol.SubscribesAsync("!unknown:test.example", _root)).Is(404, "M_NOT_FOUND");
        (await Alice.SubscribesAsync(Room, _unknown)).Is(404, "M_NOT_FOUND");
        (await Server.Anyone.GetAsync(Subscription(Room, _root))).Is(401, "M_MISSING_TOKEN");
        (await Server.Anyone.PutAsync(Subscription(Room, _root))).Is(401, "M_MISSING_TOKEN");

        // She may not see what was said before she joined.
        await Alice.SetsAsync(
            Room, "m.room.history_visibility", new JsonObject { ["history_visibility"] = "joined" });
        var hidden = await Alice.SaysAsync(Room, "hidden");
        await carol.JoinsAsync(Room);
        (await carol.SubscribesAsync(Room, hidden)).Is(404, "M_NOT_FOUND");
        (await carol.SubscribesAsync(Room, _root)).Is(200);
    }

    [Test]
    public async Task A_former_member_ends_subscriptions_and_makes_none_until_the_room_is_forgotten()
    {
        (await Bob.SubscribesAsync(Room, _root)).Is(200);
        await Bob.LeavesAsync(Room);
        Assert.That(await Bob.IsAutomaticAsync(Room, _root), Is.False);
        (await Bob.UnsubscribesAsync(Room, _root)).Is(200);
        (await Bob.SubscribesAsync(Room, _root)).Is(404, "M_NOT_FOUND");

        await Bob.JoinsAsync(Room);
        (await Bob.SubscribesAsync(Room, _root)).Is(200);
        await Bob.LeavesAsync(Room);
        (await Bob.PostAsync($"rooms/{Uri.EscapeDataString(Room)}/forget")).Is(200);
        await Bob.JoinsAsync(Room);
        Assert.That(await Bob.IsAutomaticAsync(Room, _root), Is.Null);
    }

    [Test]
    public async Task Beyond_the_limit_ended_ones_are_forgotten_and_then_more_are_refused()
    {
        await Server.RestartAsync(("limits.thread_subscriptions", "2"));
        var roots = new[] { _root, await Alice.SaysAsync(Room, "two"), await Alice.SaysAsync(Room, "three") };
        (await Alice.SubscribesAsync(Room, roots[0])).Is(200);
        (await Alice.SubscribesAsync(Room, roots[1])).Is(200);
        (await Alice.SubscribesAsync(Room, roots[2])).Is(403, "M_FORBIDDEN");
        (await Bob.SubscribesAsync(Room, roots[2])).Is(200);

        (await Alice.UnsubscribesAsync(Room, roots[0])).Is(200);
        (await Alice.SubscribesAsync(Room, roots[2])).Is(200);
        Assert.That(await Alice.IsAutomaticAsync(Room, roots[2]), Is.False);
        Assert.That(await Alice.IsAutomaticAsync(Room, roots[1]), Is.False);
    }

    [TestCase("true")]
    [TestCase("7")]
    [TestCase("{}")]
    public async Task A_cause_that_is_no_text_is_refused(string cause)
    {
        var body = new JsonObject { ["automatic"] = JsonNode.Parse(cause) };
        (await Alice.PutAsync(Subscription(Room, _root), body)).Is(400, "M_BAD_JSON");
        (await Alice.SendAsync(HttpMethod.Put, Subscription(Room, _root), TestClient.Raw("[]")))
            .Is(400, "M_BAD_JSON");
        (await Alice.PutAsync(Subscription("room", _root))).Is(400, "M_INVALID_PARAM");
        Assert.That(await Alice.IsAutomaticAsync(Room, _root), Is.Null);
    }

    [Test]
    public async Task Concurrent_requests_leave_one_outcome()
    {
        var replies = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Alice.SubscribesAsync(Room, _root)));
        Assert.That(replies.Select(reply => reply.Status), Is.All.EqualTo(200));
        Assert.That(await Alice.IsAutomaticAsync(Room, _root), Is.False);
        Assert.That(
            (bool)(await Alice.GetAsync("/_matrix/client/versions"))
                .Json["unstable_features"]!["org.matrix.msc4306"]!,
            Is.True);
    }
}
