using System.Text.Json.Nodes;
using Matrix.Host.Api.Http;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.RateLimits;
using Matrix.Host.Streams.Streams.Typing;
using Matrix.Host.Sync.Sliding;
using Matrix.Host.Tests.Push;
using Matrix.Host.Tests.Support;
using Matrix.Host.Users.Presence;
using Microsoft.Extensions.DependencyInjection;
using static Matrix.TestWorld.UserActions;

namespace Matrix.Host.Tests.Missed;

/// <summary>What consumers hold is right, however the changes reach them that a test's server makes.</summary>
internal abstract class FollowedChangesTests(string databaseKind) : TwoUsersTests(databaseKind)
{
    private const int Later = 3_600_000;

    /// <summary>From now on consumers get changes in the way that the tests are about.</summary>
    protected abstract void Begin();

    protected T Part<T>()
        where T : notnull => Server.Services.GetRequiredService<T>();

    protected async Task<string> SharedRoomAsync()
    {
        var room = await Alice.CreatesRoomAsync();
        await Bob.JoinsAsync(room);
        return room;
    }

    [Test]
    public async Task Limits_of_single_users_are_set_and_removed()
    {
        var rates = Part<RateOverrides>();
        var writer = Part<IStorageWriter>();
        Begin();
        await writer.WriteAsync(
            Batches.New(1).Add(new RateLimitSet(new UserRateLimit(Alice.UserId, 3, 5))), CancellationToken.None);
        await Until.HoldsAsync(() => rates.Find(Alice.UserId) is { Burst: 5 });
        await writer.WriteAsync(Batches.New(1).Add(new RateLimitRemoved(Alice.UserId)), CancellationToken.None);
        await Until.HoldsAsync(() => rates.Find(Alice.UserId) is null);
    }

    [Test]
    public async Task Messages_of_an_erased_user_are_hidden_from_those_who_join_later()
    {
        var room = await SharedRoomAsync();
        var said = await Alice.SaysAsync(room, "secret");
        Begin();
        (await Alice.PostAsync(
            "account/deactivate",
            new JsonObject { ["erase"] = true, ["auth"] = Alice.PasswordAuth() })).Is(200);
        var carol = await Server.RegistersAsync("carol");
        await carol.JoinsAsync(room);

        await Until.HoldsAsync(async () =>
            (await carol.GetAsync($"rooms/{Esc(room)}/event/{Esc(said)}")).Is(200).Json["content"]!["body"] is null);
        Assert.That(
            (string?)(await Bob.GetAsync($"rooms/{Esc(room)}/event/{Esc(said)}")).Json["content"]!["body"],
            Is.EqualTo("secret"));
    }

    [Test]
    public async Task A_state_event_cancels_the_delayed_ones_that_waited_for_its_place_and_no_later_ones()
    {
        var room = await SharedRoomAsync();
        var levels = (await Alice.GetAsync($"rooms/{Esc(room)}/state/m.room.power_levels")).Is(200).Json;
        levels["events"]!["org.example.shared"] = 0;
        await Alice.SetsAsync(room, "m.room.power_levels", levels);
        await DelaysAsync("earlier");
        Begin();
        await Bob.SetsAsync(room, "org.example.shared", new() { ["by"] = "bob" });
        var later = await DelaysAsync("later");

        await RestoreAsync();
        await Until.HoldsAsync(async () => (await WaitingAsync()).SequenceEqual([later]));
        await RestoreAsync();
        Assert.That(await WaitingAsync(), Is.EqualTo(new[] { later }));

        ValueTask RestoreAsync() => Part<Matrix.Host.Rooms.Delayed.DelayedEvents>()
            .RestoreAsync(0, Part<IStorageWriter>().PublishedPosition, CancellationToken.None);
        async Task<string> DelaysAsync(string by) => (await Alice.PutAsync(
            $"rooms/{Esc(room)}/state/org.example.shared/?org.matrix.msc4140.delay={Later}",
            new JsonObject { ["by"] = by })).Is(200).Member("delay_id");
        async Task<IEnumerable<string?>> WaitingAsync() =>
            (await Alice.GetAsync("/_matrix/client/unstable/org.matrix.msc4140/delayed_events"))
                .Is(200).Json["delayed_events"]!.AsArray().Select(each => (string?)each!["delay_id"]);
    }

    [Test]
    public async Task Settings_of_a_replaced_room_follow_the_user_to_the_new_one()
    {
        var room = await SharedRoomAsync();
        (await Bob.PutAsync(
            $"user/{Esc(Bob.UserId)}/rooms/{Esc(room)}/tags/m.favourite", new JsonObject { ["order"] = 0.5 })).Is(200);
        Begin();
        var next = (await Alice.PostAsync($"rooms/{Esc(room)}/upgrade", new JsonObject { ["new_version"] = "11" }))
            .Is(200).Member("replacement_room");
        await Bob.JoinsAsync(next);

        await Until.HoldsAsync(async () =>
            (await Bob.GetAsync($"user/{Esc(Bob.UserId)}/rooms/{Esc(next)}/tags"))
                .Is(200).Json["tags"]!["m.favourite"] is not null);
    }

    [Test]
    public async Task A_user_who_leaves_types_no_more()
    {
        var room = await SharedRoomAsync();
        var nid = (await Part<RoomSnapshots>().FindAsync(room, default))!.Room.Nid;
        var board = Part<ITypingBoard>();
        await Alice.TypesAsync(room);
        await Bob.TypesAsync(room);
        Begin();
        await Bob.LeavesAsync(room);

        await Until.HoldsAsync(() => board.In(nid).SequenceEqual([Alice.UserId]));
    }

    [Test]
    public async Task A_device_that_is_gone_has_no_sliding_connection()
    {
        var connections = Part<SlidingConnections>();
        var other = await Alice.LogsInAsync();
        (await other.PostAsync(
            "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync", new JsonObject())).Is(200);
        Assert.That(connections.Bytes, Is.GreaterThan(0));
        Begin();
        (await other.PostAsync("logout")).Is(200);

        await Until.HoldsAsync(() => connections.Bytes == 0);
    }

    [Test]
    public async Task A_pusher_gets_pushes()
    {
        await using var gateway = await PushGateway.StartAsync();
        await Server.RestartAsync(gateway.Settings);
        var room = await SharedRoomAsync();
        Begin();
        await gateway.SetAsync(Bob);
        var said = await Alice.SaysAsync(room, "hello");

        Assert.That(await gateway.NextEventAsync(), Is.EqualTo(said));
    }

    [Test]
    public async Task Nobody_is_present_after_their_account_has_ended()
    {
        await Server.RestartAsync(("presence.mode", "on"));
        (await Alice.PutAsync(
            $"presence/{Esc(Alice.UserId)}/status",
            new JsonObject { ["presence"] = "online", ["status_msg"] = "at work" })).Is(200);
        var board = Part<PresenceBoard>();
        Assert.That(board.LocalUsers(), Is.EqualTo(new[] { Alice.UserId }));
        Begin();
        (await Alice.PostAsync("account/deactivate", new JsonObject { ["auth"] = Alice.PasswordAuth() })).Is(200);

        await Until.HoldsAsync(() => board.LocalUsers().Count == 0);
    }
}
