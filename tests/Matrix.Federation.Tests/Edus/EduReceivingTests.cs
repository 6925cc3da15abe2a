using System.Text.Json.Nodes;
using Matrix.Core.Facade;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Api.Federation.Transactions.Edus;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Storage.Commits;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Matrix.Federation.Tests.Edus;

/// <summary>Transactions with EDUs: what they may have, and that they are carried out once.</summary>
public sealed class EduReceivingTests
{
    private readonly TestHandler _handler = new();
    private TestServer _server = null!;
    private PeerServer _peer = null!;

    [OneTimeSetUp]
    public async Task SetUpAsync()
    {
        _peer = await PeerServer.StartAsync();
        _server = await TestServer.StartWithKnownKeysAsync(services => services.AddSingleton<IEduHandler>(_handler));
        _server.Knows(_peer.Peer);
    }

    [SetUp]
    public void SetUp() => _handler.Reset();

    [OneTimeTearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [Test]
    public async Task EDUs_are_taken_in_order_and_once()
    {
        var edus = new[] { Edu(1), Edu(2), Edu(3) };

        var first = await SendAsync("order", edus);
        var second = await SendAsync("order", edus);

        Assert.That(first.Is(200).Text, Is.EqualTo("""{"pdus":{}}"""));
        Assert.That(second.Is(200).Text, Is.EqualTo(first.Text));
        Assert.That(_handler.Taken, Is.EqualTo(new[] { 1, 2, 3 }));
    }

    [Test]
    public async Task A_transaction_that_comes_again_while_it_is_carried_out_is_carried_out_once()
    {
        var hold = new TaskCompletionSource();
        _handler.Held = hold.Task;
        var first = SendAsync("twice", Edu(1));
        await Until.HoldsAsync(() => _handler.Taken.Count > 0);
        var second = SendAsync("twice", Edu(1));
        await Task.Delay(200);

        Assert.That(first.IsCompleted || second.IsCompleted, Is.False);
        hold.SetResult();

        (await first).Is(200);
        (await second).Is(200);
        Assert.That(_handler.Taken, Is.EqualTo(new[] { 1 }));
    }

    [Test]
    public async Task Malformed_and_unknown_EDUs_are_ignored()
    {
        JsonNode?[] edus =
        [
            null,
            "text",
            new JsonObject(),
            new JsonObject { ["edu_type"] = "org.example.number" },
            new JsonObject { ["edu_type"] = "org.example.number", ["content"] = "text" },
            new JsonObject { ["edu_type"] = 5, ["content"] = new JsonObject() },
            new JsonObject { ["edu_type"] = "m.presence_invite", ["content"] = new JsonObject() },
            new JsonObject { ["edu_type"] = "m.presence", ["content"] = new JsonObject { ["poll"] = new JsonArray() } },
            new JsonObject
            {
                ["edu_type"] = "m.presence",
                ["origin"] = _peer.Peer.Name,
                ["destination"] = _server.Name,
                ["content"] = new JsonObject
                {
                    ["push"] = new JsonArray(new JsonObject
                    {
                        ["user_id"] = $"@bob:{_peer.Peer.Name}",
                        ["state"] = 1,
                        ["mtime_age"] = 500,
                    }),
                },
            },
            Edu(7),
        ];

        (await SendAsync("malformed", edus)).Is(200);

        Assert.That(_handler.Taken, Is.EqualTo(new[] { 7 }));
    }

    [Test]
    public async Task An_absent_list_is_no_mistake_and_too_long_a_list_is_refused()
    {
        var body = new JsonObject { ["origin"] = _peer.Peer.Name, ["pdus"] = new JsonArray() };
        (await _peer.Peer.SendAsync(_server, "PUT", "/_matrix/federation/v1/send/absent", body)).Is(200);

        (await SendAsync("100", [.. Enumerable.Range(1, 100).Select(Edu)])).Is(200);
        Assert.That(_handler.Taken, Has.Count.EqualTo(100));

        (await SendAsync("101", [.. Enumerable.Range(1, 101).Select(Edu)])).Is(400, "M_TOO_LARGE");
        Assert.That(_handler.Taken, Has.Count.EqualTo(100));
    }

    [Test]
    public async Task A_list_that_is_null_is_empty()
    {
        var body = new JsonObject { ["origin"] = _peer.Peer.Name, ["pdus"] = null, ["edus"] = null };
        var reply = await _peer.Peer.SendAsync(_server, "PUT", "/_matrix/federation/v1/send/null", body);

        Assert.That(reply.Is(200).Text, Is.EqualTo("""{"pdus":{}}"""));
        body.Remove("pdus");
        (await _peer.Peer.SendAsync(_server, "PUT", "/_matrix/federation/v1/send/none", body))
            .Is(400, "M_BAD_JSON");
    }

    [Test]
    public async Task What_is_nested_too_deep_refuses_nothing_beside_it()
    {
        var alice = await _server.RegistersAsync("deep-alice");
        var roomId = await alice.CreatesRoomAsync(version: RoomRules.Recommended);
        var room = await _peer.Peer.JoinsAsync(_server, roomId, "bob");
        var hello = room.Says("bob", "hello");
        var deepEvent = PeerRoom.Json(hello);
        deepEvent["content"] = Nested(200);
        var deep = Edu(1);
        deep["content"]!["deep"] = Nested(200);
        var body = room.Transaction([deepEvent, PeerRoom.Json(hello)]);
        body["edus"] = new JsonArray(deep, Edu(2));

        var reply = await _peer.Peer.SendAsync(_server, "PUT", "/_matrix/federation/v1/send/deep", body);

        Assert.That(reply.Is(200).Json["pdus"]![hello.EventId]!.ToJsonString(), Is.EqualTo("{}"));
        Assert.That(_handler.Taken, Is.EqualTo(new[] { 2 }));
    }

    private static JsonObject Nested(int levels)
    {
        var inner = new JsonObject();
        for (var level = 1; level < levels; level++) inner = new JsonObject { ["in"] = inner };
        return inner;
    }

    [Test]
    public async Task An_EDU_that_cannot_be_taken_harms_no_other_and_a_failed_storage_fails_the_transaction()
    {
        _handler.Fault = n => n == 2 ? new InvalidOperationException("test") : null;
        (await SendAsync("fault", Edu(1), Edu(2), Edu(3))).Is(200);
        Assert.That(_handler.Taken.Distinct(), Is.EqualTo(new[] { 1, 3 }));

        _handler.Reset();
        _handler.Fault = n => n == 2 ? new StorageException(StorageFailure.Unavailable, "test") : null;
        var failed = await SendAsync("storage", Edu(1), Edu(2), Edu(3));
        Assert.That(failed.Status, Is.GreaterThanOrEqualTo(500));

        _handler.Reset();
        (await SendAsync("storage", Edu(1), Edu(2), Edu(3))).Is(200);
        Assert.That(_handler.Taken, Is.EqualTo(new[] { 1, 2, 3 }));
    }

    [Test]
    public async Task EDUs_are_not_taken_again_when_a_failed_transaction_comes_again()
    {
        var parts = _server.Services;
        var writer = new FailingWriter(parts.GetRequiredService<IStorageWriter>());
        var transactions = ActivatorUtilities.CreateInstance<ReceivedTransactions>(parts, writer);
        var taken = 0;
        async Task ReceiveAsync(string id) => Assert.That(
            (await transactions.ReceiveAsync("one.example", id, [], TakeAsync, CancellationToken.None)).IsOk);
        ValueTask TakeAsync(CancellationToken stop)
        {
            taken++;
            return ValueTask.CompletedTask;
        }

        Assert.ThrowsAsync<StorageException>(() => ReceiveAsync("first"));
        writer.Fails = false;
        await ReceiveAsync("first");
        Assert.That(taken, Is.EqualTo(1));
        await ReceiveAsync("second");
        Assert.That(taken, Is.EqualTo(2));
    }

    [Test]
    public async Task EDUs_are_taken_after_the_events_of_their_transaction()
    {
        var alice = await _server.RegistersAsync("alice");
        var roomId = await alice.CreatesRoomAsync(version: RoomRules.Recommended);
        var room = await _peer.Peer.JoinsAsync(_server, roomId, "bob");
        var hello = room.Says("bob", "hello");
        var path = $"rooms/{PeerRoom.Escape(roomId)}/event/{PeerRoom.Escape(hello.EventId)}";
        _handler.Before = async () => (await alice.GetAsync(path)).Is(200);
        var body = room.Transaction([PeerRoom.Json(hello)]);
        body["edus"] = new JsonArray(Edu(1));

        (await _peer.Peer.SendAsync(_server, "PUT", "/_matrix/federation/v1/send/both", body)).Is(200);

        Assert.That(_handler.Taken, Is.EqualTo(new[] { 1 }));
    }

    private static JsonObject Edu(int n) => new()
    {
        ["edu_type"] = "org.example.number",
        ["content"] = new JsonObject { ["n"] = n },
    };

    private Task<Reply> SendAsync(string transactionId, params JsonNode?[] edus) => _peer.Peer.SendAsync(
        _server,
        "PUT",
        "/_matrix/federation/v1/send/" + transactionId,
        new JsonObject
        {
            ["origin"] = _peer.Peer.Name,
            ["origin_server_ts"] = 1,
            ["pdus"] = new JsonArray(),
            ["edus"] = new JsonArray([.. edus.Select(edu => edu?.DeepClone())]),
        });

    /// <summary>Remembers the numbers of EDUs.</summary>
    private sealed class TestHandler : IEduHandler
    {
        public string Type => "org.example.number";

        public List<int> Taken { get; } = [];

        public Task Held { get; set; } = Task.CompletedTask;

        public Func<Task> Before { get; set; } = () => Task.CompletedTask;

        public Func<int, Exception?> Fault { get; set; } = _ => null;

        public void Reset()
        {
            Taken.Clear();
            Held = Task.CompletedTask;
            Before = () => Task.CompletedTask;
            Fault = _ => null;
        }

        public async ValueTask<int> ReceiveAsync(
            string origin, IReadOnlyList<Matrix.Core.Json.JsonObject> contents, CancellationToken stop)
        {
            await Before();
            foreach (var content in contents)
            {
                var n = (int)((Matrix.Core.Json.Json.Int)content.Value(content.IndexOf("n"))).Item;
                if (Fault(n) is { } fault) throw fault;
                Taken.Add(n);
            }

            await Held;
            return 0;
        }
    }
}
