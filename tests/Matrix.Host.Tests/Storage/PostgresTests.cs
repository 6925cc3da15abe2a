using System.Collections.Concurrent;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Tests.Support;
using Npgsql;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>Faults that only a database server has, for the only process and for a node.</summary>
[Category(TestDatabase.Postgres)]
[TestFixture("")]
[TestFixture("a")]
internal sealed class PostgresTests(string node)
{
    private PostgresServer _server = null!;
    private string _name = null!;
    private string _folder = null!;

    private static CancellationToken Stop => CancellationToken.None;

    [SetUp]
    public async Task TakeDatabase()
    {
        _server = await PostgresServer.SharedAsync();
        _name = await _server.TakeDatabaseAsync();
        _folder = Directory.CreateTempSubdirectory("matrix-pg-").FullName;
    }

    [TearDown]
    public async Task GiveBackDatabase()
    {
        await _server.ExecuteAsync($"ALTER DATABASE {_name} RESET ALL");
        await _server.GiveBackDatabaseAsync(_name);
        Directory.Delete(_folder);
    }

    [Test]
    public async Task A_server_that_does_not_wait_for_its_disk_is_refused()
    {
        await _server.ExecuteAsync($"ALTER DATABASE {_name} SET synchronous_commit = off");

        var refused = Assert.ThrowsAsync<StorageException>(async () => await OpenAsync())!;

        Assert.That(refused.Failure, Is.EqualTo(StorageFailure.Refused));
        Assert.That(refused.Message, Does.Contain("synchronous_commit"));
    }

    [Test]
    public async Task Without_room_on_the_disk_writes_fail_as_such_and_go_on_when_there_is_room()
    {
        await using var store = await OpenAsync();
        await _server.ExecuteAsync(
            """
            CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$;
            CREATE TRIGGER no_room BEFORE INSERT ON events EXECUTE FUNCTION no_room()
            """,
            _name);
        for (var n = 1u; n <= 3; n++)
        {
            var full = Assert.ThrowsAsync<StorageException>(async () => await store.Writer.WriteAsync(
                Batches.New().Add(Event(Live(Kitchen, n))), Stop))!;
            Assert.That(full.Failure, Is.EqualTo(StorageFailure.Full), full.Message);
        }

        await _server.ExecuteAsync("DROP TRIGGER no_room ON events; DROP FUNCTION no_room", _name);
        await store.Writer.WriteAsync(Batches.New().Add(Event(Live(Kitchen, 4))), Stop);
        Assert.That(await store.Events.FindAsync(Live(Kitchen, 4), Stop), Is.Not.Null);
        Assert.That(await store.Events.FindAsync(Live(Kitchen, 3), Stop), Is.Null);
    }

    [Test]
    public async Task A_connection_that_was_lost_costs_nobody_a_write()
    {
        await using var store = await OpenAsync();
        for (var n = 1u; n <= 5; n++)
        {
            await LoseConnectionsAsync();
            await Task.WhenAll(Enumerable.Range(0, 5).Select(k => store.Writer.WriteAsync(
                Batches.New().Add(Event(Live(Kitchen, (n * 10) + (uint)k))), Stop).AsTask()));
        }

        var rows = await store.Events.RangeAsync(
            Kitchen, EventNid.FirstOf(Kitchen), null, Direction.Forward, 99, EventMarks.None, Stop);
        Assert.That(rows, Has.Count.EqualTo(25));
        Assert.That(rows.Select(row => row.Position), Is.Unique);
        Assert.That(store.Writer.PublishedPosition, Is.EqualTo(rows.Max(row => row.Position)));
    }

    [Test]
    public async Task While_a_connection_is_lost_another_process_that_took_the_database_keeps_it()
    {
        await using var first = await OpenAsync(ownershipWaitMs: 300, settleWaitMs: 400);
        await first.Writer.WriteAsync(Batches.New().Add(Event(Live(Kitchen, 1))), Stop);
        await _server.ExecuteAsync($"ALTER DATABASE {_name} CONNECTION LIMIT 0");
        await LoseConnectionsAsync();
        await _server.ExecuteAsync($"ALTER DATABASE {_name} CONNECTION LIMIT -1");
        await using var second = await OpenAsync();

        var failure = Assert.ThrowsAsync<StorageException>(
            async () => await first.Writer.WriteAsync(Batches.New().Add(Event(Live(Kitchen, 2))), Stop))!;

        Assert.That(
            failure.Failure, Is.EqualTo(node.Length == 0 ? StorageFailure.Doubtful : StorageFailure.Refused));
        await second.Writer.WriteAsync(Batches.New().Add(Event(Live(Kitchen, 2))), Stop);

        // Once the second has gone, the first does not know enough of the database to continue,
        // and dispatches none of the second's writes.
        var heard = new Heard(first);
        await second.DisposeAsync();
        var late = Assert.ThrowsAsync<StorageException>(
            async () => await first.Writer.WriteAsync(Batches.New().Add(Event(Live(Kitchen, 3))), Stop))!;
        Assert.That(late.Failure, Is.EqualTo(StorageFailure.Refused));
        Assert.That(heard.Positions, Is.Empty);
    }

