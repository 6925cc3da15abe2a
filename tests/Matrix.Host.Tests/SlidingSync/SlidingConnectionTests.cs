using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Sync.Sliding;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using static Matrix.Host.Tests.SlidingSync.SlidingUsers;

namespace Matrix.Host.Tests.SlidingSync;

/// <summary>Connections: positions, retries, waits, restarts.</summary>
internal sealed class SlidingConnectionTests(string kind) : TwoInARoomTests(kind)
{
    [Test]
    public async Task A_wait_ends_with_a_message_and_not_with_what_happens_elsewhere()
    {
        var first = await Bob.SlidesAsync(AllRooms());
        var wait = Bob.SlidesAsync(AllRooms(), first.Pos, 20_000);
        await Alice.SaysAsync(await Alice.CreatesRoomAsync(), "elsewhere");
        await Alice.SaysAsync(Room, "here");
        Assert.That((await wait).Bodies(Room), Is.EqualTo(new[] { "here" }));
    }

    [Test]
    public async Task A_wait_ends_empty_when_its_time_is_up()
    {
        var first = await Bob.SlidesAsync(AllRooms());
        var empty = await Bob.SlidesAsync(AllRooms(), first.Pos, 200);
        Assert.That(empty.RoomIds, Is.Empty);
        await Alice.SaysAsync(Room, "later");
        Assert.That((await Bob.SlidesAsync(AllRooms(), empty.Pos)).Bodies(Room), Is.EqualTo(new[] { "later" }));
    }

    [Test]
    public async Task A_lost_response_is_sent_again()
    {
        var first = await Bob.SlidesAsync(AllRooms());
        await Alice.SaysAsync(Room, "lost");
        var lost = await Bob.SlidesAsync(AllRooms(), first.Pos);
        var again = await Bob.SlidesAsync(AllRooms(), first.Pos);
        Assert.That(WithoutTimes(again), Is.EqualTo(WithoutTimes(lost)));
        (await Bob.SlidingAsync(AllRooms(), lost.Pos)).Is(400, "M_UNKNOWN_POS");
        Assert.That((await Bob.SlidesAsync(AllRooms(), again.Pos)).RoomIds, Is.Empty);
    }

    [Test]
    public async Task A_position_is_known_until_the_next_one_was_used()
    {
        var first = await Bob.SlidesAsync(AllRooms());
        var second = await Bob.SlidesAsync(AllRooms(), first.Pos);
        await Bob.SlidesAsync(AllRooms(), second.Pos);
        (await Bob.SlidingAsync(AllRooms(), first.Pos)).Is(400, "M_UNKNOWN_POS");
        await Bob.SlidesAsync(AllRooms(), second.Pos);
    }

    [Test]
    public async Task A_connection_ends_with_its_device()
    {
        var device = await Bob.LogsInAsync();
        var first = await device.SlidesAsync(AllRooms());
        (await device.PostAsync("logout")).Is(200);
        var again = await Bob.LogsInAsync(device.DeviceId);
        (await again.SlidingAsync(AllRooms(), first.Pos)).Is(400, "M_UNKNOWN_POS");

        var second = await again.SlidesAsync(AllRooms());
        (await Bob.PostAsync("logout/all")).Is(200);
        var last = await Bob.LogsInAsync(device.DeviceId);
        (await last.SlidingAsync(AllRooms(), second.Pos)).Is(400, "M_UNKNOWN_POS");
    }

    [Test]
    public async Task A_position_belongs_to_its_connection_its_device_and_its_user()
    {
        var first = await Bob.SlidesAsync(AllRooms());
        var other = await Bob.LogsInAsync();
        await other.SlidesAsync(AllRooms());
        await Alice.SlidesAsync(AllRooms());
        (await other.SlidingAsync(AllRooms(), first.Pos)).Is(400, "M_UNKNOWN_POS");
        (await Alice.SlidingAsync(AllRooms(), first.Pos)).Is(400, "M_UNKNOWN_POS");
        (await Bob.SlidingAsync(AllRooms().Named("x"), first.Pos)).Is(400, "M_UNKNOWN_POS");
        (await Bob.SlidingAsync(AllRooms(), "nonsense")).Is(400, "M_UNKNOWN_POS");
        (await Bob.SlidingAsync(AllRooms(), "p1_1_s1_99999999_1_1")).Is(400, "M_UNKNOWN_POS");
        await Bob.SlidesAsync(AllRooms(), first.Pos);
    }

