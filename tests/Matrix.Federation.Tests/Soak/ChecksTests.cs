using System.Collections.Concurrent;
using System.Text.Json.Nodes;

namespace Matrix.Federation.Tests.Soak;

/// <summary>The checks of the soak see each kind of loss. The servers are made up.</summary>
public sealed class ChecksTests
{
    private const string Room = "!room:a.test";

    private readonly List<StubServer> _servers = [];
    private readonly List<SoakUser> _anchors = [];
    private readonly List<SyncingUser> _observers = [];
    private readonly ConcurrentQueue<string> _problems = new();
    private Records _records = null!;
    private SoakUser _guest = null!;

    private StubServer First => _servers[0];

    private StubServer Second => _servers[1];

    private StubServer Third => _servers[2];

    /// <summary>
    /// Two servers with an anchor each, and a third one with a joined guest. All agree: two messages and a message to
    /// the second anchor's device came everywhere once.
    /// </summary>
    [SetUp]
    public async Task SetUpAsync()
    {
        _records = new Records();
        foreach (var name in new[] { "a.test", "b.test", "c.test" }) _servers.Add(await StubServer.StartAsync(name));
        foreach (var server in _servers.Take(2))
        {
            var anchor = await SoakUser.RegisterAsync(server, "anchor", _problems);
            _anchors.Add(anchor);
            _observers.Add(new SyncingUser(anchor));
        }

        _guest = await SoakUser.RegisterAsync(Third, "guest", _problems);
        SoakUser[] users = [.. _anchors, _guest];
        foreach (var server in _servers)
        {
            server.State[("m.room.topic", "")] = "$topic";
            server.Members.AddRange(users.Select(user => user.Id));
            server.JoinedRooms.Add(Room);
            foreach (var user in users) server.Devices[user.Id] = ["PHONE"];
            foreach (var anchor in _anchors) server.History.Add(Said(anchor));
        }

        foreach (var anchor in _anchors)
        {
            _records.Events.Enqueue(new SentEvent(Room, IdOf(anchor), anchor, MustReachAll: true));
            _records.Devices[(anchor.Id, "PHONE")] = true;
        }

        _records.Messages.Enqueue(new SentMessage("mark", _anchors[0], _anchors[1].Id));
        foreach (var observer in _observers) await observer.BeginAsync(users.Select(user => user.Id));
        foreach (var server in _servers) server.Syncs.Enqueue(Timeline([.. server.History]));
        Second.Syncs.Enqueue(Message("mark"));
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        foreach (var server in _servers) await server.DisposeAsync();
        _servers.Clear();
        _anchors.Clear();
        _observers.Clear();
    }

    [Test]
    public async Task Where_all_agree_there_is_no_problem() => Assert.That(await ProblemsAsync(), Is.Empty);

    [Test]
    public async Task An_event_that_a_server_lost_is_seen()
    {
        Second.History.RemoveAt(0);

        Assert.That(await ProblemsAsync(), Is.EqualTo(new[]
        {
            $"$anchor-a of {_anchors[0].Id} is not in {Room} for {_anchors[1].Id}",
            $"$anchor-a is in {Room} for {_anchors[0].Id}, and not for {_anchors[1].Id}",
        }));
    }

    [Test]
    public async Task An_event_that_only_its_own_server_must_have_is_seen_there()
    {
        _records.Events.Enqueue(new SentEvent(Room, "$mine", _anchors[1], MustReachAll: false));

        Assert.That(await ProblemsAsync(), Is.EqualTo(new[]
        {
            $"$mine of {_anchors[1].Id} is not in {Room} for {_anchors[1].Id}",
            $"$mine of {_anchors[1].Id} did not come to {_anchors[1].Id} by sync",
        }));
    }

    [Test]
    public async Task An_event_that_comes_twice_in_the_history_is_seen()
    {
        First.History.Add(First.History[1]);

        Assert.That(
            await ProblemsAsync(), Is.EqualTo(new[] { $"$anchor-b is in {Room} 2 times for {_anchors[0].Id}" }));
    }

    [Test]
    public async Task A_message_that_was_made_twice_is_seen()
    {
        foreach (var server in _servers) server.History.Add(Said(_anchors[0], "$again"));

        Assert.That(await ProblemsAsync(), Is.EqualTo(_anchors.Select(anchor =>
            $"says {_anchors[0].Id} was sent once, and is $again and $anchor-a for {anchor.Id}")));
    }

    [Test]
    public async Task An_event_that_the_first_server_alone_lacks_is_seen()
    {
        Second.History.Add(Said(_anchors[1], "$more", "more"));

        Assert.That(await ProblemsAsync(), Is.EqualTo(new[]
        {
            $"$more is in {Room} for {_anchors[1].Id}, and not for {_anchors[0].Id}",
        }));
    }

