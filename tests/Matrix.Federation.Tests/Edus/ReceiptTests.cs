using System.Text.Json.Nodes;
using Matrix.Core.Facade;
using Matrix.Federation.Tests.Support;

namespace Matrix.Federation.Tests.Edus;

/// <summary>Receipts between servers.</summary>
public sealed class ReceiptTests : EduTests
{
    [Test]
    public async Task Other_servers_of_the_room_get_public_receipts_only()
    {
        var room = await RoomAsync();
        var quiet = await Alice.CreatesRoomAsync(version: RoomRules.Recommended);
        var said = await Alice.SaysAsync(room.RoomId, "hello");
        var last = await Alice.SaysAsync(room.RoomId, "hello again");
        var unheard = await Alice.SaysAsync(quiet, "hello");

        await Alice.ReadsAsync(quiet, unheard);
        await Alice.ReadsAsync(room.RoomId, last, type: "m.read.private");
        await Alice.ReadsAsync(room.RoomId, last, type: "m.fully_read");
        await Alice.ReadsAsync(room.RoomId, said);
        await HasTakenAsync("m.receipt", 1);
        await Task.Delay(300);

        var content = Taken("m.receipt").Single();
        Assert.That(content.Select(member => member.Key), Is.EqualTo(new[] { room.RoomId }));
        var receipts = content[room.RoomId]!.AsObject();
        Assert.That(receipts.Select(member => member.Key), Is.EqualTo(new[] { "m.read" }));
        var receipt = receipts["m.read"]!.AsObject().Single();
        Assert.That(receipt.Key, Is.EqualTo(Alice.UserId));
        Assert.That(receipt.Value!["event_ids"]!.ToJsonString(), Is.EqualTo($"""["{said}"]"""));
        var data = receipt.Value!["data"]!.AsObject();
        Assert.That(data.Select(member => member.Key), Is.EqualTo(new[] { "ts" }));
        var age = DateTimeOffset.UtcNow - DateTimeOffset.FromUnixTimeMilliseconds((long)data["ts"]!);
        Assert.That(age, Is.LessThan(TimeSpan.FromMinutes(1)));
    }

    [Test]
    public async Task Receipts_that_were_missed_are_read_from_storage()
    {
        var room = await RoomAsync();
        var said = await Alice.SaysAsync(room.RoomId, "hello");
        var last = await Alice.SaysAsync(room.RoomId, "hello again");
        Server.Misses = static _ => true;

        await Alice.ReadsAsync(room.RoomId, last, type: "m.read.private");
        await Alice.ReadsAsync(room.RoomId, said);
        await HasTakenAsync("m.receipt", 1);

        var receipt = Taken("m.receipt")[0][room.RoomId]!["m.read"]!.AsObject().Single();
        Assert.That(receipt.Key, Is.EqualTo(Alice.UserId));
        Assert.That(receipt.Value!["event_ids"]!.ToJsonString(), Is.EqualTo($"""["{said}"]"""));
    }

    [Test]
    public async Task A_burst_is_one_EDU_with_the_newest_of_each_thread()
    {
        await RestartAsync(("federation.receipt_delay", "5s"));
        var room = await RoomAsync();
        var root = await Alice.SaysAsync(room.RoomId, "root");
        var inThread = await InThreadAsync(room.RoomId, root);
        var said = new List<string>();
        for (var n = 0; n < 5; n++) said.Add(await Alice.SaysAsync(room.RoomId, $"{n}"));

        foreach (var eventId in said) await Alice.ReadsAsync(room.RoomId, eventId);
        await Alice.ReadsAsync(room.RoomId, inThread, thread: root);
        await Alice.ReadsAsync(room.RoomId, said[1], thread: "main");
        await HasTakenAsync("m.receipt", 3);
        await Task.Delay(300);

        // An EDU has one receipt of a user in a room, so each thread has its own.
        Assert.That(Peer.Taken.Count(each => each.Body["edus"]!.AsArray().Count > 0), Is.EqualTo(1));
        Assert.That(Taken("m.receipt").Select(content => Of(content, room.RoomId)), Is.EqualTo(new[]
        {
            (said[^1], null),
            (inThread, root),
            (said[1], "main"),
        }));
    }

    [Test]
    public async Task A_server_that_was_down_gets_the_newest()
    {
        var room = await RoomAsync();
        await Peer.DownAsync();
        var first = await Alice.SaysAsync(room.RoomId, "first");
        await Alice.ReadsAsync(room.RoomId, first);
        await FailsAsync();
        var second = await Alice.SaysAsync(room.RoomId, "second");
        await Alice.ReadsAsync(room.RoomId, second);
        await Task.Delay(300);
        await Peer.UpAsync();

        await HasTakenAsync("m.receipt", 1);

        await EventuallyAsync(
            () => Task.FromResult(Of(Taken("m.receipt")[^1], room.RoomId)), (second, (string?)null));
    }

    [Test]
    public async Task Receipts_of_other_servers_reach_sync_with_their_thread()
    {
        var room = await RoomAsync();
        var root = await Alice.SaysAsync(room.RoomId, "root");
        var said = await Alice.SaysAsync(room.RoomId, "hello");

        await SendAsync("m.receipt", Content(room.RoomId, Bob, root), Content(room.RoomId, Bob, said, "main"));
        await SendAsync("m.receipt", Content(room.RoomId, Bob, said, "$not-here"));

        Assert.That(await Alice.ReceiptsAsync(room.RoomId), Is.EquivalentTo(new (string, string, string?)[]
        {
            (root, Bob, null),
            (said, Bob, "main"),
            (said, Bob, "$not-here"),
        }));

        await SendAsync("m.receipt", Content(room.RoomId, Bob, said));
        Assert.That(await Alice.ReceiptsAsync(room.RoomId), Does.Contain((said, Bob, (string?)null)));
        Assert.That(Taken("m.receipt"), Is.Empty, "receipts of other servers are not passed on");
    }

