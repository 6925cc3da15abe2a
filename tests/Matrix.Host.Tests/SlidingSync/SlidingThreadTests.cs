using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;
using Matrix.Host.Tests.Threads;
using static Matrix.Host.Tests.SlidingSync.SlidingUsers;

namespace Matrix.Host.Tests.SlidingSync;

/// <summary>Subscriptions to threads in sliding sync, and its companion endpoint (MSC4308).</summary>
internal sealed class SlidingThreadTests(string kind) : TwoInARoomTests(kind)
{
    private const string Name = "io.element.msc4308.thread_subscriptions";
    private const string Companion = "/_matrix/client/unstable/io.element.msc4308/thread_subscriptions";

    [Test]
    public async Task Changes_come_once_on_each_connection_and_after_a_restart()
    {
        var root = await Alice.SaysAsync(Room, "root");
        (await Bob.SubscribesAsync(Room, root)).Is(200);
        var body = Body();
        var first = await Bob.SlidesAsync(body);
        var found = first.Extension(Name)!["subscribed"]![Room]![root]!;
        Assert.That((bool)found["automatic"]!, Is.False);
        Assert.That(first.Extension(Name)!.ContainsKey("unsubscribed"), Is.False);
        Assert.That(first.Extension(Name)!.ContainsKey("prev_batch"), Is.False);

        var second = await Bob.SlidesAsync(body, first.Pos);
        Assert.That(second.Extension(Name), Is.Null);
        await Server.RestartAsync();
        var third = await Bob.SlidesAsync(body, second.Pos);
        Assert.That(third.Extension(Name), Is.Null);
        Assert.That((await Alice.SlidesAsync(body)).Extension(Name), Is.Null);

        (await Bob.UnsubscribesAsync(Room, root)).Is(200);
        var fourth = await Bob.SlidesAsync(body, third.Pos);
        Assert.That(fourth.Extension(Name)!.ContainsKey("subscribed"), Is.False);
        var ended = fourth.Extension(Name)!["unsubscribed"]![Room]![root]!;
        Assert.That((long)ended["bump_stamp"]!, Is.GreaterThan((long)found["bump_stamp"]!));

        // A new connection may have a client that knew the subscription.
        Assert.That((await Bob.SlidesAsync(body.Named("other"))).Extension(Name)!["unsubscribed"], Is.Not.Null);
    }

    [Test]
    public async Task A_change_wakes_a_client_in_both_formats()
    {
        var root = await Alice.SaysAsync(Room, "root");
        var (unstable, stable) = (Body(), new JsonObject().WithExtensions("thread_subscriptions"));
        var first = await Bob.SlidesAsync(unstable);
        var firstStable = await Alice.SlidesStablyAsync(stable);
        first = await Bob.SlidesAsync(unstable, first.Pos);
        firstStable = await Alice.SlidesStablyAsync(stable, firstStable.Pos);

        var waiting = Bob.SlidesAsync(unstable, first.Pos, 20_000);
        var waitingStably = Alice.SlidesStablyAsync(stable, firstStable.Pos, 20_000);
        (await Bob.SubscribesAsync(Room, root)).Is(200);
        (await Alice.SubscribesAsync(Room, root)).Is(200);
        Assert.That((await waiting).Extension(Name)!["subscribed"]![Room]![root], Is.Not.Null);
        Assert.That(
            (await waitingStably).Extension("thread_subscriptions")!["subscribed"]![Room]![root], Is.Not.Null);
    }

    [Test]
    public async Task What_is_left_out_is_read_backward_up_to_the_position_of_the_request()
    {
        var roots = await SubscribeToManyAsync(3);
        var body = Body(limit: 2);
        var first = await Bob.SlidesAsync(body);
        Assert.That(RootsOf(first.Extension(Name)!), Is.EquivalentTo(roots[1..]));
        var left = await PageAsync($"&from={first.Extension(Name)!["prev_batch"]}");
        Assert.That(RootsOf(left), Is.EqualTo(new[] { roots[0] }));
        Assert.That(left.ContainsKey("end"), Is.False);

        var more = await SubscribeToManyAsync(5);
        var second = await Bob.SlidesAsync(body, first.Pos);
        Assert.That(RootsOf(second.Extension(Name)!), Is.EquivalentTo(more[3..]));
        var seen = new List<string>();
        var from = (string)second.Extension(Name)!["prev_batch"]!;
        while (true)
        {
            var page = await PageAsync($"&from={from}&to={first.Pos}&limit=1");
            seen.AddRange(RootsOf(page));
            if (page["end"] is not { } end) break;
            from = (string)end!;
        }

        Assert.That(seen, Is.EqualTo(new[] { more[2], more[1], more[0] }));
        Assert.That(RootsOf(await PageAsync("")), Is.EquivalentTo(roots.Concat(more)));
        Assert.That(RootsOf((await Alice.GetAsync(Companion + "?dir=b")).Is(200).Json), Is.Empty);
    }

    [Test]
    public async Task The_limit_of_the_configuration_holds()
    {
        await Server.RestartAsync(("sync.sliding_threads", "2"));
        var roots = await SubscribeToManyAsync(3);
        Assert.That(RootsOf((await Bob.SlidesAsync(Body(limit: 100))).Extension(Name)!), Has.Count.EqualTo(2));
        var page = await PageAsync("&limit=100");
        Assert.That(RootsOf(page), Is.EquivalentTo(roots[1..]));
        Assert.That(page["end"], Is.Not.Null);
    }

    [TestCase("", "M_MISSING_PARAM")]
    [TestCase("dir=f", "M_INVALID_PARAM")]
    [TestCase("dir=b&limit=0", "M_INVALID_PARAM")]
    [TestCase("dir=b&limit=x", "M_INVALID_PARAM")]
    [TestCase("dir=b&from=x", "M_INVALID_PARAM")]
    [TestCase("dir=b&from=t1_1_x_$a", "M_INVALID_PARAM")]
    [TestCase("dir=b&to=x", "M_INVALID_PARAM")]
    public async Task A_wrong_page_is_refused(string query, string code)
    {
        (await Bob.GetAsync($"{Companion}?{query}")).Is(400, code);
        (await Server.Anyone.GetAsync(Companion + "?dir=b")).Is(401, "M_MISSING_TOKEN");
    }

    [TestCase("\"many\"")]
    [TestCase("-1")]
    public async Task A_wrong_limit_is_refused(string limit)
    {
        var body = Body();
        body["extensions"]![Name]!["limit"] = JsonNode.Parse(limit);
        Assert.That((await Bob.SlidingAsync(body)).Status, Is.EqualTo(400));
    }

    private static JsonObject Body(int? limit = null)
    {
        var body = new JsonObject().WithExtensions(Name);
        if (limit is { } most) body["extensions"]![Name]!["limit"] = most;
        return body;
    }

    private static IReadOnlyList<string> RootsOf(JsonObject page) =>
    [
        .. page["subscribed"]?.AsObject().SelectMany(room => room.Value!.AsObject()).Select(thread => thread.Key) ?? [],
    ];

    private async Task<JsonObject> PageAsync(string query) =>
        (await Bob.GetAsync($"{Companion}?dir=b{query}")).Is(200).Json;

    private async Task<string[]> SubscribeToManyAsync(int count)
    {
        var roots = new string[count];
        for (var i = 0; i < count; i++)
        {
            roots[i] = await Alice.SaysAsync(Room, $"root {i}");
            (await Bob.SubscribesAsync(Room, roots[i])).Is(200);
        }

        return roots;
    }
}