    [TestCase(1, TestName = "A_state_that_differs_for_an_anchor_is_seen")]
    [TestCase(2, TestName = "A_state_that_differs_on_a_server_that_came_back_is_seen")]
    public async Task A_state_that_differs_is_seen(int server)
    {
        _servers[server].State[("m.room.topic", "")] = "$other";
        _servers[server].State[("m.room.name", "")] = "$name";

        var seen = await ProblemsAsync();

        Assert.That(seen, Has.Count.EqualTo(2));
        Assert.That(seen, Has.Some.Contains("m.room.topic  is $topic for").And.Contains("and $other for"));
        Assert.That(seen, Has.Some.Contains("m.room.name  is  for").And.Contains("and $name for"));
    }

    [TestCase("1", "m.room.topic", "", 1, TestName = "A_room_of_version_1_with_different_states_may_need_a_merge")]
    [TestCase("11", "m.room.topic", "", 0, TestName = "Rooms_of_other_versions_agree_without_one")]
    [TestCase("11", "m.room.member", "@x:a", 1, TestName = "But_for_memberships")]
    public async Task Some_rooms_need_an_event_that_merges(string version, string type, string key, int count)
    {
        var before = Second.State.GetValueOrDefault((type, key));
        Second.State[(type, key)] = "$other";
        var checks = ChecksOf(version);

        Assert.That(await ProblemsAsync(checks), Is.Not.Empty);
        Assert.That(checks.Unmerged.Select(each => each.Room.RoomId), Is.EqualTo(Enumerable.Repeat(Room, count)));
        if (count > 0) Assert.That(checks.Unmerged[0].Users, Is.EqualTo(_anchors.Append(_guest)));

        // Then an event merged them.
        if (before is null) Second.State.Remove((type, key));
        else Second.State[(type, key)] = before;
        Assert.That(await checks.ProblemsAsync(), Is.Empty);
        Assert.That(checks.Unmerged, Is.Empty);
    }

    [Test]
    public async Task A_server_whose_users_left_as_it_sees_it_is_outside_of_the_room()
    {
        Third.State[("m.room.topic", "")] = "$old";
        Third.JoinedRooms.Clear();
        var checks = ChecksOf("11");

        Assert.That(await ProblemsAsync(checks), Is.Empty);
        Assert.That(checks.Outside.Single().Guest, Is.SameAs(_guest));

        // Then the guest joined again.
        Third.JoinedRooms.Add(Room);
        Assert.That(await checks.ProblemsAsync(), Has.Count.EqualTo(1));
        Assert.That(checks.Outside, Is.Empty);
    }

    [Test]
    public async Task A_state_that_all_servers_lost_is_seen()
    {
        foreach (var server in _servers) server.State.Clear();

        Assert.That(await ProblemsAsync(), Is.EqualTo(new[] { $"state of {Room} (version 11): there is none" }));
    }

    [Test]
    public async Task An_event_that_did_not_come_by_sync_is_seen()
    {
        First.Syncs.Clear();
        First.Syncs.Enqueue(Timeline(First.History[0]));

        Assert.That(await ProblemsAsync(), Is.EqualTo(new[]
        {
            $"$anchor-b of {_anchors[1].Id} did not come to {_anchors[0].Id} by sync",
        }));
    }

    [Test]
    public async Task An_event_that_comes_twice_by_sync_is_seen()
    {
        First.Syncs.Enqueue(Timeline(First.History[0]));

        Assert.That(await ProblemsAsync(), Is.EqualTo(new[] { $"$anchor-a came 2 times to {_anchors[0].Id}" }));
    }

    [TestCase(1)]
    [TestCase(2)]
    public async Task A_redaction_that_a_page_had_may_come_once_more_with_its_event(int times)
    {
        var late = Said(_anchors[1], "$late");
        var redaction = Said(_anchors[1], "$redaction");
        redaction["redacts"] = "$late";

        // The timeline is limited, and the page before it has the redaction.
        First.Syncs.Clear();
        First.History.Add(redaction);
        var limited = Timeline();
        limited["rooms"]!["join"]![Room]!["timeline"]!["limited"] = true;
        limited["rooms"]!["join"]![Room]!["timeline"]!["prev_batch"] = "before";
        First.Syncs.Enqueue(limited);
        First.Syncs.Enqueue(Timeline(late, redaction));
        if (times > 1) First.Syncs.Enqueue(Timeline(redaction));

        var problems = await ProblemsAsync(() => First.History.Remove(redaction));

        Assert.That(
            problems, Is.EqualTo(times > 1 ? [$"$redaction came 2 times to {_anchors[0].Id}"] : Array.Empty<string>()));
    }

    [Test]
    public async Task A_message_that_its_device_did_not_get_is_seen()
    {
        _records.Messages.Enqueue(new SentMessage("lost", _anchors[1], _anchors[0].Id));

        Assert.That(await ProblemsAsync(), Is.EqualTo(new[]
        {
            $"lost of {_anchors[1].Id} came to {_anchors[0].Id}'s device 0 times",
        }));
    }

