using System.Text.Json.Nodes;
using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Storage;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Receipts;

/// <summary>Receipts, read markers, unread counts. Client-Server API, "Receipts", "Receiving notifications".</summary>
internal sealed class ReceiptTests(string kind) : TwoInARoomTests(kind)
{
    private static readonly JsonObject _byThread = new()
    {
        ["room"] = new JsonObject { ["timeline"] = new JsonObject { ["unread_thread_notifications"] = true } },
    };

    [Test]
    public async Task A_receipt_is_seen_by_all_and_a_private_one_by_oneself()
    {
        var id = await Alice.SaysAsync(Room, "x");
        var (alice, bob) = (await Alice.SyncsAsync(), await Bob.SyncsAsync());
        await Bob.ReadsAsync(Room, id);
        var seen = (await Alice.SyncsAsync(alice.Next)).Ephemeral(Room).Single();
        Assert.That((string?)seen["type"], Is.EqualTo("m.receipt"));
        Assert.That(seen["content"]![id]!["m.read"]![Bob.UserId]!["ts"], Is.Not.Null);
        Assert.That(seen["content"]![id]!["m.read"]![Bob.UserId]!["thread_id"], Is.Null);

        bob = await Bob.SyncsAsync(bob.Next);
        alice = await Alice.SyncsAsync(alice.Next);
        await Bob.ReadsAsync(Room, id, type: "m.read.private");
        Assert.That((await Alice.SyncsAsync(alice.Next)).IsEmpty, Is.True);
        var own = (await Bob.SyncsAsync(bob.Next)).Ephemeral(Room).Single();
        Assert.That(own["content"]![id]!["m.read.private"]![Bob.UserId], Is.Not.Null);
        Assert.That((await Alice.SyncsAsync()).Ephemeral(Room).ToString(), Does.Not.Contain("private"));
    }

    [Test]
    public async Task Receipts_of_several_threads_at_one_event_are_all_sent()
    {
        var id = await Alice.SaysAsync(Room, "x");
        var since = (await Alice.SyncsAsync()).Next;
        await Bob.ReadsAsync(Room, id);
        await Bob.ReadsAsync(Room, id, "main");
        var threads = (await Alice.SyncsAsync(since)).Ephemeral(Room)
            .Select(e => (string?)e["content"]![id]!["m.read"]![Bob.UserId]!["thread_id"]);
        Assert.That(threads, Is.EquivalentTo(new[] { null, "main" }));
    }

    [Test]
    public async Task An_earlier_receipt_changes_nothing()
    {
        var first = await Alice.SaysAsync(Room, "1");
        var second = await Alice.SaysAsync(Room, "2");
        await Bob.ReadsAsync(Room, second);
        var since = (await Alice.SyncsAsync()).Next;
        await Bob.ReadsAsync(Room, first);
        Assert.That((await Alice.SyncsAsync(since)).IsEmpty, Is.True);
    }

    [Test]
    public async Task Reading_clears_what_is_unread_up_to_there()
    {
        var ids = new List<string>();
        for (var i = 0; i < 3; i++) ids.Add(await Alice.SaysAsync(Room, $"m{i}"));
        var sync = await Bob.SyncsAsync();
        Assert.That(sync.Unread(Room), Is.EqualTo((3, 0)));

        await Bob.ReadsAsync(Room, ids[1]);
        sync = await Bob.SyncsAsync(sync.Next);
        Assert.That(sync.Unread(Room), Is.EqualTo((1, 0)));
        await Alice.SaysAsync(Room, "one more");
        sync = await Bob.SyncsAsync(sync.Next);
        Assert.That(sync.Unread(Room), Is.EqualTo((2, 0)));
        Assert.That(
            (await Bob.SyncsAsync()).Unread(Room),
            Is.EqualTo((2, 0)),
            "Counted from the beginning it is the same.");

        await Bob.ReadsAsync(Room, ids[2], type: "m.read.private");
        Assert.That((await Bob.SyncsAsync(sync.Next)).Unread(Room), Is.EqualTo((1, 0)));
        Assert.That(
            (await Alice.SyncsAsync()).Unread(Room),
            Is.EqualTo((0, 0)),
            "What one said oneself is not unread.");
    }

