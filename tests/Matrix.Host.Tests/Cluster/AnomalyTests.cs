using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Cluster;

/// <summary>
/// What no client may see of several nodes, though each of its requests goes to another one. Many rounds at once, since
/// each anomaly needs a moment in which nodes know different things. This file: who reads after a write reads it.
/// </summary>
[Category(TestDatabase.Postgres)]
[Category("Slow")]
internal sealed partial class AnomalyTests
{
    /// <summary>Enough requests that nearly surely each of three nodes gets one.</summary>
    private const int Everywhere = 9;

    private static int _names;

    private TestServer _cluster = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _cluster = await TestServer.StartNodesAsync(3);

    [OneTimeTearDown]
    public async Task StopAsync() => await _cluster.DisposeAsync();

    [Test]
    public Task Own_writes_are_read() => AtOnceAsync(6, async () =>
    {
        var alice = await NewUserAsync();
        var room = await alice.CreatesRoomAsync();
        for (var round = 0; round < 8; round++)
        {
            var text = $"round {round}";
            var sent = await alice.SaysAsync(room, text);
            (await alice.GetAsync($"rooms/{Esc(room)}/event/{Esc(sent)}")).Is(200);

            sent = await alice.SaysAsync(room, text);
            var newest = (await alice.GetAsync($"rooms/{Esc(room)}/messages?dir=b&limit=1")).Is(200);
            Assert.That((string?)newest.Json["chunk"]![0]!["event_id"], Is.EqualTo(sent));

            sent = await alice.SaysAsync(room, text);
            Assert.That((await alice.SyncsAsync()).Timeline(room).Select(IdOf), Does.Contain(sent));

            await alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = text });
            var topic = (await alice.GetAsync($"rooms/{Esc(room)}/state/m.room.topic")).Is(200);
            Assert.That(topic.Member("topic"), Is.EqualTo(text));

            await alice.SetsAccountDataAsync("org.example.round", new JsonObject { ["text"] = text });
            var data = (await alice.GetAsync($"user/{Esc(alice.UserId)}/account_data/org.example.round")).Is(200);
            Assert.That(data.Member("text"), Is.EqualTo(text));

            var profile = $"profile/{Esc(alice.UserId)}/displayname";
            (await alice.PutAsync(profile, new JsonObject { ["displayname"] = text })).Is(200);
            Assert.That((await alice.GetAsync(profile)).Is(200).Member("displayname"), Is.EqualTo(text));
        }
    });

    [Test]
    public async Task A_session_of_authentication_that_no_node_knows_begins_anew()
    {
        var alice = await NewUserAsync();
        for (var i = 0; i < 3 * Everywhere; i++)
        {
            var asked = await alice.PostAsync("account/3pid/add", new JsonObject
            {
                ["sid"] = "sid",
                ["client_secret"] = "secret",
                ["auth"] = new JsonObject { ["type"] = "m.login.password", ["session"] = $"unknown-{i}" },
            });
            asked.HasStatus(401);
        }
    }

    [Test]
    public Task A_created_room_is_known_by_all_nodes() => AtOnceAsync(4, async () =>
    {
        var alice = await NewUserAsync();
        var bob = await NewUserAsync();
        for (var round = 0; round < 6; round++)
        {
            var alias = $"room-{alice.UserId[1..].Split(':')[0]}-{round}";
            var room = await alice.CreatesRoomAsync(with: new JsonObject { ["room_alias_name"] = alias });
            await EverywhereAsync(async () =>
            {
                (await alice.GetAsync($"rooms/{Esc(room)}/state")).Is(200);
                var found = (await bob.GetAsync($"directory/room/{Esc($"#{alias}:{TestServer.ServerName}")}")).Is(200);
                Assert.That(found.Member("room_id"), Is.EqualTo(room));
            });
            await bob.JoinsAsync(room);
            await EverywhereAsync(async () =>
            {
                var members = (await bob.GetAsync($"rooms/{Esc(room)}/joined_members")).Is(200);
                Assert.That(members.Json["joined"]!.AsObject(), Has.Count.EqualTo(2));
            });
        }
    });

    [Test]
    public Task A_token_is_accepted_by_all_nodes_until_it_ends_and_by_none_after() => AtOnceAsync(4, async () =>
    {
        var alice = await NewUserAsync();
        for (var round = 0; round < 8; round++)
        {
            var device = await alice.LogsInAsync();
            await EverywhereAsync(async () => (await device.GetAsync("account/whoami")).Is(200));
            (await device.PostAsync("logout")).Is(200);
            await EverywhereAsync(async () => (await device.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN"));
        }
    });

    [Test]
    public async Task Members_who_sync_see_each_message_once_and_in_one_order_and_go_never_back()
    {
        const int senders = 4;
        const int each = 40;
        var room = await (await NewUserAsync()).CreatesRoomAsync();
        var members = new List<TestUser>();
        for (var i = 0; i < senders; i++) members.Add(await JoiningAsync(room));
        var readers = new List<TestUser> { await JoiningAsync(room), await JoiningAsync(room) };
        var last = new TaskCompletionSource<HashSet<string>>(TaskCreationOptions.RunContinuationsAsynchronously);
        var reading = new List<Task<IReadOnlyList<string>>>();
        foreach (var reader in readers)
        {
            reading.Add(ReadsAllAsync(reader, room, await reader.SyncTokenAsync(), last.Task));
        }

        var sending = members.Select(async member =>
        {
            var sent = new List<string>();
            for (var n = 0; n < each; n++) sent.Add(await member.SaysAsync(room, $"{member.UserId} {n}"));
            return sent;
        });
        var sent = await Task.WhenAll(sending);
        last.SetResult([.. sent.SelectMany(static ids => ids)]);
        var read = await Task.WhenAll(reading);

        Assert.That(read[0], Is.Unique);
        Assert.That(read[0], Is.EquivalentTo(sent.SelectMany(static ids => ids)));
        Assert.That(read[1], Is.EqualTo(read[0]));
        foreach (var ids in sent) Assert.That(read[0].Where(ids.Contains), Is.EqualTo(ids));
        await EverywhereAsync(async () =>
        {
            var path = $"rooms/{Esc(room)}/messages?dir=b&limit={2 * senders * each}";
            var page = (await readers[0].GetAsync(path)).Is(200);
            var ids = page.Json["chunk"]!.AsArray().Where(IsMessage).Select(IdOf).Reverse();
            Assert.That(ids, Is.EqualTo(read[0]));
        });
    }

    [Test]
    public Task Unread_counts_are_the_same_at_all_nodes() => AtOnceAsync(4, async () =>
    {
        var alice = await NewUserAsync();
        var bob = await NewUserAsync();
        var room = await alice.CreatesRoomAsync();
        await bob.JoinsAsync(room);
        for (var round = 0; round < 5; round++)
        {
            var sent = new List<string>();
            for (var n = 0; n < 4; n++) sent.Add(await alice.SaysAsync(room, $"message {n}"));
            await bob.ReadsAsync(room, sent[round % 4]);
            await EverywhereAsync(async () =>
                Assert.That((await bob.SyncsAsync()).Unread(room).Notifications, Is.EqualTo(3 - round % 4)));
        }
    });

    /// <summary>Syncs until it has seen all of these events; returns the messages in their order.</summary>
    private static async Task<IReadOnlyList<string>> ReadsAllAsync(
        TestUser reader, string room, string since, Task<HashSet<string>> last)
    {
        var seen = new List<string>();
        var filter = new JsonObject { ["room"] = new JsonObject { ["timeline"] = new JsonObject { ["limit"] = 500 } } };
        for (var patience = DateTime.UtcNow.AddSeconds(60); DateTime.UtcNow < patience;)
        {
            var news = await reader.SyncsAsync(since, "timeout=500", filter);
            Assert.That(PositionOf(news.Next), Is.GreaterThanOrEqualTo(PositionOf(since)));
            since = news.Next;
            if (news.Joined.Contains(room)) seen.AddRange(news.Timeline(room).Where(IsMessage).Select(IdOf));
            if (last.IsCompleted && (await last).All(seen.Contains)) break;
        }

        return seen;
    }

    private async Task<TestUser> JoiningAsync(string room)
    {
        var user = await NewUserAsync();
        await user.JoinsAsync(room);
        return user;
    }

    private Task<TestUser> NewUserAsync() => _cluster.RegistersAsync($"user{Interlocked.Increment(ref _names)}");

    private static Task AtOnceAsync(int times, Func<Task> work) =>
        Task.WhenAll(Enumerable.Range(0, times).Select(_ => work()));

    /// <summary>Does something at once, so often that all nodes are asked.</summary>
    private static Task EverywhereAsync(Func<Task> work) => AtOnceAsync(Everywhere, work);

    private static bool IsMessage(JsonNode? item) => (string?)item!["type"] == "m.room.message";

    private static string IdOf(JsonNode? item) => (string)item!["event_id"]!;

    private static long PositionOf(string token) =>
        long.Parse(token.Split('_')[1], System.Globalization.CultureInfo.InvariantCulture);

    private static string Esc(string text) => UserActions.Esc(text);
}
