using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;
using Matrix.Host.Tests.Sync;

namespace Matrix.Host.Tests.Receipts;

/// <summary>Receipts, read markers and what is unread. Client-Server API, "Receipts", "Receiving notifications".</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class ReceiptTests(string kind)
{
    private static readonly JsonObject _byThread = new()
    {
        ["room"] = new JsonObject { ["timeline"] = new JsonObject { ["unread_thread_notifications"] = true } },
    };

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
    public async Task A_receipt_is_seen_by_all_and_a_private_one_by_oneself()
    {
        var id = await _alice.SaysAsync(_room, "x");
        var (alice, bob) = (await _alice.SyncsAsync(), await _bob.SyncsAsync());
        await _bob.ReadsAsync(_room, id);
        var seen = (await _alice.SyncsAsync(alice.Next)).Ephemeral(_room).Single();
        Assert.That((string?)seen["type"], Is.EqualTo("m.receipt"));
        Assert.That(seen["content"]![id]!["m.read"]![_bob.UserId]!["ts"], Is.Not.Null);
        Assert.That(seen["content"]![id]!["m.read"]![_bob.UserId]!["thread_id"], Is.Null);

        bob = await _bob.SyncsAsync(bob.Next);
        alice = await _alice.SyncsAsync(alice.Next);
        await _bob.ReadsAsync(_room, id, type: "m.read.private");
        Assert.That((await _alice.SyncsAsync(alice.Next)).IsEmpty, Is.True);
        var own = (await _bob.SyncsAsync(bob.Next)).Ephemeral(_room).Single();
        Assert.That(own["content"]![id]!["m.read.private"]![_bob.UserId], Is.Not.Null);
        Assert.That((await _alice.SyncsAsync()).Ephemeral(_room).ToString(), Does.Not.Contain("private"));
    }

    [Test]
    public async Task Receipts_of_several_threads_at_one_event_are_all_told()
    {
        var id = await _alice.SaysAsync(_room, "x");
        var since = (await _alice.SyncsAsync()).Next;
        await _bob.ReadsAsync(_room, id);
        await _bob.ReadsAsync(_room, id, "main");
        var threads = (await _alice.SyncsAsync(since)).Ephemeral(_room)
            .Select(e => (string?)e["content"]![id]!["m.read"]![_bob.UserId]!["thread_id"]);
        Assert.That(threads, Is.EquivalentTo(new[] { null, "main" }));
    }

    [Test]
    public async Task A_receipt_that_lies_behind_changes_nothing()
    {
        var first = await _alice.SaysAsync(_room, "1");
        var second = await _alice.SaysAsync(_room, "2");
        await _bob.ReadsAsync(_room, second);
        var since = (await _alice.SyncsAsync()).Next;
        await _bob.ReadsAsync(_room, first);
        Assert.That((await _alice.SyncsAsync(since)).IsEmpty, Is.True);
    }

    [Test]
    public async Task Reading_clears_what_is_unread_up_to_there()
    {
        var ids = new List<string>();
        for (var i = 0; i < 3; i++) ids.Add(await _alice.SaysAsync(_room, $"m{i}"));
        var sync = await _bob.SyncsAsync();
        Assert.That(sync.Unread(_room), Is.EqualTo((3, 0)));

        await _bob.ReadsAsync(_room, ids[1]);
        sync = await _bob.SyncsAsync(sync.Next);
        Assert.That(sync.Unread(_room), Is.EqualTo((1, 0)));
        await _alice.SaysAsync(_room, "one more");
        sync = await _bob.SyncsAsync(sync.Next);
        Assert.That(sync.Unread(_room), Is.EqualTo((2, 0)));
        Assert.That((await _bob.SyncsAsync()).Unread(_room), Is.EqualTo((2, 0)), "Counted from the beginning it is the same.");

        await _bob.ReadsAsync(_room, ids[2], type: "m.read.private");
        Assert.That((await _bob.SyncsAsync(sync.Next)).Unread(_room), Is.EqualTo((1, 0)));
        Assert.That((await _alice.SyncsAsync()).Unread(_room), Is.EqualTo((0, 0)), "What one said oneself is not unread.");
    }

    [TestCase(null)]
    [TestCase("main")]
    public async Task What_comes_after_all_was_read_is_unread(string? thread)
    {
        var last = await _alice.SaysAsync(_room, "1");
        var sync = await _bob.SyncsAsync();
        await _bob.ReadsAsync(_room, last, thread);
        sync = await _bob.SyncsAsync(sync.Next);
        Assert.That(sync.Unread(_room), Is.EqualTo((0, 0)));

        await _alice.SaysAsync(_room, "2");
        sync = await _bob.SyncsAsync(sync.Next);
        Assert.That(sync.Unread(_room), Is.EqualTo((1, 0)));
        await _alice.SaysAsync(_room, "3", c => c["m.mentions"] = new JsonObject { ["user_ids"] = new JsonArray(_bob.UserId) });
        Assert.That((await _bob.SyncsAsync(sync.Next)).Unread(_room), Is.EqualTo((2, 1)));
    }

    [Test]
    public async Task Who_says_something_has_read_what_came_before_it()
    {
        var first = await _alice.SaysAsync(_room, "1");
        await _alice.SaysAsync(_room, "2", c => c["m.mentions"] = new JsonObject { ["user_ids"] = new JsonArray(_bob.UserId) });
        var sync = await _bob.SyncsAsync();
        Assert.That(sync.Unread(_room), Is.EqualTo((2, 1)));

        await _bob.SaysAsync(_room, "I see");
        sync = await _bob.SyncsAsync(sync.Next);
        Assert.That(sync.Unread(_room), Is.EqualTo((0, 0)));
        await _alice.SaysAsync(_room, "3");
        await _alice.SaysAsync(_room, "4");
        sync = await _bob.SyncsAsync(sync.Next);
        Assert.That(sync.Unread(_room), Is.EqualTo((2, 0)));

        await _bob.SendsAsync(_room, "m.reaction", new JsonObject
        {
            ["m.relates_to"] = new JsonObject { ["rel_type"] = "m.annotation", ["event_id"] = first, ["key"] = "+" },
        });
        await _alice.SaysAsync(_room, "5");
        Assert.That((await _bob.SyncsAsync(sync.Next)).Unread(_room), Is.EqualTo((1, 0)));
        await _server.RestartAsync();
        Assert.That((await _bob.SyncsAsync()).Unread(_room), Is.EqualTo((1, 0)), "Counted anew it is the same.");
    }

    [Test]
    public async Task Who_says_something_in_a_thread_has_read_that_thread()
    {
        var root = await _alice.SaysAsync(_room, "root");
        await InThreadAsync(root, "t1");
        var since = (await _bob.SyncsAsync()).Next;
        await _bob.SaysAsync(_room, "t2", c => c["m.relates_to"] = new JsonObject { ["rel_type"] = "m.thread", ["event_id"] = root });
        var sync = await _bob.SyncsAsync(since, filter: _byThread.DeepClone().AsObject());
        Assert.That((sync.Unread(_room), sync.UnreadIn(_room, root)), Is.EqualTo(((1, 0), (0, 0))));
    }

    [Test]
    public async Task A_new_name_reads_nothing()
    {
        await _alice.SaysAsync(_room, "1");
        var since = (await _bob.SyncsAsync()).Next;
        await _bob.PutAsync($"profile/{SyncingUsers.Esc(_bob.UserId)}/displayname", new JsonObject { ["displayname"] = "Bobby" });
        Assert.That((await _bob.SyncsAsync(since)).Unread(_room), Is.EqualTo((1, 0)));
        Assert.That((await _bob.SyncsAsync()).Unread(_room), Is.EqualTo((1, 0)));
    }

    [Test]
    public async Task The_same_is_counted_after_a_restart()
    {
        var id = await _alice.SaysAsync(_room, "1");
        await _alice.SaysAsync(_room, "2", c => c["m.mentions"] = new JsonObject { ["user_ids"] = new JsonArray(_bob.UserId) });
        await _bob.ReadsAsync(_room, id);
        var before = (await _bob.SyncsAsync()).Unread(_room);
        await _server.RestartAsync();
        Assert.That(((await _bob.SyncsAsync()).Unread(_room), before), Is.EqualTo(((1, 1), (1, 1))));
    }

    [Test]
    public async Task A_mention_highlights_for_the_one_mentioned()
    {
        var carol = await _server.RegistersAsync("carol");
        await carol.JoinsAsync(_room);
        var (bob, other) = (await _bob.SyncsAsync(), await carol.SyncsAsync());
        await _alice.SaysAsync(_room, "bob?", c => c["m.mentions"] = new JsonObject { ["user_ids"] = new JsonArray(_bob.UserId) });
        bob = await _bob.SyncsAsync(bob.Next);
        Assert.That(bob.Unread(_room).Highlights, Is.EqualTo(1));
        Assert.That((await carol.SyncsAsync(other.Next)).Unread(_room).Highlights, Is.Zero);
    }

    [Test]
    public async Task A_notice_and_a_reaction_do_not_notify()
    {
        var id = await _alice.SaysAsync(_room, "x");
        await _bob.ReadsAsync(_room, id);
        var since = (await _bob.SyncsAsync()).Next;
        await _alice.SendsAsync(_room, "m.room.message", new JsonObject { ["msgtype"] = "m.notice", ["body"] = "beep" });
        await _alice.SendsAsync(_room, "m.reaction", new JsonObject
        {
            ["m.relates_to"] = new JsonObject { ["rel_type"] = "m.annotation", ["event_id"] = id, ["key"] = "+" },
        });
        Assert.That((await _bob.SyncsAsync(since)).Unread(_room), Is.EqualTo((0, 0)));
    }

    [Test]
    public async Task Threads_are_counted_and_read_apart()
    {
        var root = await _alice.SaysAsync(_room, "root");
        var inThread = await InThreadAsync(root, "t1");
        await InThreadAsync(root, "t2");
        await _alice.SaysAsync(_room, "main");

        var sync = await _bob.SyncsAsync(filter: _byThread.DeepClone().AsObject());
        Assert.That((sync.Unread(_room), sync.UnreadIn(_room, root)), Is.EqualTo(((2, 0), (2, 0))));
        Assert.That((await _bob.SyncsAsync()).Unread(_room), Is.EqualTo((4, 0)));

        await _bob.ReadsAsync(_room, inThread, root);
        sync = await _bob.SyncsAsync(sync.Next, filter: _byThread.DeepClone().AsObject());
        Assert.That((sync.Unread(_room), sync.UnreadIn(_room, root)), Is.EqualTo(((2, 0), (1, 0))));

        await _bob.ReadsAsync(_room, root, "main");
        sync = await _bob.SyncsAsync(sync.Next, filter: _byThread.DeepClone().AsObject());
        Assert.That((sync.Unread(_room), sync.UnreadIn(_room, root)), Is.EqualTo(((1, 0), (1, 0))));

        await _server.RestartAsync();
        sync = await _bob.SyncsAsync(filter: _byThread.DeepClone().AsObject());
        Assert.That((sync.Unread(_room), sync.UnreadIn(_room, root)), Is.EqualTo(((1, 0), (1, 0))), "Counted anew it is the same.");

        await _bob.ReadsAsync(_room, await _alice.SaysAsync(_room, "last"));
        sync = await _bob.SyncsAsync(sync.Next, filter: _byThread.DeepClone().AsObject());
        Assert.That((sync.Unread(_room), sync.UnreadIn(_room, root)), Is.EqualTo(((0, 0), (0, 0))), "Without a thread it clears all.");
    }

    [Test]
    public async Task Read_markers_set_account_data_and_receipts()
    {
        var id = await _alice.SaysAsync(_room, "x");
        var (alice, bob) = (await _alice.SyncsAsync(), await _bob.SyncsAsync());
        var reply = await _bob.PostAsync(
            $"rooms/{SyncingUsers.Esc(_room)}/read_markers", new JsonObject { ["m.fully_read"] = id, ["m.read"] = id, ["m.read.private"] = id });
        Assert.That((reply.Status, reply.Text), Is.EqualTo((200, "{}")));

        bob = await _bob.SyncsAsync(bob.Next);
        Assert.That(bob.RoomAccountData(_room).Select(e => ((string?)e["type"], (string?)e["content"]!["event_id"])), Is.EqualTo(new[] { ("m.fully_read", id) }));
        Assert.That(bob.Unread(_room), Is.EqualTo((0, 0)));
        Assert.That((await _alice.SyncsAsync(alice.Next)).Ephemeral(_room), Has.Count.EqualTo(1));

        await _bob.ReadsAsync(_room, await _alice.SaysAsync(_room, "y"), type: "m.fully_read");
        Assert.That((await _bob.SyncsAsync(bob.Next)).RoomAccountData(_room), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Malformed_receipts_are_refused()
    {
        var id = SyncingUsers.Esc(await _alice.SaysAsync(_room, "x"));
        var root = await _alice.SaysAsync(_room, "root");
        var reply = await InThreadAsync(root, "reply");
        string Path(string type = "m.read", string? eventId = null, string? room = null) =>
            $"rooms/{SyncingUsers.Esc(room ?? _room)}/receipt/{type}/{eventId ?? id}";

        (await _bob.PostAsync(Path("m.unheard_of"))).Is(400, "M_INVALID_PARAM");
        (await _bob.PostAsync(Path(), new JsonObject { ["thread_id"] = "" })).Is(400, "M_INVALID_PARAM");
        (await _bob.PostAsync(Path(), new JsonObject { ["thread_id"] = 7 })).Is(400, "M_INVALID_PARAM");
        (await _bob.PostAsync(Path("m.fully_read"), new JsonObject { ["thread_id"] = "main" })).Is(400, "M_INVALID_PARAM");
        (await _bob.PostAsync(Path(), new JsonObject { ["thread_id"] = root })).Is(400, "M_INVALID_PARAM");
        (await _bob.PostAsync(Path(eventId: SyncingUsers.Esc(reply)), new JsonObject { ["thread_id"] = "main" })).Is(400, "M_INVALID_PARAM");
        (await _bob.PostAsync(Path(eventId: "$nothing"))).Is(400, "M_INVALID_PARAM");
        (await _bob.PostAsync(Path(room: await _alice.CreatesRoomAsync()))).Is(403, "M_FORBIDDEN");
        (await _bob.PostAsync(
            $"rooms/{SyncingUsers.Esc(_room)}/read_markers", new JsonObject { ["m.read"] = 7 })).Is(400, "M_BAD_JSON");

        await _bob.ReadsAsync(_room, root, root);
        await _bob.ReadsAsync(_room, reply, root);
        Assert.That((await _bob.PostAsync(Path(), null)).Status, Is.EqualTo(200), "A receipt needs no body.");
    }

    private Task<string> InThreadAsync(string root, string text) => _alice.SaysAsync(
        _room, text, c => c["m.relates_to"] = new JsonObject { ["rel_type"] = "m.thread", ["event_id"] = root });
}