    [TestCase(null)]
    [TestCase("main")]
    public async Task Events_after_everything_was_read_are_unread(string? thread)
    {
        var last = await Alice.SaysAsync(Room, "1");
        var sync = await Bob.SyncsAsync();
        await Bob.ReadsAsync(Room, last, thread);
        sync = await Bob.SyncsAsync(sync.Next);
        Assert.That(sync.Unread(Room), Is.EqualTo((0, 0)));

        await Alice.SaysAsync(Room, "2");
        sync = await Bob.SyncsAsync(sync.Next);
        Assert.That(sync.Unread(Room), Is.EqualTo((1, 0)));
        await Alice.SaysAsync(Room, "3", c => c["m.mentions"] = new JsonObject
        {
            ["user_ids"] = new JsonArray(Bob.UserId),
        });
        Assert.That((await Bob.SyncsAsync(sync.Next)).Unread(Room), Is.EqualTo((2, 1)));
    }

    [Test]
    public async Task A_users_own_message_reads_what_came_before_it()
    {
        var first = await Alice.SaysAsync(Room, "1");
        await Alice.SaysAsync(Room, "2", c => c["m.mentions"] = new JsonObject
        {
            ["user_ids"] = new JsonArray(Bob.UserId),
        });
        var sync = await Bob.SyncsAsync();
        Assert.That(sync.Unread(Room), Is.EqualTo((2, 1)));

        await Bob.SaysAsync(Room, "I see");
        sync = await Bob.SyncsAsync(sync.Next);
        Assert.That(sync.Unread(Room), Is.EqualTo((0, 0)));
        await Alice.SaysAsync(Room, "3");
        await Alice.SaysAsync(Room, "4");
        sync = await Bob.SyncsAsync(sync.Next);
        Assert.That(sync.Unread(Room), Is.EqualTo((2, 0)));

        await Bob.SendsAsync(Room, "m.reaction", new JsonObject
        {
            ["m.relates_to"] = new JsonObject { ["rel_type"] = "m.annotation", ["event_id"] = first, ["key"] = "+" },
        });
        await Alice.SaysAsync(Room, "5");
        Assert.That((await Bob.SyncsAsync(sync.Next)).Unread(Room), Is.EqualTo((1, 0)));
        await Server.RestartAsync();
        Assert.That((await Bob.SyncsAsync()).Unread(Room), Is.EqualTo((1, 0)), "Counted anew it is the same.");
    }

    [Test]
    public async Task A_users_own_message_in_a_thread_reads_that_thread()
    {
        var root = await Alice.SaysAsync(Room, "root");
        await InThreadAsync(root, "t1");
        var since = (await Bob.SyncsAsync()).Next;
        await Bob.SaysAsync(Room, "t2", c => c["m.relates_to"] = new JsonObject
        {
            ["rel_type"] = "m.thread",
            ["event_id"] = root,
        });
        var sync = await Bob.SyncsAsync(since, filter: _byThread.DeepClone().AsObject());
        Assert.That((sync.Unread(Room), sync.UnreadIn(Room, root)), Is.EqualTo(((1, 0), (0, 0))));
    }

    [Test]
    public async Task A_new_name_reads_nothing()
    {
        await Alice.SaysAsync(Room, "1");
        var since = (await Bob.SyncsAsync()).Next;
        await Bob.PutAsync($"profile/{UserActions.Esc(Bob.UserId)}/displayname", new JsonObject
        {
            ["displayname"] = "Bobby",
        });
        Assert.That((await Bob.SyncsAsync(since)).Unread(Room), Is.EqualTo((1, 0)));
        Assert.That((await Bob.SyncsAsync()).Unread(Room), Is.EqualTo((1, 0)));
    }