    [Test]
    public async Task A_connection_goes_on_after_an_orderly_restart()
    {
        var first = await Bob.SlidesAsync(AllRooms().Named("main"));
        var second = await Bob.SlidesAsync(AllRooms().Named("main"), first.Pos);
        await Server.RestartAsync();
        await Alice.SaysAsync(Room, "after");
        var next = await Bob.SlidesAsync(AllRooms().Named("main"), second.Pos);
        Assert.That(next.Bodies(Room), Is.EqualTo(new[] { "after" }));
        Assert.That(next.Room(Room).ContainsKey("initial"), Is.False);
        await Server.RestartAsync();
        Assert.That((await Bob.SlidesAsync(AllRooms().Named("main"), next.Pos)).RoomIds, Is.Empty);
    }

    [Test]
    public async Task After_a_crash_the_position_is_unknown()
    {
        var first = await Bob.SlidesAsync(AllRooms());
        await Server.RestartAsync();
        var second = await Bob.SlidesAsync(AllRooms(), first.Pos);

        // Without the saving that an orderly stop does.
        Server.Services.GetRequiredService<SlidingConnections>().Forget();
        await Server.RestartAsync();
        (await Bob.SlidingAsync(AllRooms(), second.Pos)).Is(400, "M_UNKNOWN_POS");
    }

    [Test]
    public async Task An_idle_connection_is_kept_in_the_database_and_an_old_one_is_not()
    {
        await Server.RestartAsync(("sync.idle_after", "1m"), ("sync.sliding_kept", "1h"));
        var first = await Bob.SlidesAsync(AllRooms());
        var connections = Server.Services.GetRequiredService<SlidingConnections>();
        Server.Ahead += TimeSpan.FromMinutes(5);
        connections.Sweep();
        Assert.That(() => connections.Bytes, Is.Zero.After(10_000, 20));
        await Alice.SaysAsync(Room, "meanwhile");
        var next = await Bob.SlidesAsync(AllRooms(), first.Pos);
        Assert.That(next.Bodies(Room), Is.EqualTo(new[] { "meanwhile" }));

        await Server.StopAsync();
        Server.Ahead += TimeSpan.FromHours(2);
        await Server.RestartAsync();
        (await Bob.SlidingAsync(AllRooms(), next.Pos)).Is(400, "M_UNKNOWN_POS");
    }

    [Test]
    public async Task A_connection_counts_for_the_rules_of_its_lists_once()
    {
        static JsonObject Body() => AllRooms(state:
            [.. Enumerable.Range(0, 90).Select(n => new JsonArray("org.example." + new string('x', 200), $"{n}"))]);
        var connections = Server.Services.GetRequiredService<SlidingConnections>();
        string? pos = null;
        var bytes = new List<long>();
        for (var i = 0; i < 4; i++)
        {
            await Bob.CreatesRoomAsync();
            pos = (await Bob.SlidesAsync(Body(), pos)).Pos;
            bytes.Add(connections.Bytes);
        }

        Assert.That(bytes[2], Is.GreaterThan(90 * 200));
        Assert.That(bytes[3] - bytes[2], Is.LessThan(5000));
    }

    [Test]
    public async Task A_device_has_a_bounded_number_of_connections()
    {
        await Server.RestartAsync(("sync.sliding_connections", "2"));
        var one = await Bob.SlidesAsync(AllRooms().Named("one"));
        var two = await Bob.SlidesAsync(AllRooms().Named("two"));
        await Bob.SlidesAsync(AllRooms().Named("three"));
        (await Bob.SlidingAsync(AllRooms().Named("one"), one.Pos)).Is(400, "M_UNKNOWN_POS");
        await Bob.SlidesAsync(AllRooms().Named("two"), two.Pos);
    }

    [Test]
    public async Task A_second_request_of_a_connection_ends_the_first()
    {
        var first = await Bob.SlidesAsync(AllRooms());
        var waiting = Bob.SlidesAsync(AllRooms(), first.Pos, 30_000);
        var second = Bob.SlidesAsync(AllRooms(), first.Pos, 30_000);
        var ended = await Task.WhenAny(waiting, second);
        Assert.That((await ended).Pos, Is.EqualTo(first.Pos));
        await Alice.SaysAsync(Room, "heard");
        var other = ended == waiting ? second : waiting;
        Assert.That((await other).Bodies(Room), Is.EqualTo(new[] { "heard" }));
    }

