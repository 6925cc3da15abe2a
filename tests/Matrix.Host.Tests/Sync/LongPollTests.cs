using System.Diagnostics;
using System.Text.Json.Nodes;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host.Tests.Sync;

/// <summary>Sync requests with a timeout.</summary>
internal sealed class LongPollTests(string kind) : TwoInARoomTests(kind)
{
    [Test]
    public async Task A_message_ends_every_wait_in_the_room()
    {
        var users = new List<TestUser> { Bob };
        for (var i = 0; i < 10; i++)
        {
            users.Add(await Server.RegistersAsync($"u{i}"));
            await users[^1].JoinsAsync(Room);
        }

        var tokens = new List<string>();
        foreach (var user in users) tokens.Add((await user.SyncsAsync()).Next);
        var waits = users.Zip(tokens).Select(u => u.First.WaitsAsync(u.Second)).ToArray();
        await Task.Delay(200);
        Assert.That(waits.Count(w => w.IsCompleted), Is.Zero);

        await Alice.SaysAsync(Room, "hello");
        foreach (var sync in await Task.WhenAll(waits)) Assert.That(sync.Bodies(Room), Is.EqualTo(new[] { "hello" }));
    }

    [Test]
    public async Task A_wait_ends_empty_when_its_time_is_up()
    {
        var since = (await Bob.SyncsAsync()).Next;
        var watch = Stopwatch.StartNew();
        var sync = await Bob.SyncsAsync(since, "timeout=700");
        Assert.That(sync.IsEmpty, Is.True);
        Assert.That(watch.ElapsedMilliseconds, Is.InRange(650, 15_000));
    }

    [Test]
    public async Task A_long_poll_too_many_ends_the_oldest_and_the_others_go_on_waiting()
    {
        const int Kept = 64;
        var since = (await Bob.SyncsAsync()).Next;
        var waits = Enumerable.Range(0, Kept + 6).Select(_ => Bob.WaitsAsync(since)).ToArray();

        Assert.That(() => waits.Count(wait => wait.IsCompleted), Is.EqualTo(6).After(15_000, 20));
        await Task.Delay(300);
        Assert.That(
            waits.Count(wait => wait.IsCompleted),
            Is.EqualTo(6),
            "One that was ended does not take the place of another.");
        await Alice.SaysAsync(Room, "hello");
        var answers = await Task.WhenAll(waits);
        Assert.That(answers.Count(answer => answer.IsEmpty), Is.EqualTo(6));
    }

    [Test]
    public async Task Nobody_waits_longer_than_the_server_lets_them()
    {
        await Server.RestartAsync(("sync.longest_poll", "300ms"));
        var since = (await Bob.SyncsAsync()).Next;
        var watch = Stopwatch.StartNew();
        Assert.That((await Bob.WaitsAsync(since, seconds: 30)).IsEmpty, Is.True);
        Assert.That(watch.ElapsedMilliseconds, Is.InRange(250, 15_000));
    }

    [Test]
    public async Task An_initial_sync_during_a_change_of_name_gets_the_complete_room()
    {
        var renaming = Task.Run(async () =>
        {
            for (var i = 0; i < 30; i++)
            {
                await Bob.PutAsync($"profile/{UserActions.Esc(Bob.UserId)}/displayname", new JsonObject
                {
                    ["displayname"] = $"Bob {i}",
                });
            }
        });
        while (!renaming.IsCompleted)
        {
            var sync = await Bob.SyncsAsync();
            Assert.That(sync.Joined, Is.EqualTo(new[] { Room }));
        }

        await renaming;
    }

    [Test]
    public async Task Changes_for_others_do_not_end_a_long_poll()
    {
        var since = (await Bob.SyncsAsync()).Next;
        var wait = Bob.WaitsAsync(since, seconds: 2);
        await Alice.SaysAsync(await Alice.CreatesRoomAsync(), "elsewhere");
        await Alice.SetsAccountDataAsync("org.example", new JsonObject { ["a"] = 1 });
        Assert.That((await wait).IsEmpty, Is.True);
    }

