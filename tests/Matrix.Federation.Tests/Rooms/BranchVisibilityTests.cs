using System.Text.Json.Nodes;
using Matrix.Core.Event;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>
/// Events of a branch that were sent while only members could see them stay hidden from users and servers that joined
/// on another branch, whichever way they ask. Client-Server API, "Room History Visibility".
/// </summary>
public sealed class BranchVisibilityTests
{
    private const string Hidden = "hidden words";

    private PeerServer _peer = null!;
    private Peer _late = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestUser _carol = null!;
    private PeerRoom _room = null!;
    private Dictionary<string, string> _names = [];
    private int _transactions;

    [OneTimeSetUp]
    public async Task SetUpAsync()
    {
        _peer = await PeerServer.StartAsync();
        _late = new Peer("127.0.251.9:1");
        _server = await TestServer.StartWithKnownKeysAsync();
        _server.Knows(_peer.Peer).Knows(_late);
        _alice = await _server.RegistersAsync("alice");
        _carol = await _server.RegistersAsync("carol");

        // One branch lets carol join and shares the history from then on.
        _room = await RoomAsync("joined");
        var fork = _room.Latest;
        await _carol.JoinsAsync(_room.RoomId);
        await TakesAsync(await MemberAsync(_carol.UserId));
        await TakesAsync(await SetVisibilityAsync(_room, "shared"));
        var parent = _room.Says("bob", "parent");
        await SendAsync(parent);
        var since = (string)(await _carol.SyncsAsync())["next_batch"]!;

        // The other knows nothing of it, and comes later. Alice's next event merges both.
        _room.Latest = fork;
        var secret = _room.Says("bob", Hidden);
        await SendAsync(
            secret,
            Related(parent, "m.thread"),
            Related(parent, "m.replace"),
            Related(parent, "m.reference"),
            _room.Says("bob", Hidden));
        var merged = await _alice.SaysAsync(_room.RoomId, "merged");
        var inThread = await RelatesAsync(parent, "m.thread");
        var reference = await RelatesAsync(parent, "m.reference");
        _ = await _late.JoinsAsync(_server, _room.RoomId, "dave");
        _names = new Dictionary<string, string>
        {
            ["ROOM"] = Escape(_room.RoomId),
            ["PARENT"] = Escape(parent.EventId),
            ["SECRET"] = Escape(secret.EventId),
            ["MERGED"] = Escape(merged),
            ["THREAD"] = inThread,
            ["REFERENCE"] = reference,
            ["SINCE"] = since,
            ["TIME"] = $"{secret.OriginServerTs}",
        };
    }

    [SetUp]
    public void SetUp() => _peer.HasMissing = true;

