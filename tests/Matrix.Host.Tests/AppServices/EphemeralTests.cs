using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.AppServices;

internal sealed class EphemeralTests : AppServiceTests
{
    protected override string Registration => "receive_ephemeral: true";

    [Test]
    public async Task Receipts_and_typing_users_of_its_rooms_reach_the_service()
    {
        var room = await BridgedRoomAsync();
        var said = await Alice.SaysAsync(room, "one");

        await Alice.ReadsAsync(room, said);
        var receipt = await EphemeralAsync("m.receipt");
        await Alice.TypesAsync(room);
        var typing = await EphemeralAsync("m.typing");

        Assert.That((string?)receipt["room_id"], Is.EqualTo(room));
        Assert.That((long)receipt["content"]![said]!["m.read"]![Alice.UserId]!["ts"]!, Is.GreaterThan(0));
        Assert.That((string?)typing["room_id"], Is.EqualTo(room));
        Assert.That((string?)typing["content"]!["user_ids"]![0], Is.EqualTo(Alice.UserId));
    }

    [Test]
    public async Task Receipts_that_were_missed_reach_the_service_too()
    {
        var room = await BridgedRoomAsync();
        var said = await Alice.SaysAsync(room, "one");
        await Service.GetsAsync("one");
        Server.Misses = static _ => true;

        await Alice.ReadsAsync(room, said);

        var receipt = await EphemeralAsync("m.receipt");
        Assert.That((long)receipt["content"]![said]!["m.read"]![Alice.UserId]!["ts"]!, Is.GreaterThan(0));
    }

    [Test]
    public async Task Private_receipts_and_those_of_other_rooms_do_not()
    {
        var mine = await Alice.CreatesRoomAsync();
        var secret = await Alice.SaysAsync(mine, "secret");
        var room = await BridgedRoomAsync();
        var said = await Alice.SaysAsync(room, "one");

        await Alice.ReadsAsync(mine, secret);
        await Alice.ReadsAsync(room, said, type: "m.read.private");
        await Alice.SaysAsync(room, "two");
        await Alice.ReadsAsync(room, await Alice.SaysAsync(room, "three"));
        await EphemeralAsync("m.receipt");

        var all = Service.Transactions.SelectMany(each => each.Json["ephemeral"]!.AsArray())
            .Where(each => (string?)each!["type"] == "m.receipt").ToArray();
        Assert.That(all.Select(each => (string?)each!["room_id"]).Distinct(), Is.EqualTo(new[] { room }));
        Assert.That(all.Select(each => each!.ToJsonString()), Has.None.Contains("m.read.private"));
    }

    [Test]
    public async Task Two_receipts_of_a_user_at_one_event_in_different_threads_both_reach_the_service()
    {
        var room = await BridgedRoomAsync();
        var said = await Alice.SaysAsync(room, "one");
        await Service.GetsAsync("one");
        var (asked, release) = (new TaskCompletionSource(), new TaskCompletionSource());
        Service.Responds = async _ =>
        {
            asked.TrySetResult();
            await release.Task;
            return TestService.Ok;
        };

        await Alice.SaysAsync(room, "two");
        await asked.Task;
        await Alice.ReadsAsync(room, said);
        (await Alice.PostAsync(
            $"rooms/{UserActions.Esc(room)}/receipt/m.read/{UserActions.Esc(said)}",
            new JsonObject { ["thread_id"] = "main" })).Is(200);
        release.SetResult();
        await EphemeralAsync("m.receipt");

        var threads = Service.Transactions.SelectMany(each => each.Json["ephemeral"]!.AsArray())
            .Select(each => each!["content"]![said]?["m.read"]?[Alice.UserId]?.AsObject())
            .OfType<JsonObject>()
            .Select(each => (string?)each["thread_id"]);
        Assert.That(threads, Is.EquivalentTo(new[] { null, "main" }));
    }
}

/// <summary>A service where presence is on.</summary>
internal sealed class ServicePresenceTests : AppServiceTests
{
    protected override string Registration => "receive_ephemeral: true";

    protected override (string Key, string Value)[] Settings => [("presence.mode", "local")];

    [Test]
    public async Task The_presence_of_who_shares_a_room_with_its_users_reaches_the_service()
    {
        await BridgedRoomAsync();
        await IsAsync(Alice, "unavailable", "at lunch");

        var presence = await EphemeralAsync("m.presence");
        Assert.That((string?)presence["sender"], Is.EqualTo(Alice.UserId));
        Assert.That((string?)presence["content"]!["presence"], Is.EqualTo("unavailable"));
        Assert.That((string?)presence["content"]!["status_msg"], Is.EqualTo("at lunch"));
        Assert.That(presence.ContainsKey("room_id"), Is.False);
    }

    [Test]
    public async Task That_of_others_does_not_and_that_of_its_own_users_does()
    {
        await Alice.CreatesRoomAsync();
        await IsAsync(Alice, "unavailable", "elsewhere");
        var ghost = IdOf("_irc_ghost");
        (await RegistersGhostAsync("_irc_ghost")).Is(200);
        (await Bridge.PutAsync(
            $"presence/{ghost}/status?user_id={ghost}", new JsonObject { ["presence"] = "online" })).Is(200);

        var presence = await EphemeralAsync("m.presence");

        Assert.That((string?)presence["sender"], Is.EqualTo(ghost));
        var all = Service.Transactions.SelectMany(each => each.Json["ephemeral"]!.AsArray());
        Assert.That(all.Select(each => (string?)each!["sender"]), Has.None.EqualTo(Alice.UserId));
    }

    private static async Task IsAsync(TestUser user, string presence, string message)
    {
        var body = new JsonObject { ["presence"] = presence, ["status_msg"] = message };
        (await user.PutAsync($"presence/{user.UserId}/status", body)).Is(200);
    }
}

/// <summary>A service that is behind with the events of its rooms.</summary>
internal sealed class LateEphemeralTests : AppServiceTests
{
    protected override string Registration => "receive_ephemeral: true";

    protected override (string Key, string Value)[] Settings => [("app_services.transaction_events", "1")];

    [Test]
    public async Task A_service_that_is_behind_gets_no_receipts_of_a_room_that_its_user_has_left()
    {
        var room = await BridgedRoomAsync();
        await Alice.SaysAsync(room, "zero");
        await Service.GetsAsync("zero");
        using var asked = new SemaphoreSlim(0);
        using var go = new SemaphoreSlim(0);
        Service.Responds = async _ =>
        {
            asked.Release();
            await go.WaitAsync();
            return TestService.Ok;
        };
        await Alice.SaysAsync(room, "one");
        await asked.WaitAsync();
        await Alice.SaysAsync(room, "two");
        var said = await Alice.SaysAsync(room, "three");
        go.Release();
        await asked.WaitAsync();

        (await Bridge.PostAsync($"rooms/{room}/leave?user_id={IdOf("_irc_ghost")}")).Is(200);
        await Alice.ReadsAsync(room, said);
        Service.Answers(200);
        go.Release();
        var own = (await Bridge.PostAsync("createRoom")).Is(200).Member("room_id");
        var mark = new JsonObject { ["body"] = "mark", ["msgtype"] = "m.text" };
        (await Bridge.PutAsync($"rooms/{own}/send/m.room.message/1", mark)).Is(200);
        await Service.GetsAsync("mark");

        var ephemeral = Service.Transactions.SelectMany(each => each.Json["ephemeral"]!.AsArray());
        Assert.That(ephemeral.Select(each => (string?)each!["type"]), Has.None.EqualTo("m.receipt"));
    }
}
