using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.AppServices;

[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class TransactionTests(string databaseKind) : AppServiceTests(databaseKind)
{
    [Test]
    public async Task Messages_of_a_room_with_a_ghost_reach_the_service_in_order_with_its_token()
    {
        var room = await BridgedRoomAsync();

        for (var i = 0; i < 5; i++) await Alice.SaysAsync(room, $"{i}");

        Assert.That(await Service.GetsAsync("4"), Is.EqualTo(new[] { "0", "1", "2", "3", "4" }));
        var last = Service.Transactions.Last();
        Assert.That(last.Method, Is.EqualTo("PUT"));
        Assert.That(last.Path, Does.StartWith("/_matrix/app/v1/transactions/"));
        Assert.That(last.Query, Is.Empty);
        Assert.That(last.Authorization, Is.EqualTo("Bearer " + TestService.HomeserverToken));
        var message = last.Events[^1];
        Assert.That((string?)message["room_id"], Is.EqualTo(room));
        Assert.That((string?)message["sender"], Is.EqualTo(Alice.UserId));
        Assert.That(message["event_id"], Is.Not.Null);
        Assert.That(message["unsigned"]!.AsObject().ContainsKey("transaction_id"), Is.False);
    }

    [Test]
    public async Task Rooms_without_interest_are_not_sent()
    {
        var mine = await Alice.CreatesRoomAsync();
        await Alice.SaysAsync(mine, "secret");
        var room = await BridgedRoomAsync();
        await Alice.SaysAsync(room, "open");
        await Alice.SaysAsync(mine, "secret too");
        await Alice.SaysAsync(room, "last");

        await Service.GetsAsync("last");

        Assert.That(
            Service.Transactions.SelectMany(each => each.Events).Select(each => (string?)each["room_id"]).Distinct(),
            Is.EqualTo(new[] { room }));
    }

    [Test]
    public async Task An_invite_of_a_ghost_reaches_the_service_before_it_is_in_the_room()
    {
        (await RegistersGhostAsync("_irc_ghost")).Is(200);
        var room = await Alice.CreatesRoomAsync();

        (await Alice.PostAsync($"rooms/{room}/invite", new JsonObject { ["user_id"] = IdOf("_irc_ghost") })).Is(200);

        var request = await Service.TakesAsync(each => each.Events.Count > 0);
        Assert.That(request.Events.Select(each => (string?)each["type"]), Is.EqualTo(new[] { "m.room.member" }));
        Assert.That((string?)request.Events[0]["state_key"], Is.EqualTo(IdOf("_irc_ghost")));
    }

    [Test]
    public async Task A_changed_state_event_says_what_it_replaced()
    {
        var room = await BridgedRoomAsync();
        (await Alice.PutAsync($"rooms/{room}/state/m.room.topic", new JsonObject { ["topic"] = "one" })).Is(200);
        (await Alice.PutAsync($"rooms/{room}/state/m.room.topic", new JsonObject { ["topic"] = "two" })).Is(200);

        JsonObject? topic = null;
        await Service.TakesAsync(each =>
        {
            topic = each.Events.LastOrDefault(one => (string?)one["content"]!["topic"] == "two");
            return topic is not null;
        });

        Assert.That((string?)topic!["unsigned"]!["prev_content"]!["topic"], Is.EqualTo("one"));
    }

    [Test]
    public async Task A_failed_transaction_is_repeated_with_the_same_bytes_and_nothing_overtakes_it()
    {
        var room = await BridgedRoomAsync();
        await Alice.SaysAsync(room, "before");
        await Service.GetsAsync("before");
        var failures = 0;
        var failed = new TaskCompletionSource();
        Service.Responds = request =>
        {
            if (!request.IsTransaction || failures == 3) return Task.FromResult(TestService.Ok);
            if (++failures == 3) failed.SetResult();
            return Task.FromResult((500, "{}"));
        };

        await Alice.SaysAsync(room, "one");
        await failed.Task;
        await Alice.SaysAsync(room, "two");

        Assert.That(await Service.GetsAsync("two"), Is.EqualTo(new[] { "one", "two" }));
        var tried = Service.Transactions.Where(each => each.Bodies.Contains("one")).ToArray();
        Assert.That(tried, Has.Length.EqualTo(4));
        Assert.That(tried.Select(each => (each.Path, each.Body)).Distinct().Count(), Is.EqualTo(1));
        Assert.That(Service.Transactions.Where(each => each.Bodies.Contains("two")).Select(each => each.Path),
            Has.None.EqualTo(tried[0].Path));
    }

    [Test]
    public async Task After_a_restart_a_transaction_that_was_not_taken_is_sent_again_unchanged()
    {
        var room = await BridgedRoomAsync();
        await Alice.SaysAsync(room, "before");
        await Service.GetsAsync("before");
        await IsAwayForAsync(room, "one", "two");

        await Server.StopAsync();
        Service.Answers(200);
        await Server.RestartAsync();

        Assert.That(await Service.GetsAsync("two"), Is.EqualTo(new[] { "one", "two" }));
        var tried = Service.Transactions.Where(each => each.Bodies.Contains("one")).ToArray();
        Assert.That(tried.Select(each => (each.Path, each.Body)).Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task After_a_restart_nothing_comes_twice()
    {
        var room = await BridgedRoomAsync();
        await Alice.SaysAsync(room, "one");
        await Service.GetsAsync("one");

        await Server.RestartAsync();
        await Alice.SaysAsync(room, "two");

        Assert.That(await Service.GetsAsync("two"), Is.EqualTo(new[] { "two" }));
    }

    [Test]
    public async Task A_service_that_was_away_gets_what_happened_while_its_ghost_was_in_the_room()
    {
        var room = await BridgedRoomAsync();
        await Alice.SaysAsync(room, "before");
        await Service.GetsAsync("before");
        await IsAwayForAsync(room, "one", "two");
        (await Alice.PostAsync($"rooms/{room}/kick", new JsonObject { ["user_id"] = IdOf("_irc_ghost") })).Is(200);
        await Alice.SaysAsync(room, "not for the service");

        // Its rooms are counted anew, from their states at the time of the events.
        await Server.StopAsync();
        Service.Answers(200);
        await Server.RestartAsync();
        (await Bridge.PostAsync($"join/{room}?user_id={IdOf("_irc_ghost")}")).Is(200);
        await Alice.SaysAsync(room, "three");

        Assert.That(await Service.GetsAsync("three"), Is.EqualTo(new[] { "one", "two", "three" }));
    }

    [Test]
    public async Task A_transaction_has_at_most_a_hundred_events()
    {
        var room = await BridgedRoomAsync();
        await Alice.SaysAsync(room, "before");
        await Service.GetsAsync("before");
        var asked = new TaskCompletionSource();
        Service.Responds = _ =>
        {
            asked.TrySetResult();
            return Task.FromResult((503, "{}"));
        };
        await Alice.SaysAsync(room, "first");
        await asked.Task;
        string[] texts = [.. Enumerable.Range(0, 250).Select(i => $"{i}")];
        foreach (var text in texts) await Alice.SaysAsync(room, text);

        Service.Answers(200);

        Assert.That(await Service.GetsAsync("249"), Is.EqualTo(texts.Prepend("first")));
        Assert.That(Service.Transactions.Max(each => each.Events.Count), Is.EqualTo(100));
    }

    [Test]
    public async Task A_service_of_old_is_asked_by_the_path_that_it_knows()
    {
        var room = await BridgedRoomAsync();
        await Alice.SaysAsync(room, "before");
        await Service.GetsAsync("before");
        Service.Responds = request => Task.FromResult(
            request.Path.StartsWith("/_matrix/", StringComparison.Ordinal)
                ? (404, """{"errcode":"M_UNRECOGNIZED"}""")
                : TestService.Ok);

        await Alice.SaysAsync(room, "one");
        await Service.GetsAsync("one");
        await Alice.SaysAsync(room, "two");
        await Service.GetsAsync("two");

        var paths = Service.Transactions.Where(each => each.Bodies.Any(body => body is "one" or "two"))
            .Select(each => each.Path.Split("transactions")[0]);
        Assert.That(paths, Is.EqualTo(new[] { "/_matrix/app/v1/", "/", "/" }));
    }

    [Test]
    public async Task Registrations_are_read_again_and_a_mistake_leaves_them()
    {
        var reloads = Server.Services.GetServices<Microsoft.Extensions.Hosting.IHostedService>()
            .OfType<Matrix.Host.AppServices.AppServiceReloads>().Single();
        Service.Registers(namespaces: """
              users:
                - exclusive: true
                  regex: "@_xmpp_.*"
            """);
        reloads.Reload();
        (await RegistersGhostAsync("_irc_ghost")).Is(400, "M_EXCLUSIVE");
        (await RegistersGhostAsync("_xmpp_ghost")).Is(200);

        File.WriteAllText(Path.Combine(Service.Folder, "bridge.yaml"), "id: [");
        reloads.Reload();

        (await RegistersGhostAsync("_xmpp_other")).Is(200);
        Assert.That(Server.Log, Does.Contain("bridge.yaml"));
    }

    /// <summary>The service takes nothing; the first message was tried when the others are sent.</summary>
    private async Task IsAwayForAsync(string room, string first, params string[] others)
    {
        var tried = new TaskCompletionSource();
        Service.Responds = _ =>
        {
            tried.TrySetResult();
            return Task.FromResult((503, "{}"));
        };
        await Alice.SaysAsync(room, first);
        await tried.Task;
        foreach (var text in others) await Alice.SaysAsync(room, text);
    }
}

internal sealed class QueryTokenTests : AppServiceTests
{
    protected override (string Key, string Value)[] Settings => [("app_services.token_in_query", "true")];

    [Test]
    public async Task The_token_is_in_the_query_too_if_the_setting_says_so()
    {
        var room = await BridgedRoomAsync();
        await Alice.SaysAsync(room, "one");
        await Service.GetsAsync("one");

        var request = Service.Transactions.First();
        Assert.That(request.Query, Is.EqualTo("?access_token=" + TestService.HomeserverToken));
        Assert.That(request.Authorization, Is.EqualTo("Bearer " + TestService.HomeserverToken));
    }
}