    [Test]
    public async Task What_was_committed_when_the_connection_was_lost_is_answered_and_heard_of()
    {
        await using var proxy = new CuttingProxy(_server.Address);
        await using var store = await OpenAsync(proxy.UrlFor(_server.UrlOf(_name)));
        var heard = new Heard(store);
        var known = new ReceiptMoved(Kitchen, Alice, "m.read", "", Live(Kitchen, 5), IdOf(Live(Kitchen, 5)), 1, true);
        await store.Writer.WriteAsync(Batches.New().Add(known), Stop);

        var moved = known with { Event = Live(Kitchen, 6) };
        var notMoved = known with { Event = Live(Kitchen, 4) };
        WriteBatch[] batches =
        [
            Batches.New().Add(Event(Live(Kitchen, 1)) with { Request = 1 }),
            Batches.New().Add(moved),
            Batches.New().Add(notMoved),
            Batches.New().Add(Event(Live(Kitchen, 2))).Require(new UserCreated(Bob, UserKind.User, null, false)),
        ];
        foreach (var batch in batches)
        {
            proxy.CutAtNextCommit();
            var receipt = await store.Writer.WriteAsync(batch, Stop);
            Assert.That((receipt.Refused, proxy.HasCut), Is.EqualTo((false, true)));
            Assert.That(heard.Positions, Does.Contain(receipt.Position));
            Assert.That(store.Writer.PublishedPosition, Is.AtLeast(receipt.Position));
        }

        Assert.That((moved.Applied, notMoved.Applied), Is.EqualTo((true, false)));
        Assert.That(heard.Positions, Has.Count.AtLeast(1 + batches.Length).And.Unique.And.Ordered);
        var rows = await store.Events.RangeAsync(
            Kitchen, EventNid.FirstOf(Kitchen), null, Direction.Forward, 99, EventMarks.None, Stop);
        Assert.That(rows.Select(row => row.Nid), Is.EqualTo(new[] { Live(Kitchen, 1), Live(Kitchen, 2) }));
    }

    [Test]
    public async Task A_commit_in_doubt_is_heard_of_when_the_database_is_there_again()
    {
        await using var proxy = new CuttingProxy(_server.Address);
        await using var store = await OpenAsync(proxy.UrlFor(_server.UrlOf(_name)), settleWaitMs: 400);
        await store.Writer.WriteAsync(Batches.New().Add(Event(Live(Kitchen, 1))), Stop);
        var heard = new Heard(store);

        proxy.CutAtNextCommit(andStayAway: true);
        var failure = Assert.ThrowsAsync<StorageException>(
            async () => await store.Writer.WriteAsync(Batches.New().Add(Event(Live(Kitchen, 2))), Stop))!;
        Assert.That((failure.Failure, heard.Positions.Count), Is.EqualTo((StorageFailure.Doubtful, 0)));
        proxy.ComeBack();

        Assert.That(() => heard.Positions.Count, Is.EqualTo(1).After(20_000, 20));
        var row = await store.Events.FindAsync(Live(Kitchen, 2), Stop);
        Assert.That(row!.Position, Is.EqualTo(heard.Positions[0]).And.EqualTo(store.Writer.PublishedPosition));
        Assert.That(
            (await store.Writer.WriteAsync(Batches.New().Add(Event(Live(Kitchen, 3))), Stop)).Position,
            Is.GreaterThan(row.Position));
    }

    [Test]
    public void A_server_that_is_not_there_is_named_in_one_line()
    {
        var refused =
            Assert.ThrowsAsync<StorageException>(async () => await OpenAsync("postgres://a:b@127.0.0.1:1/none"))!;

        Assert.That(refused.Failure, Is.EqualTo(StorageFailure.Unavailable));
        Assert.That(refused.Message, Does.Not.Contain("\n").And.Not.Contain("a:b"));
    }

    private async Task LoseConnectionsAsync()
    {
        await using var connection = await _server.ConnectAsync("matrix");
        await using var kill = new NpgsqlCommand(
            $"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{_name}'", connection);
        await kill.ExecuteNonQueryAsync();
    }

    /// <summary>Opens the database. Only a test that expects the end of a wait makes it short.</summary>
    private ValueTask<OpenedStorage> OpenAsync(
        string? url = null, int ownershipWaitMs = 10_000, int settleWaitMs = 20_000) => StorageEngine.OpenAsync(
        new StorageOptions
        {
            Url = url ?? _server.UrlOf(_name),
            DataDir = _folder,
            ServerName = "example.org",
            Node = node,
            Time = new ManualTime(),
            OwnershipWaitMs = ownershipWaitMs,
            SettleWaitMs = settleWaitMs,
        },
        Stop);

    /// <summary>The positions that a store dispatches.</summary>
    private sealed class Heard : IChangeConsumer
    {
        private readonly ConcurrentQueue<long> _positions = new();

        public Heard(OpenedStorage store) => store.Writer.AddConsumer(this);

        public IReadOnlyList<long> Positions => [.. _positions];

        public void OnChange(Change change, long position)
        {
        }

        public void End(long through) => _positions.Enqueue(through);

        public void Missed(long through) => Assert.Fail("A consumer that cannot throw missed a flush.");
    }
}
