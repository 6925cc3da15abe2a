using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Federation.Tests.DeviceLists;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.ReceivedTransactions;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>What other servers send, and what is fetched of them, for rooms that another node has.</summary>
public sealed class RoomElsewhereTests
{
    private OtherNode _other = null!;
    private TestServer _server = null!;
    private PeerServer _peer = null!;
    private TestUser _alice = null!;

    [SetUp]
    public async Task SetUpAsync()
    {
        _other = new OtherNode(new MovableShards());
        _server = await TestServer.StartWithKnownKeysAsync(
            _other.AddTo,
            ("federation.custom_ca", TestCa.Shared.RootFile),
            ("federation.allow_networks", "127.0.0.0/8"));
        _peer = await PeerServer.StartAsync();
        _server.Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [Test]
    public async Task Events_of_a_transaction_reach_the_rooms_of_all_nodes_with_a_result_for_each()
    {
        var (here, there) = (await RoomAsync(), await RoomAsync());
        await _other.TakesAsync(Authority.Room(there.RoomId));
        var (one, two) = (here.Says("bob", "here"), there.Says("bob", "there"));
        var refused = there.Makes("bob", "m.room.power_levels", "", new JsonObject { ["users_default"] = 100 });

        var results = (await SendAsync("t", [one, two, refused])).Is(200).Json["pdus"]!.AsObject();

        Assert.That(results.Select(static each => each.Key), Is.EquivalentTo(
            new[] { one.EventId, two.EventId, refused.EventId }));
        Assert.That(results[two.EventId]!["error"], Is.Null);
        await SeesAsync(here, "here");
        await SeesAsync(there, "there");
        Assert.That(_other.CallsTo(Authority.Room(there.RoomId)), Is.EqualTo(1));
        Assert.That(_other.CallsTo(Authority.Room(here.RoomId)), Is.Zero);
    }

    [Test]
    public async Task A_transaction_of_which_a_room_cannot_be_reached_fails_and_its_repetition_does_nothing_twice()
    {
        var (here, there, lost) = (await RoomAsync(), await RoomAsync(), await RoomAsync());
        var its = Authority.Room(lost.RoomId);
        await _other.TakesAsync(Authority.Room(there.RoomId), its);
        _other.Unreachable[its] = true;
        Pdu[] pdus = [here.Says("bob", "here"), there.Says("bob", "there"), lost.Says("bob", "lost")];

        (await SendAsync("again", pdus)).Is(503, "M_UNKNOWN");
        await SeesAsync(here, "here");
        await SeesAsync(there, "there");
        Assert.That((await _alice.SyncsAsync()).Bodies(lost.RoomId), Does.Not.Contain("lost"));
        Assert.That(await LastAsync(), Is.Not.EqualTo("again"));

        _other.Unreachable.Clear();
        (await SendAsync("again", pdus)).Is(200);
        Assert.That(await LastAsync(), Is.EqualTo("again"));
        (await SendAsync("again", pdus)).Is(200);
        var sync = await _alice.SyncsAsync();
        foreach (var (room, text) in new[] { (here, "here"), (there, "there"), (lost, "lost") })
        {
            Assert.That(sync.Bodies(room.RoomId).Count(body => body == text), Is.EqualTo(1), text);
        }

        Assert.That(sync.ToDevice, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Events_whose_answer_is_lost_are_received_once()
    {
        var room = await RoomAsync();
        await _other.TakesAsync(Authority.Room(room.RoomId));
        _other.LosesAnswers(1);
        (await SendAsync("t", [room.Says("bob", "once")])).Is(200);
        Assert.That(_other.CallsTo(Authority.Room(room.RoomId)), Is.EqualTo(2));
        var bodies = (await _alice.SyncsAsync()).Bodies(room.RoomId);
        Assert.That(bodies.Count(static body => body == "once"), Is.EqualTo(1));
    }

    [Test]
    public async Task Typing_users_are_shown_there_and_lost_if_nobody_can_be_reached()
    {
        var room = await RoomAsync();
        await _other.TakesAsync(Authority.Room(room.RoomId));
        _other.Unreachable[Authority.Room(room.RoomId)] = true;
        (await SendAsync("lost", [], Typing(room))).Is(200);
        Assert.That((await _alice.SyncsAsync()).Ephemeral(room.RoomId), Is.Empty);

        _other.Unreachable.Clear();
        (await SendAsync("shown", [], Typing(room))).Is(200);
        var typing = (await _alice.SyncsAsync()).Ephemeral(room.RoomId).Single();
        Assert.That((string?)typing["content"]!["user_ids"]![0], Is.EqualTo(room.User("bob")));
    }

    [Test]
    public async Task Missing_history_is_fetched_there()
    {
        _peer.HasMissing = false;
        var room = await RoomAsync();
        room.Says("bob", "missed");
        (await room.SendAsync(_server, "after", room.Says("bob", "after"))).Is(200);
        await SeesAsync(room, "after");
        await _other.TakesAsync(Authority.Room(room.RoomId));
        var path = $"rooms/{Uri.EscapeDataString(room.RoomId)}/messages?dir=b&limit=20";
        await Until.HoldsAsync(async () => (await _alice.GetAsync(path)).Is(200).Json["chunk"]!.AsArray()
            .Any(static each => (string?)each!["content"]!["body"] == "missed"));
        Assert.That(_other.CallsTo(Authority.Room(room.RoomId)), Is.GreaterThan(0));
    }

    [Test]
    public async Task Device_lists_that_clients_need_are_fetched_where_the_shard_of_their_server_is()
    {
        await using var peer = await AnsweringPeer.StartAsync();
        _server.Knows(peer.Peer);
        var bob = new PeerLists(peer, "bob");
        peer.Answers = bob.Answer;
        bob.Change("PHONE", "one");
        await peer.Peer.JoinsAsync(_server, await _alice.CreatesEncryptedRoomAsync(), "bob");
        var its = Authority.Server(peer.Peer.Name);
        await _other.TakesAsync(its);
        Assert.That(await _alice.DevicesOfAsync(bob.UserId), Is.EqualTo(new[] { "PHONE" }));
        await Until.HoldsAsync(() => _other.CallsTo(its) > 0);
        _other.Gives(its);
        Assert.That(await _alice.DevicesOfAsync(bob.UserId), Is.EqualTo(new[] { "PHONE" }));
        await Until.HoldsAsync(() => bob.ListRequests > 0);
    }

    /// <summary>A room of which the peer has a user, in another shard than what the peer's transactions belong to.
    /// </summary>
    private async Task<PeerRoom> RoomAsync()
    {
        while (true)
        {
            var roomId = await _alice.CreatesRoomAsync(version: "11");
            var shard = Authority.Room(roomId).Shard;
            if (shard == Authority.Server(_peer.Peer.Name).Shard) continue;
            if (shard == Authority.User(_alice.UserId).Shard) continue;
            var room = await _peer.Peer.JoinsAsync(_server, roomId, "bob");
            _peer.Rooms[roomId] = room;
            return room;
        }
    }

    private async Task SeesAsync(PeerRoom room, string text) => await Until.HoldsAsync(async () =>
        (await _alice.SyncsAsync()).Bodies(room.RoomId).Contains(text));

    private async Task<string?> LastAsync()
    {
        var table = _server.Services.GetRequiredService<ReceivedTransactionsTable>();
        return (await table.LastAsync(_peer.Peer.Name, CancellationToken.None))?.TransactionId;
    }

    private static JsonObject Typing(PeerRoom room) => new()
    {
        ["edu_type"] = "m.typing",
        ["content"] = new JsonObject
        {
            ["room_id"] = room.RoomId,
            ["user_id"] = room.User("bob"),
            ["typing"] = true,
        },
    };

    private Task<Reply> SendAsync(string transactionId, Pdu[] pdus, JsonObject? edu = null) => _peer.Peer.SendAsync(
        _server,
        "PUT",
        "/_matrix/federation/v1/send/" + transactionId,
        new JsonObject
        {
            ["origin"] = _peer.Peer.Name,
            ["origin_server_ts"] = 1,
            ["pdus"] = new JsonArray([.. pdus.Select(PeerRoom.Json)]),
            ["edus"] = new JsonArray(edu ?? new JsonObject
            {
                ["edu_type"] = "m.direct_to_device",
                ["content"] = new JsonObject
                {
                    ["sender"] = "@bob:" + _peer.Peer.Name,
                    ["type"] = "org.example.test",
                    ["message_id"] = "one",
                    ["messages"] = new JsonObject
                    {
                        [_alice.UserId] = new JsonObject { [_alice.DeviceId] = new JsonObject { ["n"] = 1 } },
                    },
                },
            }),
        });
}