    [Test]
    public async Task The_other_devices_see_the_end_of_an_invite_that_was_forgotten_at_once()
    {
        const string Elsewhere = "!room:elsewhere.example";
        const string Eve = "@eve:elsewhere.example";
        var invite = "$" + new string('a', 43);
        var storage = Server.Services.GetRequiredService<OpenedStorage>();
        Task WritesAsync(Change change) =>
            storage.Writer.WriteAsync(Batches.New(1).Add(change), CancellationToken.None).AsTask();
        await WritesAsync(new StrippedRoomEntered(
            Bob.UserId,
            new StrippedRoomRow(
                Elsewhere, "11", "elsewhere.example", Membership.Invite, Eve, invite, "{}"u8.ToArray(),
                "[]"u8.ToArray(), 0),
            100));
        var since = (await Bob.SyncsAsync()).Next;
        var (unstable, stable) = (AllRooms(), AllRoomsStable().Named("stable"));
        var (one, two) = (await Bob.SlidesAsync(unstable), await Bob.SlidesStablyAsync(stable));
        Assert.That(one.RoomIds, Does.Contain(Elsewhere));
        Assert.That(two.RoomIds, Does.Contain(Elsewhere));

        await WritesAsync(new StrippedRoomLeft(Bob.UserId, Elsewhere, invite, Bob.UserId, invite, default, 100));
        (await Bob.PostAsync($"rooms/{Elsewhere}/forget")).Is(200);

        Assert.That((await Bob.SyncsAsync(since)).Json["rooms"]!["leave"]![Elsewhere], Is.Not.Null);
        var gone = await Bob.SlidesAsync(unstable, one.Pos);
        Assert.That(
            (string)gone.Room(Elsewhere)["required_state"]![0]!["content"]!["membership"]!, Is.EqualTo("leave"));
        Assert.That((string)(await Bob.SlidesStablyAsync(stable, two.Pos)).Room(Elsewhere)["membership"]!,
            Is.EqualTo("leave"));
        Assert.That((await Bob.SlidesAsync(unstable, gone.Pos)).RoomIds, Is.Empty);

        // Whoever did not have the invite hears nothing of it, and the user has forgotten it.
        Assert.That((await Bob.SlidesAsync(AllRooms().Named("new"))).RoomIds, Does.Not.Contain(Elsewhere));
        var all = await Bob.GetAsync("sync?filter=" + Uri.EscapeDataString("""{"room":{"include_leave":true}}"""));
        Assert.That(all.Is(200).Text, Does.Not.Contain(Elsewhere));
        (await Bob.PostAsync($"rooms/{Elsewhere}/leave")).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task Two_clients_of_one_connection_end_each_others_polls_with_a_pause()
    {
        await Server.RestartAsync(("sync.sliding_pause", "500ms"));
        var first = await Bob.SlidesAsync(AllRooms());
        using var over = new CancellationTokenSource(TimeSpan.FromSeconds(3));
        async Task<int> PollsAsync()
        {
            for (var polls = 0; ; polls++)
            {
                if (over.IsCancellationRequested) return polls;
                await Bob.SlidesAsync(AllRooms(), first.Pos, 1000);
            }
        }

        var polls = await Task.WhenAll(PollsAsync(), PollsAsync());
        Assert.That(polls.Sum(), Is.LessThan(30));
    }

    [Test]
    public async Task A_response_is_bounded_in_bytes_and_the_next_one_has_the_other_rooms()
    {
        await Server.RestartAsync(("sync.sliding_bytes", "64KiB"));
        var rooms = new List<string> { Room };
        for (var i = 0; i < 4; i++) rooms.Add(await Bob.CreatesRoomAsync());
        foreach (var room in rooms) await Bob.SaysAsync(room, new string('x', 40_000));

        var seen = new List<string>();
        string? pos = null;
        for (var responses = 0; seen.Count < rooms.Count; responses++)
        {
            Assert.That(responses, Is.LessThan(10));
            var shown = await Bob.SlidesAsync(AllRooms(timeline: 1), pos, 10_000);
            Assert.That(shown.Json.ToJsonString(), Has.Length.LessThan(120_000));
            seen.AddRange(shown.RoomIds);
            pos = shown.Pos;
        }

        Assert.That(seen, Is.EquivalentTo(rooms));
    }

    [Test]
    public async Task The_transaction_id_comes_back()
    {
        var body = AllRooms();
        body["txn_id"] = "mine";
        Assert.That((string)(await Bob.SlidesAsync(body)).Json["txn_id"]!, Is.EqualTo("mine"));
    }

    [Test]
    public async Task Versions_name_the_endpoint()
    {
        var versions = await Server.Anyone.GetAsync("/_matrix/client/versions");
        Assert.That((bool)versions.Json["unstable_features"]!["org.matrix.simplified_msc3575"]!, Is.True);
    }

    private static string WithoutTimes(SlidingReply reply)
    {
        var json = reply.Json.DeepClone().AsObject();
        json.Remove("pos");
        foreach (var room in json["rooms"]!.AsObject())
        {
            foreach (var each in room.Value!["timeline"]?.AsArray() ?? []) each!["unsigned"]?.AsObject().Remove("age");
        }

        return json.ToJsonString();
    }
}
