using System.Diagnostics;
using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host.Tests.Sync;

/// <summary>Requests that wait for news.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class LongPollTests(string kind)
{
    private TestDatabase _database = null!;
    private HomeserverFixture _server = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;
    private string _room = null!;

    [SetUp]
    public async Task SetUp()
    {
        _database = await TestDatabase.CreateAsync(kind);
        _server = await HomeserverFixture.StartAsync(("database.url", _database.Url));
        _alice = await _server.RegistersAsync("alice");
        _bob = await _server.RegistersAsync("bob");
        _room = await _alice.CreatesRoomAsync();
        await _bob.JoinsAsync(_room);
    }

    [TearDown]
    public async Task TearDown()
    {
        await _server.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task A_message_ends_every_wait_in_the_room()
    {
        var users = new List<TestUser> { _bob };
        for (var i = 0; i < 10; i++)
        {
            users.Add(await _server.RegistersAsync($"u{i}"));
            await users[^1].JoinsAsync(_room);
        }

        var tokens = new List<string>();
        foreach (var user in users) tokens.Add((await user.SyncsAsync()).Next);
        var waits = users.Zip(tokens).Select(u => u.First.WaitsAsync(u.Second)).ToArray();
        await Task.Delay(200);
        Assert.That(waits.Count(w => w.IsCompleted), Is.Zero);

        await _alice.SaysAsync(_room, "hello");
        foreach (var sync in await Task.WhenAll(waits)) Assert.That(sync.Bodies(_room), Is.EqualTo(new[] { "hello" }));
    }

    [Test]
    public async Task A_wait_ends_empty_when_its_time_is_up()
    {
        var since = (await _bob.SyncsAsync()).Next;
        var watch = Stopwatch.StartNew();
        var sync = await _bob.SyncsAsync(since, "timeout=700");
        Assert.That(sync.IsEmpty, Is.True);
        Assert.That(watch.ElapsedMilliseconds, Is.InRange(650, 5000));
    }

    [Test]
    public async Task Nobody_waits_longer_than_the_server_lets_them()
    {
        await _server.RestartAsync(("sync.longest_poll", "300ms"));
        var since = (await _bob.SyncsAsync()).Next;
        var watch = Stopwatch.StartNew();
        Assert.That((await _bob.WaitsAsync(since, seconds: 30)).IsEmpty, Is.True);
        Assert.That(watch.ElapsedMilliseconds, Is.InRange(250, 5000));
    }

    [Test]
    public async Task Whoever_syncs_from_the_beginning_while_their_name_changes_gets_the_room_whole()
    {
        var renaming = Task.Run(async () =>
        {
            for (var i = 0; i < 30; i++)
            {
                await _bob.PutAsync($"profile/{SyncingUsers.Esc(_bob.UserId)}/displayname", new JsonObject { ["displayname"] = $"Bob {i}" });
            }
        });
        while (!renaming.IsCompleted)
        {
            var sync = await _bob.SyncsAsync();
            Assert.That(sync.Joined, Is.EqualTo(new[] { _room }));
        }

        await renaming;
    }

    [Test]
    public async Task What_concerns_others_does_not_end_a_wait()
    {
        var since = (await _bob.SyncsAsync()).Next;
        var wait = _bob.WaitsAsync(since, seconds: 2);
        await _alice.SaysAsync(await _alice.CreatesRoomAsync(), "elsewhere");
        await _alice.SetsAccountDataAsync("org.example", []);
        Assert.That((await wait).IsEmpty, Is.True);
    }

    [Test]
    public async Task A_message_that_the_filter_holds_back_does_not_end_a_wait()
    {
        var filter = new JsonObject { ["room"] = new JsonObject { ["timeline"] = new JsonObject { ["not_senders"] = new JsonArray(_alice.UserId) } } };
        var since = (await _bob.SyncsAsync(filter: filter)).Next;
        var wait = _bob.WaitsAsync(since, seconds: 3, filter: filter);
        await _alice.SaysAsync(_room, "unheard");
        await Task.Delay(300);
        Assert.That(wait.IsCompleted, Is.False);
        var other = await _server.RegistersAsync("carol");
        await other.JoinsAsync(_room);
        await other.SaysAsync(_room, "heard");
        Assert.That((await wait).Timeline(_room), Is.Not.Empty);
    }

    [Test]
    public async Task Two_devices_wait_each_for_itself()
    {
        var tablet = await _bob.LogsInAsync();
        var (since, tabletSince) = ((await _bob.SyncsAsync()).Next, (await tablet.SyncsAsync()).Next);
        var (wait, tabletWait) = (_bob.WaitsAsync(since), tablet.WaitsAsync(tabletSince));
        await _alice.SaysAsync(_room, "to both");
        Assert.That((await wait).Bodies(_room), Is.EqualTo(new[] { "to both" }));
        Assert.That((await tabletWait).Bodies(_room), Is.EqualTo(new[] { "to both" }));
    }

    [Test]
    public async Task One_hears_of_being_invited_and_kicked_while_waiting()
    {
        var room = await _alice.CreatesRoomAsync("private_chat");
        var sync = await _bob.SyncsAsync();
        var wait = _bob.WaitsAsync(sync.Next);
        await _alice.InvitesAsync(room, _bob);
        sync = await wait;
        Assert.That(sync.Invited, Is.EqualTo(new[] { room }));

        wait = _bob.WaitsAsync(sync.Next);
        await _alice.KicksAsync(_room, _bob);
        Assert.That((await wait).Left, Is.EqualTo(new[] { _room }));
    }

    [Test]
    public async Task A_stopping_server_answers_whoever_waits()
    {
        var since = (await _bob.SyncsAsync()).Next;
        var wait = _bob.WaitsAsync(since);
        await Task.Delay(200);
        var watch = Stopwatch.StartNew();
        _server.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        Assert.That((await wait).IsEmpty, Is.True);
        Assert.That(watch.ElapsedMilliseconds, Is.LessThan(4000));
    }

    [Test]
    public async Task Nothing_is_lost_or_doubled_while_others_write_and_one_polls()
    {
        var since = (await _bob.SyncsAsync()).Next;
        var said = Enumerable.Range(0, 60).Select(i => $"m{i}").ToArray();
        var writing = Task.Run(async () =>
        {
            foreach (var text in said) await _alice.SaysAsync(_room, text);
        });

        var heard = new List<string>();
        while (heard.Count < said.Length)
        {
            var sync = await _bob.WaitsAsync(since, seconds: 5, filter: new JsonObject
            {
                ["room"] = new JsonObject { ["timeline"] = new JsonObject { ["limit"] = 100 } },
            });
            if (sync.IsEmpty) break;
            heard.AddRange(sync.Bodies(_room));
            since = sync.Next;
        }

        await writing;
        Assert.That(heard, Is.EqualTo(said));
    }

    [Test]
    public async Task Without_room_in_memory_one_is_served_all_the_same()
    {
        await _server.RestartAsync(("sync.followed_rooms", "16"), ("sync.poll_when_full", "100ms"));
        for (var i = 0; i < 16; i++) await _bob.JoinsAsync(await _alice.CreatesRoomAsync());

        var sync = await _bob.SyncsAsync();
        Assert.That(sync.Joined, Has.Count.EqualTo(17));
        var wait = _bob.WaitsAsync(sync.Next);
        await _alice.SaysAsync(_room, "hello");
        Assert.That((await wait).Bodies(_room), Is.EqualTo(new[] { "hello" }));
    }

    [Test]
    public async Task A_user_who_was_forgotten_misses_nothing()
    {
        await _server.RestartAsync(("sync.idle_after", "1ms"));
        var sync = await _bob.SyncsAsync();
        await _alice.SaysAsync(_room, "one");

        // Forgotten at the sweep; here by a restart, which is the same to the client.
        await _server.RestartAsync();
        await _alice.SaysAsync(_room, "two");
        sync = await _bob.SyncsAsync(sync.Next);
        Assert.That(sync.Bodies(_room), Is.EqualTo(new[] { "one", "two" }));
    }
}