    [OneTimeTearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [TestCase("sync")]
    [TestCase("sync?since=SINCE")]
    [TestCase("sync?since=SINCE&full_state=true")]
    [TestCase("rooms/ROOM/messages?dir=b&limit=50")]
    [TestCase("rooms/ROOM/messages?dir=f&limit=50")]
    [TestCase("rooms/ROOM/context/PARENT?limit=50")]
    [TestCase("rooms/ROOM/context/MERGED?limit=50")]
    [TestCase("rooms/ROOM/event/PARENT")]
    [TestCase("v1/rooms/ROOM/relations/PARENT")]
    [TestCase("v1/rooms/ROOM/relations/PARENT/m.thread")]
    [TestCase("v1/rooms/ROOM/threads")]
    [TestCase("rooms/ROOM/context/SECRET", 404)]
    [TestCase("rooms/ROOM/event/SECRET", 404)]
    [TestCase("v1/rooms/ROOM/relations/SECRET", 404)]
    public async Task A_later_member_sees_no_event_of_the_other_branch(string path, int status = 200)
    {
        var earlier = (await _alice.GetAsync(Client(path))).Is(200);
        var later = await _carol.GetAsync(Client(path));
        if (status == 404) later.Is(404, "M_NOT_FOUND");
        else later.Is(200);

        if (status == 200) Assert.That(earlier.Text, Does.Contain(Hidden), "a member at that time sees it");
        Assert.That(later.Text, Does.Not.Contain(Hidden));
        foreach (var pdu in _room.Events.Values.Where(each => each.Content.ToString()!.Contains(Hidden)))
        {
            Assert.That(later.Text, Does.Not.Contain($"\"{pdu.EventId}\""));
        }
    }

    [Test]
    public async Task A_later_member_is_not_led_to_an_event_of_the_other_branch()
    {
        const string Path = "/_matrix/client/v1/rooms/ROOM/timestamp_to_event?ts=TIME&dir=f";
        var earlier = (await _alice.GetAsync(Named(Path))).Is(200).Json;
        var later = (await _carol.GetAsync(Named(Path))).Is(200).Json;

        Assert.That(Escape((string)earlier["event_id"]!), Is.EqualTo(_names["SECRET"]));
        Assert.That(Escape((string)later["event_id"]!), Is.EqualTo(_names["MERGED"]));
    }

    [Test]
    public async Task A_later_member_gets_counts_without_events_of_the_other_branch()
    {
        var earlier = await BundledAsync(_alice);
        var later = await BundledAsync(_carol);

        Assert.That((int)earlier["m.thread"]!["count"]!, Is.EqualTo(2));
        Assert.That(earlier["m.reference"]!["chunk"]!.AsArray(), Has.Count.EqualTo(2));
        Assert.That((int)later["m.thread"]!["count"]!, Is.EqualTo(1));
        Assert.That((string?)later["m.thread"]!["latest_event"]!["event_id"], Is.EqualTo(_names["THREAD"]));
        Assert.That(
            later["m.reference"]!["chunk"]!.AsArray().Select(each => (string?)each!["event_id"]),
            Is.EqualTo(new[] { _names["REFERENCE"] }));

        async Task<JsonObject> BundledAsync(TestUser reader) =>
            (await reader.GetAsync(Named("rooms/ROOM/event/PARENT"))).Is(200).Json["unsigned"]!["m.relations"]!
                .AsObject();
    }

    [Test]
    public async Task Events_of_the_other_branch_are_not_unread_for_a_later_member()
    {
        var unread = (await _carol.SyncsAsync())["rooms"]!["join"]![_room.RoomId]!["unread_notifications"]!;

        // The parent, and what alice sent: the message, in the thread, the reference.
        Assert.That((int)unread["notification_count"]!, Is.EqualTo(4));
        Assert.That((int)unread["highlight_count"]!, Is.Zero);
    }

    [TestCase("GET", "event/SECRET")]
    [TestCase("GET", "backfill/ROOM?v=MERGED&limit=20")]
    [TestCase("POST", "get_missing_events/ROOM")]
    public async Task A_server_that_joined_later_gets_the_events_of_the_other_branch_redacted(
        string method, string path)
    {
        var earlier = await AskAsync(_peer.Peer);
        var later = await AskAsync(_late);

        Assert.That(earlier.Text, Does.Contain(Hidden));
        Assert.That(later.Text, Does.Not.Contain(Hidden));
        var pdus = (later.Json["pdus"] ?? later.Json["events"])!.AsArray();
        Assert.That(pdus.Any(pdu => pdu!["content"]!.AsObject().Count == 0), "it can be walked through");

        async Task<Reply> AskAsync(Peer peer) => (await peer.SendAsync(
            _server,
            method,
            "/_matrix/federation/v1/" + Named(path),
            method == "GET" ? null : new JsonObject
            {
                ["earliest_events"] = new JsonArray(),
                ["latest_events"] = new JsonArray(Uri.UnescapeDataString(_names["MERGED"])),
                ["limit"] = 20,
            })).Is(200);
    }

    [Test]
    public async Task A_setting_that_is_known_only_from_a_fetched_state_opens_no_earlier_history()
    {
        var room = await RoomAsync("joined");
        await _alice.SaysAsync(room.RoomId, Hidden);
        await _carol.JoinsAsync(room.RoomId);
        room.Makes("bob", "m.room.history_visibility", "", new JsonObject { ["history_visibility"] = "shared" });
        await SendAfterGapAsync(room, "after the gap");

        var setting = await _carol.GetAsync($"rooms/{Escape(room.RoomId)}/state/m.room.history_visibility/");
        Assert.That((string?)setting.Is(200).Json["history_visibility"], Is.EqualTo("shared"));
        var page = (await _carol.GetAsync($"rooms/{Escape(room.RoomId)}/messages?dir=b&limit=50")).Is(200);
        Assert.That(page.Text, Does.Contain("after the gap").And.Not.Contain(Hidden));
    }

    [Test]
    public async Task A_ban_that_is_known_only_from_a_fetched_state_is_told_to_the_user()
    {
        var room = await RoomAsync("shared");
        await _carol.JoinsAsync(room.RoomId);
        await _alice.SaysAsync(room.RoomId, "before the ban");
        var since = (string)(await _carol.SyncsAsync())["next_batch"]!;
        var ban = room.Makes(
            "bob", "m.room.member", _carol.UserId, new JsonObject { ["membership"] = "ban", ["reason"] = "spam" });
        await SendAfterGapAsync(room, Hidden);

        await ToldAsync();

        // What was before it may still be read, also when the gap was filled.
        for (var n = 0; n < 2; n++)
        {
            var page = (await _carol.GetAsync($"rooms/{Escape(room.RoomId)}/messages?dir=b&limit=50")).Is(200);
            Assert.That(page.Text, Does.Contain("before the ban").And.Not.Contain(Hidden));
            var member = await _carol.GetAsync($"rooms/{Escape(room.RoomId)}/state/m.room.member/{_carol.UserId}");
            Assert.That((string?)member.Is(200).Json["membership"], Is.EqualTo("ban"));
        }

        await ToldAsync();
        var next = (string)(await _carol.SyncsAsync(since))["next_batch"]!;
        Assert.That((await _carol.SyncsAsync(next))["rooms"]?["leave"]?[room.RoomId], Is.Null, "it is told once");

        async Task ToldAsync()
        {
            foreach (var path in new[] { $"sync?since={since}", $"sync?since={since}&use_state_after=true" })
            {
                var sync = (await _carol.GetAsync(path)).Is(200).Json["rooms"]!;
                Assert.That(sync["join"]?[room.RoomId], Is.Null);
                var left = sync["leave"]![room.RoomId]!;
                var state = (left["state"] ?? left["state_after"])!["events"]!.AsArray();
                var told = state.Single(each => (string?)each!["state_key"] == _carol.UserId)!;
                Assert.That((string?)told["event_id"], Is.EqualTo(ban.EventId));
                Assert.That((string?)told["content"]!["membership"], Is.EqualTo("ban"));
                Assert.That(left.ToJsonString(), Does.Not.Contain(Hidden));
            }
        }
    }

    [Test]
    public async Task A_ban_of_a_branch_that_knows_no_join_is_told_to_the_user()
    {
        var room = await RoomAsync("shared");
        await _carol.JoinsAsync(room.RoomId);
        var since = (string)(await _carol.SyncsAsync())["next_batch"]!;
        var ban = room.Makes("bob", "m.room.member", _carol.UserId, new JsonObject { ["membership"] = "ban" });
        (await room.SendAsync(_server, $"ban{++_transactions}", ban)).Is(200);

        var sync = (await _carol.SyncsAsync(since))["rooms"]!;
        Assert.That(sync["join"]?[room.RoomId], Is.Null);
        Assert.That(sync["leave"]![room.RoomId]!.ToJsonString(), Does.Contain(ban.EventId));
    }

    private string Client(string path) =>
        path.StartsWith("v1/", StringComparison.Ordinal) ? "/_matrix/client/" + Named(path) : Named(path);

    private string Named(string path) =>
        _names.Aggregate(path, (named, each) => named.Replace(each.Key, each.Value, StringComparison.Ordinal));

    /// <summary>A room of alice with this visibility, in which bob of the peer has her power.</summary>
    private async Task<PeerRoom> RoomAsync(string visibility)
    {
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        var path = $"rooms/{Escape(roomId)}/state";
        var levels = (await _alice.GetAsync($"{path}/m.room.power_levels/")).Is(200).Json;
        levels["users"]![$"@bob:{_peer.Peer.Name}"] = 100;
        (await _alice.PutAsync($"{path}/m.room.power_levels/", levels)).Is(200);
        (await _alice.PutAsync(
            $"{path}/m.room.history_visibility/",
            new JsonObject { ["history_visibility"] = visibility })).Is(200);
        var room = await _peer.Peer.JoinsAsync(_server, roomId, "bob");
        _peer.Rooms[roomId] = room;
        return room;
    }

    private async Task<string> SetVisibilityAsync(PeerRoom room, string visibility) =>
        (string)(await _alice.PutAsync(
            $"rooms/{Escape(room.RoomId)}/state/m.room.history_visibility/",
            new JsonObject { ["history_visibility"] = visibility })).Is(200).Json["event_id"]!;

    private async Task<string> MemberAsync(string userId)
    {
        var state = JsonNode.Parse((await _alice.GetAsync($"rooms/{Escape(_room.RoomId)}/state")).Is(200).Text)!;
        var member = state.AsArray().Single(each => (string?)each!["state_key"] == userId)!;
        return (string)member["event_id"]!;
    }

    /// <summary>The peer gets an event of the server, and its next one follows it.</summary>
    private async Task TakesAsync(string eventId)
    {
        var served = await _peer.Peer.SendAsync(_server, "GET", $"/_matrix/federation/v1/event/{Escape(eventId)}");
        _room.Takes(_room.Knows(served.Is(200).Json["pdus"]![0]!.AsObject()));
    }

    private Pdu Related(Pdu parent, string relation)
    {
        var text = new JsonObject { ["msgtype"] = "m.text", ["body"] = Hidden };
        var content = text.DeepClone().AsObject();
        content["m.new_content"] = text;
        content["m.relates_to"] = new JsonObject { ["rel_type"] = relation, ["event_id"] = parent.EventId };
        content["m.mentions"] = new JsonObject { ["user_ids"] = new JsonArray(_carol.UserId) };
        return _room.Makes("bob", "m.room.message", null, content);
    }

    /// <summary>Alice sends an event that relates to another.</summary>
    private async Task<string> RelatesAsync(Pdu parent, string relation)
    {
        var content = new JsonObject
        {
            ["msgtype"] = "m.text",
            ["body"] = relation,
            ["m.relates_to"] = new JsonObject { ["rel_type"] = relation, ["event_id"] = parent.EventId },
        };
        var path = $"rooms/{Escape(_room.RoomId)}/send/m.room.message/{relation}";
        return (string)(await _alice.PutAsync(path, content)).Is(200).Json["event_id"]!;
    }

    /// <summary>
    /// The peer sends a message after one that it does not return: the state before it is fetched. Waits until the
    /// message is here.
    /// </summary>
    private async Task SendAfterGapAsync(PeerRoom room, string text)
    {
        _peer.HasMissing = false;
        _ = room.Says("bob", "in the gap");
        var said = room.Says("bob", text);
        (await room.SendAsync(_server, $"gap{++_transactions}", said)).Is(200);
        for (var attempt = 0; attempt < 100; attempt++)
        {
            var reply = await _alice.GetAsync($"rooms/{Escape(room.RoomId)}/event/{Escape(said.EventId)}");
            if (reply.Status == 200) return;
            await Task.Delay(100);
        }

        Assert.Fail(_server.Log);
    }

    private async Task SendAsync(params Pdu[] pdus)
    {
        var reply = (await _room.SendAsync(_server, $"branch{++_transactions}", pdus)).Is(200).Json["pdus"]!.AsObject();
        Assert.That(reply.Select(each => each.Value!.ToJsonString()), Is.All.EqualTo("{}"));
    }

    private static string Escape(string text) => PeerRoom.Escape(text);
}