    [Test]
    public async Task A_receipt_that_comes_before_its_event_is_applied_when_the_event_comes()
    {
        var room = await RoomAsync();
        var first = room.Says("bob", "first");
        var second = room.Says("bob", "second");

        await SendAsync("m.receipt", Content(room.RoomId, Bob, second.EventId));
        (await room.SendAsync(Server, "first", first)).Is(200);
        Assert.That(await Alice.ReceiptsAsync(room.RoomId), Is.Empty);
        (await room.SendAsync(Server, "second", second)).Is(200);

        await EventuallyAsync(
            async () => (await Alice.ReceiptsAsync(room.RoomId)).Contains((second.EventId, Bob, null)), true);
    }

    [Test]
    public async Task An_early_receipt_of_a_user_who_left_meanwhile_is_not_applied()
    {
        var room = await RoomAsync();
        var carol = await Peer.Peer.JoinsAsync(Server, room.RoomId, "carol");
        var late = carol.Says("carol", "late");
        await SendAsync("m.receipt", Content(room.RoomId, Bob, late.EventId));
        await Alice.KicksAsync(room.RoomId, Bob);

        (await carol.SendAsync(Server, "late", late)).Is(200);
        await Task.Delay(300);

        Assert.That(await Alice.ReceiptsAsync(room.RoomId), Is.Empty);
    }

    [Test]
    public async Task What_a_server_may_not_send_is_ignored()
    {
        var room = await RoomAsync();
        var said = await Alice.SaysAsync(room.RoomId, "hello");
        var denied = await RoomAsync();
        var unheard = await Alice.SaysAsync(denied.RoomId, "hello");
        await DenyAsync(denied.RoomId);
        var secret = Content(room.RoomId, Bob, said);
        secret[room.RoomId]!.AsObject()["m.read.private"] = secret[room.RoomId]!["m.read"]!.DeepClone();
        secret[room.RoomId]!.AsObject().Remove("m.read");

        await SendAsync(
            "m.receipt",
            Content(room.RoomId, Alice.UserId, said),
            Content(room.RoomId, $"@carol:{Peer.Peer.Name}", said),
            Content(room.RoomId, "@bob:elsewhere.example", said),
            Content(room.RoomId, "bob", said),
            Content(room.RoomId, Bob, "$unknown"),
            Content(room.RoomId, Bob, said, new string('x', 300)),
            Content(room.RoomId, Bob, said, "nul\0"),
            Content(denied.RoomId, Bob, unheard),
            Content("!unknown:elsewhere.example", Bob, said),
            secret,
            new JsonObject(),
            new JsonObject { [room.RoomId] = "text" },
            new JsonObject { [room.RoomId] = new JsonObject { ["m.read"] = new JsonArray() } },
            new JsonObject { [room.RoomId] = new JsonObject { ["m.read"] = new JsonObject { [Bob] = 1 } } },
            With(room.RoomId, said, receipt => receipt["event_ids"] = new JsonArray()),
            With(room.RoomId, said, receipt => receipt["event_ids"] = said),
            With(room.RoomId, said, receipt => receipt["data"]!.AsObject().Remove("ts")),
            With(room.RoomId, said, receipt => receipt["data"]!["ts"] = "now"),
            With(room.RoomId, said, receipt => receipt["data"]!["thread_id"] = 5));

        Assert.That(await Alice.ReceiptsAsync(room.RoomId), Is.Empty);
        Assert.That(await Alice.ReceiptsAsync(denied.RoomId), Is.Empty);
    }

    private JsonObject With(string roomId, string eventId, Action<JsonObject> change)
    {
        var content = Content(roomId, Bob, eventId);
        change(content[roomId]!["m.read"]![Bob]!.AsObject());
        return content;
    }

    private (string, string?) Of(JsonObject content, string roomId)
    {
        var receipt = content[roomId]!["m.read"]![Alice.UserId]!;
        return ((string)receipt["event_ids"]![0]!, (string?)receipt["data"]!["thread_id"]);
    }

    private async Task<string> InThreadAsync(string roomId, string root)
    {
        var reply = await Alice.PutAsync(
            $"rooms/{PeerRoom.Escape(roomId)}/send/m.room.message/thread",
            new JsonObject
            {
                ["msgtype"] = "m.text",
                ["body"] = "in a thread",
                ["m.relates_to"] = new JsonObject { ["rel_type"] = "m.thread", ["event_id"] = root },
            });
        return (string)reply.Is(200).Json["event_id"]!;
    }

    private static JsonObject Content(string roomId, string userId, string eventId, string? thread = null)
    {
        var data = new JsonObject { ["ts"] = 1_533_358_089_009 };
        if (thread is not null) data["thread_id"] = thread;
        return new JsonObject
        {
            [roomId] = new JsonObject
            {
                ["m.read"] = new JsonObject
                {
                    [userId] = new JsonObject { ["event_ids"] = new JsonArray(eventId), ["data"] = data },
                },
            },
        };
    }
}
