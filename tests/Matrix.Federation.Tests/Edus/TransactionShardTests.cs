using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Api.Federation.Transactions.Edus;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.ReceivedTransactions;
using Matrix.Host.Users.ToDevice;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Edus;

/// <summary>Transactions of a server whose shard this node gives away and takes again.</summary>
public sealed class TransactionShardTests
{
    private MovableShards _shards = null!;
    private HeldEdus _edus = null!;
    private TestServer _server = null!;
    private PeerServer _peer = null!;

    private Authority Origin => Authority.Server(_peer.Peer.Name);

    [SetUp]
    public async Task SetUpAsync()
    {
        (_shards, _edus) = (new MovableShards(), new HeldEdus());
        _peer = await PeerServer.StartAsync();
        _server = await TestServer.StartWithKnownKeysAsync(parts =>
        {
            _shards.AddTo(parts);
            parts.AddSingleton<IEduHandler>(_edus);
        });
        _server.Knows(_peer.Peer);
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [Test]
    public async Task One_that_runs_is_cancelled_with_those_that_wait_and_later_ones_are_refused()
    {
        _edus.IsHeld = true;
        var running = SendAsync("running");
        await Until.HoldsAsync(() => _edus.Begun == 1);
        var waiting = SendAsync("waiting");
        var transactions = _server.Services.GetRequiredService<ReceivedTransactions>();
        await Until.HoldsAsync(() => transactions.CountOf(_peer.Peer.Name) == 2);

        await _shards.CloseAsync(Origin);
        (await running).Is(503, "M_UNKNOWN");
        (await waiting).Is(503, "M_UNKNOWN");
        (await SendAsync("later")).Is(503, "M_UNKNOWN");
        Assert.That(transactions.CountOf(_peer.Peer.Name), Is.Zero);

        _edus.IsHeld = false;
        _shards.Open(Origin);
        (await SendAsync("running")).Is(200);
        Assert.That(_edus.Begun, Is.EqualTo(2));
    }

    [Test]
    public async Task The_response_of_another_node_is_given_again()
    {
        (await SendAsync("first")).Is(200);
        await _shards.CloseAsync(Origin);
        var written = new TransactionReceived(_peer.Peer.Name, "second", """{"pdus":{"$of":{}}}"""u8.ToArray());
        await _server.Services.GetRequiredService<IStorageWriter>().WriteAsync(
            new WriteBatch(Origin).Add(written), CancellationToken.None);
        _shards.Open(Origin);

        Assert.That((await SendAsync("second")).Is(200).Text, Is.EqualTo("""{"pdus":{"$of":{}}}"""));
        Assert.That(_edus.Begun, Is.EqualTo(1));
    }

    [Test]
    public async Task EDUs_of_a_failed_transaction_are_taken_again_after_the_shard_was_away()
    {
        var parts = _server.Services;
        var writer = new FailingWriter(parts.GetRequiredService<IStorageWriter>());
        var transactions = ActivatorUtilities.CreateInstance<ReceivedTransactions>(parts, writer);
        var taken = 0;
        Assert.ThrowsAsync<StorageException>(ReceiveAsync);
        await _shards.MoveAwayAndBackAsync(Origin);

        Assert.ThrowsAsync<StorageException>(ReceiveAsync);
        Assert.That(taken, Is.EqualTo(2), "what happened since is not known here");
        writer.Fails = false;
        await ReceiveAsync();
        Assert.That(taken, Is.EqualTo(2), "the shard did not move");

        async Task ReceiveAsync() => Assert.That((await transactions.ReceiveAsync(
            _peer.Peer.Name, "failed", [], TakeAsync, CancellationToken.None)).IsOk);
        ValueTask TakeAsync(CancellationToken stop)
        {
            taken++;
            return ValueTask.CompletedTask;
        }
    }

    [Test]
    public async Task Ids_of_messages_are_trimmed_with_the_first_after_the_shard_was_away()
    {
        var messages = _server.Services.GetRequiredService<ReceivedMessages>();
        var trims = 0;
        _server.Writes = batch =>
            trims += batch.Changes.Count(static change => change.GetType().Name == "ReceivedMessagesTrimmed");
        await ReceiveAsync("a");
        await ReceiveAsync("b");
        Assert.That(trims, Is.EqualTo(1));

        await _shards.CloseAsync(Origin);
        var refused = Assert.ThrowsAsync<StorageException>(() => ReceiveAsync("c"))!;
        Assert.That(refused.Failure, Is.EqualTo(StorageFailure.NotOwned));
        _shards.Open(Origin);
        await ReceiveAsync("c");
        Assert.That(trims, Is.EqualTo(2));

        async Task ReceiveAsync(string id) => await messages.ReceiveAsync(
            _peer.Peer.Name, [new ReceivedMessage($"@bob:{_peer.Peer.Name}", "m.test", id, [])],
            CancellationToken.None);
    }

    private Task<Reply> SendAsync(string transactionId) => _peer.Peer.SendAsync(
        _server,
        "PUT",
        "/_matrix/federation/v1/send/" + transactionId,
        new JsonObject
        {
            ["origin"] = _peer.Peer.Name,
            ["origin_server_ts"] = 1,
            ["pdus"] = new JsonArray(),
            ["edus"] = new JsonArray(new JsonObject
            {
                ["edu_type"] = "org.example.held",
                ["content"] = new JsonObject(),
            }),
        });

    /// <summary>EDUs that take as long as the test says.</summary>
    private sealed class HeldEdus : IEduHandler
    {
        private int _begun;

        public string Type => "org.example.held";

        public bool IsHeld { get; set; }

        public int Begun => Volatile.Read(ref _begun);

        public async ValueTask<int> ReceiveAsync(
            string origin, IReadOnlyList<Matrix.Core.Json.JsonObject> contents, CancellationToken stop)
        {
            Interlocked.Increment(ref _begun);
            if (IsHeld) await Task.Delay(Timeout.Infinite, stop);
            return 0;
        }
    }
}
