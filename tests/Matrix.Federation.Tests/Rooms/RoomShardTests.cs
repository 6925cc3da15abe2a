using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Storage.Commits;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>Rooms with other servers whose shard this node gives away and takes again.</summary>
public sealed class RoomShardTests
{
    private MovableShards _shards = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;

    [SetUp]
    public async Task SetUpAsync()
    {
        _shards = new MovableShards();
        _server = await TestServer.StartWithKnownKeysAsync(
            _shards.AddTo,
            ("federation.custom_ca", TestCa.Shared.RootFile),
            ("federation.allow_networks", "127.0.0.0/8"));
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task TearDownAsync() => await _server.DisposeAsync();

    [Test]
    public async Task A_join_through_another_server_is_cancelled_and_begins_again_where_the_shard_is(
        [Values] bool afterTheTemplate)
    {
        await using var peer = await ResidentServer.StartAsync();
        _server.Knows(peer.Peer);
        var room = peer.CreatesRoom("11");
        var hold = new TaskCompletionSource();
        if (afterTheTemplate) peer.BeforeJoin = () => hold.Task;
        else peer.BeforeTemplate = () => hold.Task;
        var held = JoinsAsync(_alice);
        await Until.HoldsAsync(() => (afterTheTemplate ? peer.Joins : peer.JoinTemplates) > 0);
        var bob = await _server.RegistersAsync("bob");
        var waiting = JoinsAsync(bob);

        await _shards.CloseAsync(Authority.Room(room.RoomId));
        (await held).Is(503, "M_UNKNOWN");
        (await waiting).Is(503, "M_UNKNOWN");
        (await JoinsAsync(bob)).Is(503, "M_UNKNOWN");

        hold.SetResult();
        (peer.BeforeJoin, peer.BeforeTemplate) = (null, null);
        _shards.Open(Authority.Room(room.RoomId));
        (await JoinsAsync(_alice)).Is(200);
        (await JoinsAsync(bob)).Is(200);

        Task<Reply> JoinsAsync(TestUser user) =>
            user.PostAsync($"join/{Uri.EscapeDataString(room.RoomId)}?via={peer.Peer.Name}");
    }

    [Test]
    public async Task A_fetch_of_history_is_cancelled_and_what_was_in_vain_is_tried_again_after_the_shard_was_away()
    {
        await using var peer = await PeerServer.StartAsync();
        var room = await WithGapAsync(peer);
        var authority = Authority.Room(room.RoomId);
        peer.Answers = false;
        await ScrollsAsync(room);
        var requested = Backfills(peer);
        Assert.That(requested, Is.GreaterThan(0));
        await ScrollsAsync(room);
        Assert.That(Backfills(peer), Is.EqualTo(requested), "it was in vain a moment ago");

        await _shards.CloseAsync(authority);
        await ScrollsAsync(room);
        Assert.That(Backfills(peer), Is.EqualTo(requested), "another node has the room");
        _shards.Open(authority);
        var hold = new TaskCompletionSource();
        peer.Held = hold.Task;
        var held = ScrollsAsync(room);
        await Until.HoldsAsync(() => Backfills(peer) > requested);

        await _shards.CloseAsync(authority);
        await held.WaitAsync(TimeSpan.FromSeconds(5));
        hold.SetResult();
        peer.Answers = true;
        _shards.Open(authority);
        Assert.That(await ScrollsAsync(room), Does.Contain("missed"));
    }

    [Test]
    public async Task Events_that_wait_are_told_to_the_room_again_when_its_shard_comes_back()
    {
        await using var peer = await PeerServer.StartAsync();
        var room = await WithGapAsync(peer);
        var authority = Authority.Room(room.RoomId);

        // It is authorised by an event that no server has, so it waits.
        peer.Answers = false;
        room.Makes("carol", "m.room.member", room.User("carol"), new JsonObject { ["membership"] = "join" });
        (await room.SendAsync(_server, "waits", room.Says("carol", "late"))).Is(200);
        await Until.HoldsAsync(() => _server.Log.Contains("once what it lacks comes", StringComparison.Ordinal));

        await _shards.CloseAsync(authority);
        var before = Searches(peer);
        _shards.Open(authority);

        // Nothing else uses the room.
        await Until.HoldsAsync(() => Searches(peer) > before);
    }

    private async Task<PeerRoom> WithGapAsync(PeerServer peer)
    {
        _server.Knows(peer.Peer);
        peer.HasMissing = false;
        var room = await peer.Peer.JoinsAsync(_server, await _alice.CreatesRoomAsync(version: "11"), "bob");
        peer.Rooms[room.RoomId] = room;
        room.Says("bob", "missed");
        (await room.SendAsync(_server, "after", room.Says("bob", "after"))).Is(200);
        await Until.HoldsAsync(async () => (await _alice.TimelineAsync(room.RoomId))
            .Any(each => (string?)each["content"]!["body"] == "after"));
        return room;
    }

    private async Task<IReadOnlyList<string?>> ScrollsAsync(PeerRoom room)
    {
        var path = $"rooms/{Uri.EscapeDataString(room.RoomId)}/messages?dir=b&limit=20";
        var page = (await _alice.GetAsync(path)).Is(200).Json;
        return [.. page["chunk"]!.AsArray().Select(static each => (string?)each!["content"]!["body"])];
    }

    private static int Backfills(PeerServer peer) =>
        peer.Requests.Count(static target => target.Contains("/backfill/", StringComparison.Ordinal));

    private static int Searches(PeerServer peer) =>
        peer.Requests.Count(static target => target.Contains("get_missing_events", StringComparison.Ordinal));
}