    [Test]
    public async Task The_same_is_counted_after_a_restart()
    {
        var id = await Alice.SaysAsync(Room, "1");
        await Alice.SaysAsync(Room, "2", c => c["m.mentions"] = new JsonObject
        {
            ["user_ids"] = new JsonArray(Bob.UserId),
        });
        await Bob.ReadsAsync(Room, id);
        var before = (await Bob.SyncsAsync()).Unread(Room);
        await Server.RestartAsync();
        Assert.That(((await Bob.SyncsAsync()).Unread(Room), before), Is.EqualTo(((1, 1), (1, 1))));
    }

    [Test]
    public async Task A_mention_highlights_for_the_one_mentioned()
    {
        var carol = await Server.RegistersAsync("carol");
        await carol.JoinsAsync(Room);
        var (bob, other) = (await Bob.SyncsAsync(), await carol.SyncsAsync());
        await Alice.SaysAsync(Room, "bob?", c => c["m.mentions"] = new JsonObject
        {
            ["user_ids"] = new JsonArray(Bob.UserId),
        });
        bob = await Bob.SyncsAsync(bob.Next);
        Assert.That(bob.Unread(Room).Highlights, Is.EqualTo(1));
        Assert.That((await carol.SyncsAsync(other.Next)).Unread(Room).Highlights, Is.Zero);
    }

    [Test]
    public async Task A_notice_and_a_reaction_do_not_notify()
    {
        var id = await Alice.SaysAsync(Room, "x");
        await Bob.ReadsAsync(Room, id);
        var since = (await Bob.SyncsAsync()).Next;
        await Alice.SendsAsync(Room, "m.room.message", new JsonObject { ["msgtype"] = "m.notice", ["body"] = "beep" });
        await Alice.SendsAsync(Room, "m.reaction", new JsonObject
        {
            ["m.relates_to"] = new JsonObject { ["rel_type"] = "m.annotation", ["event_id"] = id, ["key"] = "+" },
        });
        Assert.That((await Bob.SyncsAsync(since)).Unread(Room), Is.EqualTo((0, 0)));
    }

    [Test]
    public async Task Threads_are_counted_and_read_apart()
    {
        var root = await Alice.SaysAsync(Room, "root");
        var inThread = await InThreadAsync(root, "t1");
        await InThreadAsync(root, "t2");
        await Alice.SaysAsync(Room, "main");

        var sync = await Bob.SyncsAsync(filter: _byThread.DeepClone().AsObject());
        Assert.That((sync.Unread(Room), sync.UnreadIn(Room, root)), Is.EqualTo(((2, 0), (2, 0))));
        Assert.That((await Bob.SyncsAsync()).Unread(Room), Is.EqualTo((4, 0)));

        await Bob.ReadsAsync(Room, inThread, root);
        sync = await Bob.SyncsAsync(sync.Next, filter: _byThread.DeepClone().AsObject());
        Assert.That((sync.Unread(Room), sync.UnreadIn(Room, root)), Is.EqualTo(((2, 0), (1, 0))));

        await Bob.ReadsAsync(Room, root, "main");
        sync = await Bob.SyncsAsync(sync.Next, filter: _byThread.DeepClone().AsObject());
        Assert.That((sync.Unread(Room), sync.UnreadIn(Room, root)), Is.EqualTo(((1, 0), (1, 0))));

        await Server.RestartAsync();
        sync = await Bob.SyncsAsync(filter: _byThread.DeepClone().AsObject());
        Assert.That(
            (sync.Unread(Room), sync.UnreadIn(Room, root)),
            Is.EqualTo(((1, 0), (1, 0))),
            "Counted anew it is the same.");

        await Bob.ReadsAsync(Room, await Alice.SaysAsync(Room, "last"));
        sync = await Bob.SyncsAsync(sync.Next, filter: _byThread.DeepClone().AsObject());
        Assert.That(
            (sync.Unread(Room), sync.UnreadIn(Room, root)),
            Is.EqualTo(((0, 0), (0, 0))),
            "Without a thread it clears all.");
    }