    [Test]
    public async Task A_message_that_its_device_got_twice_is_seen()
    {
        Second.Syncs.Enqueue(Message("mark"));

        Assert.That(await ProblemsAsync(), Is.EqualTo(new[]
        {
            $"mark of {_anchors[0].Id} came to {_anchors[1].Id}'s device 2 times",
        }));
    }

    [Test]
    public async Task A_message_that_another_device_got_is_seen()
    {
        First.Syncs.Enqueue(Message("mark"));

        Assert.That(await ProblemsAsync(), Is.EqualTo(new[]
        {
            $"mark came to {_anchors[0].Id}'s device, and nobody sent it there",
        }));
    }

    [Test]
    public async Task A_device_that_its_own_server_lost_is_seen()
    {
        foreach (var server in _servers) server.Devices[_anchors[0].Id].Clear();

        Assert.That(await ProblemsAsync(), Is.EqualTo(new[] { $"PHONE of {_anchors[0].Id} is lost" }));
    }

    [Test]
    public async Task A_device_that_was_logged_out_and_is_still_there_is_seen()
    {
        _records.Devices[(_anchors[0].Id, "PHONE")] = false;

        Assert.That(await ProblemsAsync(), Is.EqualTo(new[] { $"PHONE of {_anchors[0].Id} is still there" }));
    }

    [Test]
    public async Task Devices_that_differ_on_another_server_are_seen()
    {
        Second.Devices[_anchors[0].Id].Add("LAPTOP");

        var seen = await ProblemsAsync();

        Assert.That(seen, Has.Count.EqualTo(2));
        Assert.That(seen[0], Does.StartWith($"devices of {_anchors[0].Id} for {_anchors[1].Id}: "));
        Assert.That(seen[1], Does.StartWith($"{_anchors[1].Id} was not told of a change of {_anchors[0].Id}: "));
    }

    [Test]
    public async Task A_change_of_devices_that_a_client_was_not_told_of_is_seen()
    {
        var problems = await ProblemsAsync(
            () => _servers.ForEach(server => server.Devices[_guest.Id].Add("LAPTOP")));

        Assert.That(problems, Has.Count.EqualTo(2));
        foreach (var anchor in _anchors)
        {
            Assert.That(problems, Has.Some.StartsWith($"{anchor.Id} was not told of a change of {_guest.Id}: "));
        }
    }

    [Test]
    public async Task A_member_whose_keys_a_client_was_not_told_to_query_is_seen()
    {
        First.Members.Add("@new:c.test");

        Assert.That(await ProblemsAsync(), Is.EqualTo(new[]
        {
            $"{_anchors[0].Id} was not told to query the keys of @new:c.test",
        }));
    }

    /// <summary>Syncs until nothing is new, and checks.</summary>
    /// <param name="change">What the clients do not get any more.</param>
    private Task<IReadOnlyList<string>> ProblemsAsync(Action? change = null) => ProblemsAsync(ChecksOf("11"), change);

    private async Task<IReadOnlyList<string>> ProblemsAsync(Checks checks, Action? change = null)
    {
        using (var stop = new CancellationTokenSource())
        {
            var idle = _servers.Select(server => server.IdleSyncs).ToArray();
            var syncs = _observers.Select(observer => observer.RunAsync(stop.Token)).ToArray();
            // The second idle sync comes after all keys were queried.
            while (_observers.Index().Any(each => _servers[each.Index].IdleSyncs < idle[each.Index] + 2))
            {
                await Task.WhenAny(Task.Delay(5), Task.WhenAny(syncs));
                foreach (var failed in syncs.Where(sync => sync.IsFaulted)) await failed;
            }

            await stop.CancelAsync();
            await Task.WhenAll(syncs);
        }

        change?.Invoke();
        return await checks.ProblemsAsync();
    }

    private Checks ChecksOf(string version) => new(
        _records, [new SoakRoom(Room, version, IsEncrypted: true, _anchors)], _observers, [_guest]);

    private static string IdOf(SoakUser user) => $"$anchor-{user.Server.Name[0]}";

    private static JsonObject Said(SoakUser user, string? eventId = null, string? body = null) => new()
    {
        ["type"] = "m.room.message",
        ["event_id"] = eventId ?? IdOf(user),
        ["sender"] = user.Id,
        ["content"] = new JsonObject { ["body"] = body ?? "says " + user.Id },
    };

    private static JsonObject Timeline(params JsonObject[] events) => new()
    {
        ["rooms"] = new JsonObject
        {
            ["join"] = new JsonObject
            {
                [Room] = new JsonObject
                {
                    ["timeline"] = new JsonObject
                    {
                        ["events"] = new JsonArray([.. events.Select(each => each.DeepClone())]),
                    },
                },
            },
        },
    };

    private static JsonObject Message(string mark) => new()
    {
        ["to_device"] = new JsonObject
        {
            ["events"] = new JsonArray(new JsonObject { ["content"] = new JsonObject { ["mark"] = mark } }),
        },
    };
}