    [Test]
    public async Task A_message_that_the_filter_holds_back_does_not_end_a_wait()
    {
        var filter = new JsonObject
        {
            ["room"] = new JsonObject
            {
                ["timeline"] = new JsonObject { ["not_senders"] = new JsonArray(Alice.UserId) },
            },
        };
        var since = (await Bob.SyncsAsync(filter: filter)).Next;
        var wait = Bob.WaitsAsync(since, seconds: 60, filter: filter);
        await Alice.SaysAsync(Room, "unheard");
        await Task.Delay(300);
        Assert.That(wait.IsCompleted, Is.False);
        var other = await Server.RegistersAsync("carol");
        await other.JoinsAsync(Room);
        await other.SaysAsync(Room, "heard");
        Assert.That((await wait).Timeline(Room), Is.Not.Empty);
    }

    [Test]
    public async Task Two_devices_wait_each_for_itself()
    {
        var tablet = await Bob.LogsInAsync();
        var (since, tabletSince) = ((await Bob.SyncsAsync()).Next, (await tablet.SyncsAsync()).Next);
        var (wait, tabletWait) = (Bob.WaitsAsync(since), tablet.WaitsAsync(tabletSince));
        await Alice.SaysAsync(Room, "to both");
        Assert.That((await wait).Bodies(Room), Is.EqualTo(new[] { "to both" }));
        Assert.That((await tabletWait).Bodies(Room), Is.EqualTo(new[] { "to both" }));
    }

    [Test]
    public async Task One_hears_of_being_invited_and_kicked_while_waiting()
    {
        var room = await Alice.CreatesRoomAsync("private_chat");
        var sync = await Bob.SyncsAsync();
        var wait = Bob.WaitsAsync(sync.Next);
        await Alice.InvitesAsync(room, Bob);
        sync = await wait;
        Assert.That(sync.Invited, Is.EqualTo(new[] { room }));

        wait = Bob.WaitsAsync(sync.Next);
        await Alice.KicksAsync(Room, Bob);
        Assert.That((await wait).Left, Is.EqualTo(new[] { Room }));
    }

    [Test]
    public async Task A_stopping_server_ends_all_long_polls()
    {
        var since = (await Bob.SyncsAsync()).Next;
        var wait = Bob.WaitsAsync(since);
        var notifier = Server.Services.GetRequiredService<Notifier>();
        Assert.That(() => notifier.Waiting, Is.EqualTo(1).After(15_000, 20));
        var watch = Stopwatch.StartNew();
        Server.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        Assert.That((await wait).IsEmpty, Is.True);
        Assert.That(watch.ElapsedMilliseconds, Is.LessThan(15_000));
    }

    [Test]
    public async Task Nothing_is_lost_or_doubled_while_others_write_and_one_polls()
    {
        var since = (await Bob.SyncsAsync()).Next;
        var said = Enumerable.Range(0, 60).Select(i => $"m{i}").ToArray();
        var writing = Task.Run(async () =>
        {
            foreach (var text in said) await Alice.SaysAsync(Room, text);
        });

        var heard = new List<string>();
        while (heard.Count < said.Length)
        {
            var sync = await Bob.WaitsAsync(since, seconds: 30, filter: new JsonObject
            {
                ["room"] = new JsonObject { ["timeline"] = new JsonObject { ["limit"] = 100 } },
            });
            if (sync.IsEmpty) break;
            heard.AddRange(sync.Bodies(Room));
            since = sync.Next;
        }

        await writing;
        Assert.That(heard, Is.EqualTo(said));
    }

    [Test]
    public async Task Without_room_in_memory_one_is_served_all_the_same()
    {
        await Server.RestartAsync(("sync.followed_rooms", "16"), ("sync.poll_when_full", "100ms"));
        for (var i = 0; i < 16; i++) await Bob.JoinsAsync(await Alice.CreatesRoomAsync());

        var sync = await Bob.SyncsAsync();
        Assert.That(sync.Joined, Has.Count.EqualTo(17));
        var wait = Bob.WaitsAsync(sync.Next);
        await Alice.SaysAsync(Room, "hello");
        Assert.That((await wait).Bodies(Room), Is.EqualTo(new[] { "hello" }));
    }

    [Test]
    public async Task A_user_who_was_forgotten_misses_nothing()
    {
        await Server.RestartAsync(("sync.idle_after", "1ms"));
        var sync = await Bob.SyncsAsync();
        await Alice.SaysAsync(Room, "one");

        // The sweep drops it; a restart has the same effect for the client.
        await Server.RestartAsync();
        await Alice.SaysAsync(Room, "two");
        sync = await Bob.SyncsAsync(sync.Next);
        Assert.That(sync.Bodies(Room), Is.EqualTo(new[] { "one", "two" }));
    }
}