    [Test]
    public async Task A_redacted_event_is_no_longer_unread()
    {
        var root = await Alice.SaysAsync(Room, "root");
        var (said, other) = (await Alice.SaysAsync(Room, "1"), await Alice.SaysAsync(Room, "2"));
        var mention = await Alice.SaysAsync(Room, "bob?", MentionsBob);
        var inThread = await InThreadAsync(root, "t1");
        var sync = await Bob.SyncsAsync(filter: _byThread.DeepClone().AsObject());
        Assert.That((sync.Unread(Room), sync.UnreadIn(Room, root)), Is.EqualTo(((4, 1), (1, 0))));

        await RedactsAsync(said);
        sync = await Bob.SyncsAsync(sync.Next, filter: _byThread.DeepClone().AsObject());
        Assert.That(sync.Unread(Room), Is.EqualTo((3, 1)));
        await RedactsAsync(said);
        await RedactsAsync(mention);
        await RedactsAsync(inThread);
        sync = await Bob.SyncsAsync(sync.Next, filter: _byThread.DeepClone().AsObject());
        Assert.That(
            (sync.Unread(Room), sync.UnreadIn(Room, root)),
            Is.EqualTo(((2, 0), (0, 0))),
            "A second redaction takes nothing more away.");

        await RedactsAsync(await Alice.SaysAsync(Room, "never mind"));
        await Bob.ReadsAsync(Room, root);
        sync = await Bob.SyncsAsync(sync.Next);
        Assert.That(sync.Unread(Room), Is.EqualTo((1, 0)));
        await RedactsAsync(root);
        Assert.That(
            (await Bob.SyncsAsync(sync.Next)).Unread(Room),
            Is.EqualTo((1, 0)),
            "What was read was not unread.");
        await RedactsAsync(other);
        Assert.That((await Bob.SyncsAsync(sync.Next)).Unread(Room), Is.EqualTo((0, 0)));

        await Server.RestartAsync();
        Assert.That((await Bob.SyncsAsync()).Unread(Room), Is.EqualTo((0, 0)), "Counted anew it is the same.");
    }

    [Test]
    public async Task Counting_on_and_counting_anew_agree_whatever_is_said_read_and_redacted([Values(1, 2, 3)] int seed)
    {
        var random = new Random(seed);
        var said = new List<string>();
        var roots = new List<string>();
        var bob = await Bob.SyncsAsync();
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 60; i++)
            {
                switch (random.Next(12))
                {
                    case 0:
                        roots.Add(await Alice.SaysAsync(Room, "root"));
                        break;
                    case 1 or 2 when roots.Count > 0:
                        said.Add(await InThreadAsync(roots[random.Next(roots.Count)], "in a thread"));
                        break;
                    case 3:
                        said.Add(await Alice.SaysAsync(Room, "bob?", MentionsBob));
                        break;
                    case 4 or 5 or 6 when said.Count > 0:
                        await RedactsAsync(said[random.Next(said.Count)]);
                        break;
                    case 7 when random.Next(3) == 0:
                        await Bob.SaysAsync(Room, "I");
                        break;
                    case 8 when said.Count > 0 && random.Next(2) == 0:
                        await Bob.ReadsAsync(Room, said[random.Next(said.Count)], type: "m.read.private");
                        break;
                    case 9 when roots.Count > 0 && random.Next(2) == 0:
                        await Bob.ReadsAsync(Room, roots[random.Next(roots.Count)], "main");
                        break;
                    case 10:
                        bob = await Bob.SyncsAsync(bob.Next);
                        break;
                    default:
                        said.Add(await Alice.SaysAsync(Room, "x"));
                        break;
                }
            }

            await Alice.SaysAsync(Room, "the end");
            bob = await Bob.SyncsAsync(bob.Next, filter: _byThread.DeepClone().AsObject());
            await Server.RestartAsync();
            var anew = await Bob.SyncsAsync(filter: _byThread.DeepClone().AsObject());
            Assert.That(bob.Unread(Room), Is.EqualTo(anew.Unread(Room)));
            foreach (var root in roots) Assert.That(bob.UnreadIn(Room, root), Is.EqualTo(anew.UnreadIn(Room, root)));
        }
    }

    [Test]
    public async Task A_highlight_without_notification_is_not_counted()
    {
        (await Bob.PutAsync("pushrules/global/override/psst", new JsonObject
        {
            ["conditions"] = new JsonArray(
                new JsonObject { ["kind"] = "event_match", ["key"] = "content.body", ["pattern"] = "psst" }),
            ["actions"] = new JsonArray(new JsonObject { ["set_tweak"] = "highlight" }),
        })).Is(200);
        (await Bob.PutAsync("pushrules/global/override/hey", new JsonObject
        {
            ["conditions"] = new JsonArray(
                new JsonObject { ["kind"] = "event_match", ["key"] = "content.body", ["pattern"] = "hey" }),
            ["actions"] = new JsonArray("notify", new JsonObject { ["set_tweak"] = "highlight" }),
        })).Is(200);
        await Alice.SaysAsync(Room, "psst");
        await Alice.SendsAsync(Room, "m.room.message", new JsonObject { ["msgtype"] = "m.notice", ["body"] = "psst" });
        Assert.That((await Bob.SyncsAsync()).Unread(Room), Is.EqualTo((0, 0)));

        await Alice.SaysAsync(Room, "hey");
        await Alice.SendsAsync(Room, "m.room.message", new JsonObject
        {
            ["msgtype"] = "m.emote",
            ["body"] = "says hey",
        });
        await Alice.SaysAsync(Room, "x");
        Assert.That((await Bob.SyncsAsync()).Unread(Room), Is.EqualTo((3, 2)));
    }

    [Test]
    public async Task Read_markers_set_account_data_and_receipts()
    {
        var id = await Alice.SaysAsync(Room, "x");
        var (alice, bob) = (await Alice.SyncsAsync(), await Bob.SyncsAsync());
        var reply = await Bob.PostAsync(
            $"rooms/{UserActions.Esc(Room)}/read_markers",
            new JsonObject { ["m.fully_read"] = id, ["m.read"] = id, ["m.read.private"] = id });
        Assert.That((reply.Status, reply.Text), Is.EqualTo((200, "{}")));

        bob = await Bob.SyncsAsync(bob.Next);
        Assert.That(
            bob.RoomAccountData(Room).Select(e => ((string?)e["type"], (string?)e["content"]!["event_id"])),
            Is.EqualTo(new[] { ("m.fully_read", id) }));
        Assert.That(bob.Unread(Room), Is.EqualTo((0, 0)));
        Assert.That((await Alice.SyncsAsync(alice.Next)).Ephemeral(Room), Has.Count.EqualTo(1));

        await Bob.ReadsAsync(Room, await Alice.SaysAsync(Room, "y"), type: "m.fully_read");
        Assert.That((await Bob.SyncsAsync(bob.Next)).RoomAccountData(Room), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Malformed_receipts_are_refused()
    {
        var id = UserActions.Esc(await Alice.SaysAsync(Room, "x"));
        var root = await Alice.SaysAsync(Room, "root");
        var reply = await InThreadAsync(root, "reply");
        string Path(string type = "m.read", string? eventId = null, string? room = null) =>
            $"rooms/{UserActions.Esc(room ?? Room)}/receipt/{type}/{eventId ?? id}";

        (await Bob.PostAsync(Path("m.unheard_of"))).Is(400, "M_INVALID_PARAM");
        (await Bob.PostAsync(Path(), new JsonObject { ["thread_id"] = "" })).Is(400, "M_INVALID_PARAM");
        (await Bob.PostAsync(Path(), new JsonObject { ["thread_id"] = 7 })).Is(400, "M_INVALID_PARAM");
        (await Bob.PostAsync(Path("m.fully_read"), new JsonObject { ["thread_id"] = "main" }))
            .Is(400, "M_INVALID_PARAM");
        (await Bob.PostAsync(Path(), new JsonObject { ["thread_id"] = root })).Is(400, "M_INVALID_PARAM");
        (await Bob.PostAsync(Path(eventId: UserActions.Esc(reply)), new JsonObject { ["thread_id"] = "main" }))
            .Is(400, "M_INVALID_PARAM");
        (await Bob.PostAsync(Path(eventId: "$nothing"))).Is(400, "M_INVALID_PARAM");
        (await Bob.PostAsync(Path(room: await Alice.CreatesRoomAsync()))).Is(403, "M_FORBIDDEN");
        (await Bob.PostAsync(
            $"rooms/{UserActions.Esc(Room)}/read_markers", new JsonObject { ["m.read"] = 7 })).Is(400, "M_BAD_JSON");

        await Bob.ReadsAsync(Room, root, root);
        await Bob.ReadsAsync(Room, reply, root);
        Assert.That((await Bob.PostAsync(Path(), null)).Status, Is.EqualTo(200), "A receipt needs no body.");
    }

    [Test]
    public async Task A_thread_that_is_none_has_no_receipts()
    {
        var said = await Alice.SaysAsync(Room, "x");
        var reaction = await ReactsAsync(said);
        (await ReceiptAsync(said, said)).Is(400, "M_INVALID_PARAM");
        (await ReceiptAsync(reaction, said)).Is(400, "M_INVALID_PARAM");

        await InThreadAsync(said, "now it is one");
        (await ReceiptAsync(said, said)).Is(200);
        (await ReceiptAsync(reaction, said)).Is(200);
    }

    [Test]
    public async Task A_receipt_of_a_thread_may_name_an_event_that_leads_to_it_by_relations()
    {
        var root = await Alice.SaysAsync(Room, "root");
        var reply = await InThreadAsync(root, "reply");
        var edit = await Alice.SaysAsync(Room, "roots", c => c["m.relates_to"] = new JsonObject
        {
            ["rel_type"] = "m.replace",
            ["event_id"] = root,
        });
        var first = await ReactsAsync(edit);
        var second = await ReactsAsync(first);
        var elsewhere = await ReactsAsync(await Alice.SaysAsync(Room, "elsewhere"));

        (await ReceiptAsync(second, root)).Is(200);
        (await ReceiptAsync(await ReactsAsync(await ReactsAsync(reply)), root)).Is(200);
        (await ReceiptAsync(elsewhere, root)).Is(400, "M_INVALID_PARAM");

        await Server.RestartAsync(("limits.receipt_relations", "2"));
        (await ReceiptAsync(await ReactsAsync(edit), root)).Is(200);
        (await ReceiptAsync(await ReactsAsync(second), root)).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task One_members_receipts_in_many_threads_hide_nobody_elses()
    {
        await Server.RestartAsync(("sync.receipts", "3"), ("limits.receipt_threads", "4"));
        var carol = await Server.RegistersAsync("carol");
        await carol.JoinsAsync(Room);
        var roots = new List<string>();
        for (var i = 0; i < 6; i++)
        {
            roots.Add(await Alice.SaysAsync(Room, $"root {i}"));
            await InThreadAsync(roots[i], "reply");
        }

        var last = await Alice.SaysAsync(Room, "last");
        await carol.ReadsAsync(Room, last);
        await carol.ReadsAsync(Room, last, "main");
        await carol.ReadsAsync(Room, roots[0], roots[0]);
        await Bob.ReadsAsync(Room, last);
        foreach (var root in roots) await Bob.ReadsAsync(Room, root, root);

        var told = Told(await Alice.SyncsAsync());
        Assert.That(
            told.Where(each => each.User == carol.UserId).Select(each => each.Thread),
            Is.EquivalentTo(new[] { null, "main", roots[0] }));
        Assert.That(
            told.Where(each => each.User == Bob.UserId).Select(each => each.Thread),
            Is.EquivalentTo(new[] { null, roots[5], roots[4] }));
        Assert.That(
            Told(await Bob.SyncsAsync()).Where(each => each.User == Bob.UserId).Select(each => each.Thread),
            Is.EquivalentTo(new[] { null, roots[5], roots[4], roots[3], roots[2] }),
            "So many are kept of each user.");
    }

    [Test]
    public async Task Receipts_of_other_servers_name_threads_that_are_not_here_and_are_bounded()
    {
        await Server.RestartAsync(("limits.receipt_threads", "2"));
        var said = await Alice.SaysAsync(Room, "x");
        var storage = Server.Services.GetRequiredService<OpenedStorage>();
        var room = (await storage.Rooms.FindAsync(Room, default))!.Nid;
        var receipts = Server.Services.GetRequiredService<ReceivedReceipts>();

        // Local users take the part of remote ones, because there is no federation yet.
        async Task<int> Receives(string user, string thread, string? eventId = null) => await receipts.ReceiveAsync(
            TestServer.ServerName, Room, [new RemoteReceipt(user, eventId ?? said, thread, 1)], default);
        for (var i = 0; i < 4; i++) Assert.That(await Receives(Bob.UserId, $"$unseen{i}"), Is.Zero);
        Assert.That(await Receives(Bob.UserId, "main"), Is.Zero);
        Assert.That(await Receives("@bob:elsewhere.example", "main"), Is.EqualTo(1));
        Assert.That(await Receives("@nobody:" + TestServer.ServerName, "main"), Is.EqualTo(1));
        Assert.That(await Receives(Bob.UserId, "main", "$unseen"), Is.Zero, "it waits for its event");
        Assert.That(await Receives(Bob.UserId, new string('x', 300)), Is.EqualTo(1));

        var kept = await storage.Receipts.OfUserAsync(room, Bob.UserId, default);
        Assert.That(kept.Select(row => row.ThreadId), Is.EquivalentTo(new[] { "main", "$unseen2", "$unseen3" }));
        Assert.That(
            Told(await Alice.SyncsAsync()).Select(each => each.Thread),
            Is.EquivalentTo(new[] { "main", "$unseen2", "$unseen3" }));
    }

    private List<(string User, string? Thread)> Told(SyncReply sync) =>
    [
        .. sync.Ephemeral(Room).Where(e => (string?)e["type"] == "m.receipt").SelectMany(e => e["content"]!.AsObject())
            .SelectMany(byEvent => byEvent.Value!["m.read"]!.AsObject())
            .Select(byUser => (byUser.Key, (string?)byUser.Value!["thread_id"])),
    ];

    private Task<Reply> ReceiptAsync(string eventId, string thread) => Bob.PostAsync(
        $"rooms/{UserActions.Esc(Room)}/receipt/m.read/{UserActions.Esc(eventId)}",
        new JsonObject { ["thread_id"] = thread });

    private Task<string> ReactsAsync(string to) => Alice.SendsAsync(Room, "m.reaction", new JsonObject
    {
        ["m.relates_to"] =
            new JsonObject { ["rel_type"] = "m.annotation", ["event_id"] = to, ["key"] = $"{Guid.NewGuid()}" },
    });

    private void MentionsBob(JsonObject content) =>
        content["m.mentions"] = new JsonObject { ["user_ids"] = new JsonArray(Bob.UserId) };

    private async Task RedactsAsync(string id) =>
        (await Alice.PutAsync($"rooms/{UserActions.Esc(Room)}/redact/{UserActions.Esc(id)}/{Guid.NewGuid()}"))
            .Is(200);

    private Task<string> InThreadAsync(string root, string text) => Alice.SaysAsync(
        Room, text, c => c["m.relates_to"] = new JsonObject { ["rel_type"] = "m.thread", ["event_id"] = root });
}
