using System.Collections.Concurrent;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Shards;
using Matrix.Host.Tests.Support;
using Npgsql;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>Processes that may take the database over from one another, and which of them writes.</summary>
[Category(TestDatabase.Postgres)]
internal sealed class NodeTests
{
    private PostgresServer _server = null!;
    private string _name = null!;
    private string _folder = null!;
    private ConcurrentQueue<string> _standsBy = null!;

    private static CancellationToken Stop => CancellationToken.None;

    [SetUp]
    public async Task TakeDatabase()
    {
        _server = await PostgresServer.SharedAsync();
        _name = await _server.TakeDatabaseAsync();
        _folder = Directory.CreateTempSubdirectory("matrix-node-").FullName;
        _standsBy = [];
    }

    [TearDown]
    public async Task GiveBackDatabase()
    {
        await _server.ExecuteAsync($"ALTER DATABASE {_name} RESET ALL");
        await _server.GiveBackDatabaseAsync(_name);
        Directory.Delete(_folder);
    }

    [Test]
    public async Task The_next_start_of_a_node_writes_and_the_one_before_writes_nothing_more()
    {
        await using var first = await OpenAsync("a");
        await WriteAsync(first, 1);
        await using var second = await OpenAsync("a");
        await WriteAsync(second, 2);

        var refused = Assert.ThrowsAsync<StorageException>(async () => await WriteAsync(first, 3))!;
        Assert.That(refused.Failure, Is.EqualTo(StorageFailure.Refused));
        Assert.That(refused.Message, Does.Contain("from the node a"));
        Assert.That((await first.Lost.WaitAsync(TimeSpan.FromSeconds(20))).Message, Is.EqualTo(refused.Message));
        await WriteAsync(second, 4);
        Assert.That(await OrdinalsAsync(second), Is.EqualTo(new uint[] { 1, 2, 4 }));
        Assert.That(second.Lost.IsCompleted, Is.False);
    }

    [Test]
    public async Task An_idle_node_learns_that_another_has_taken_over()
    {
        await using var first = await OpenAsync("a");
        await _server.ExecuteAsync("UPDATE nodes SET alive = 0", _name);
        await using var second = await OpenAsync("b");

        await first.Lost.WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Test]
    public async Task A_node_waits_while_another_lives_and_takes_over_when_it_ends()
    {
        var first = await OpenAsync("a");
        await WriteAsync(first, 1);
        var opening = OpenAsync("b").AsTask();

        // It gives signs of life while it has nothing to write.
        await using var looks = await ConnectAsync();
        await Until.HoldsAsync(async () => (long)(await ScalarAsync(looks, "SELECT MAX(heartbeat) FROM nodes"))! >= 2);
        Assert.That(_standsBy, Is.EqualTo(new[] { "a" }));
        Assert.That(opening.IsCompleted, Is.False);
        await WriteAsync(first, 2);
        await first.DisposeAsync();

        await using var second = await opening.WaitAsync(TimeSpan.FromSeconds(20));
        await WriteAsync(second, 3);
        Assert.That(await OrdinalsAsync(second), Is.EqualTo(new uint[] { 1, 2, 3 }));
    }

    [Test]
    public async Task A_node_takes_over_from_one_that_gives_no_sign_of_life()
    {
        await (await OpenAsync("a")).DisposeAsync();
        await _server.ExecuteAsync("UPDATE nodes SET alive = 1", _name);
        var started = TimeProvider.System.GetTimestamp();

        await using var second = await OpenAsync("b", takeOverAfter: TimeSpan.FromSeconds(1));

        Assert.That(TimeProvider.System.GetElapsedTime(started), Is.GreaterThan(TimeSpan.FromSeconds(1)));
        await WriteAsync(second, 1);
    }

    [Test]
    public async Task A_node_that_is_silent_but_lives_is_fenced_and_writes_nothing_more()
    {
        await using var first = await OpenAsync("a");
        await WriteAsync(first, 1);
        var opening = OpenAsync("b", takeOverAfter: TimeSpan.FromSeconds(6)).AsTask();

        // Its sign of life waits, and then the one that would take over.
        await using var still = await ConnectAsync();
        await ScalarAsync(still, "BEGIN");
        await ScalarAsync(still, "SELECT 1 FROM nodes FOR SHARE");

        // A transaction sees the sessions of its first look: these are looked at from outside.
        await using var looks = await ConnectAsync();
        await Until.HoldsAsync(async () => (long)(await ScalarAsync(
            looks,
            "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            + "AND datname = current_database()"))! == 2);
        Assert.That(opening.IsCompleted, Is.False, "a sign of life is on its way");
        await ScalarAsync(still, "COMMIT");
        await Task.Delay(TimeSpan.FromSeconds(1));
        Assert.That(opening.IsCompleted, Is.False, "it lives");

        await ScalarAsync(still, "UPDATE nodes SET alive = 0");
        await using var second = await opening.WaitAsync(TimeSpan.FromSeconds(20));
        await WriteAsync(second, 2);
        Assert.ThrowsAsync<StorageException>(async () => await WriteAsync(first, 3));
        Assert.That(await OrdinalsAsync(second), Is.EqualTo(new uint[] { 1, 2 }));
    }

    [Test]
    public async Task A_node_that_comes_back_after_a_server_without_a_node_writes_nothing_more()
    {
        await using var proxy = new CuttingProxy(_server.Address);
        await using var first = await OpenAsync("a", url: proxy.UrlFor(_server.UrlOf(_name)), settleWaitMs: 400);
        await WriteAsync(first, 1);
        proxy.CutAtNextCommit(andStayAway: true);
        Assert.ThrowsAsync<StorageException>(async () => await WriteAsync(first, 2));
        var only = await OpenAsync("", ownershipWaitMs: 20_000);
        await WriteAsync(only, 3);
        await only.DisposeAsync();
        proxy.ComeBack();

        var refused = Assert.ThrowsAsync<StorageException>(async () => await WriteAsync(first, 4))!;
        Assert.That(refused.Failure, Is.EqualTo(StorageFailure.Refused));
        Assert.That(await OrdinalsAsync(first), Is.EqualTo(new uint[] { 1, 2, 3 }).Or.EqualTo(new uint[] { 1, 3 }));
    }

    [Test]
    public async Task Of_two_that_wait_one_takes_over_and_the_other_waits_on()
    {
        var first = await OpenAsync("a");
        var others = new[] { OpenAsync("b").AsTask(), OpenAsync("c").AsTask() };
        await Until.HoldsAsync(() => _standsBy.Count == 2);
        await first.DisposeAsync();

        await using var second = await await Task.WhenAny(others).WaitAsync(TimeSpan.FromSeconds(20));
        await WriteAsync(second, 1);
        await Task.Delay(1000);
        Assert.That(others.Count(static each => each.IsCompleted), Is.EqualTo(1));
        await second.DisposeAsync();
        foreach (var each in others) await (await each.WaitAsync(TimeSpan.FromSeconds(20))).DisposeAsync();
    }

    [Test]
    public async Task A_node_that_lost_its_connection_and_then_the_database_writes_nothing_more()
    {
        await using var first = await OpenAsync("a");
        await WriteAsync(first, 1);
        await _server.ExecuteAsync($"ALTER DATABASE {_name} CONNECTION LIMIT 0");
        await LoseConnectionsAsync();
        await _server.ExecuteAsync($"ALTER DATABASE {_name} CONNECTION LIMIT -1");
        await _server.ExecuteAsync("UPDATE nodes SET alive = 0", _name);
        await using var second = await OpenAsync("b");

        var refused = Assert.ThrowsAsync<StorageException>(async () => await WriteAsync(first, 2))!;

        Assert.That(refused.Failure, Is.EqualTo(StorageFailure.Refused));
        Assert.That(await OrdinalsAsync(second), Is.EqualTo(new uint[] { 1 }));
    }

    [TestCase("SELECT 1")]
    [TestCase("COPY identity FROM STDIN")]
    public async Task A_process_that_stands_still_in_a_transaction_keeps_nobody_from_taking_over(string last)
    {
        await (await OpenAsync("a")).DisposeAsync();
        await _server.ExecuteAsync("UPDATE nodes SET alive = 1", _name);
        await using var still = await ConnectAsync();
        var position = await ScalarAsync(still, "SELECT position FROM sequence WHERE one = 1");
        var incarnation = await ScalarAsync(still, "SELECT incarnation FROM nodes");
        await ScalarAsync(still, "BEGIN");
        await ScalarAsync(still, $"CALL take_positions({position}, {position} + 5, 'a', {incarnation})");
        if (last.StartsWith("COPY", StringComparison.Ordinal)) _ = await still.BeginTextImportAsync(last);
        else await ScalarAsync(still, last);

        var opening = OpenAsync("a").AsTask();
        await using var store = await opening.WaitAsync(TimeSpan.FromSeconds(30));

        await WriteAsync(store, 1);
        await using var looks = await ConnectAsync();
        var isThere = $"SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = {still.ProcessID})";
        await Until.HoldsAsync(async () => await ScalarAsync(looks, isThere) is false);
        await WriteAsync(store, 2);
        Assert.That(await OrdinalsAsync(store), Is.EqualTo(new uint[] { 1, 2 }));
    }

    [Test]
    public async Task A_process_that_stands_still_in_half_a_message_keeps_nobody_from_writing()
    {
        await using var store = await OpenAsync("a");
        await WriteAsync(store, 1);
        await using var still = await ConnectAsync();
        await ScalarAsync(still, "SET idle_in_transaction_session_timeout = 0");
        await ScalarAsync(still, "BEGIN");
        await ScalarAsync(still, "UPDATE sequence SET position = position + 1");
        _ = await still.BeginTextImportAsync("COPY identity FROM STDIN");

        var writing = WriteAsync(store, 2);
        await Task.WhenAny(writing, Task.Delay(TimeSpan.FromSeconds(60)));
        Assert.That(writing.IsCompleted, $"it waits still:\n{(writing.IsCompleted ? "" : await SessionsAsync())}");
        await writing;

        Assert.That(await OrdinalsAsync(store), Is.EqualTo(new uint[] { 1, 2 }));
    }

    [Test]
    public async Task A_flush_that_another_write_to_the_sequence_came_before_is_sent_again()
    {
        await using var store = await OpenAsync("a");
        await WriteAsync(store, 1);
        await _server.ExecuteAsync("UPDATE sequence SET position = position + 100", _name);

        await WriteAsync(store, 2);

        Assert.That(await OrdinalsAsync(store), Is.EqualTo(new uint[] { 1, 2 }));
        var rows = await RowsAsync(store);
        Assert.That(rows[1].Position, Is.GreaterThan(rows[0].Position + 100));
    }

    [Test]
    public async Task A_node_that_starts_owns_all_shards()
    {
        await using var first = await OpenAsync("a");
        var owners = await first.Shards.OwnersAsync(Stop);
        Assert.That(owners, Has.Count.EqualTo(512).And.All.EqualTo(first.NodeShards.Self));
        await first.DisposeAsync();
        await using var second = await OpenAsync("b");
        Assert.That(await second.Shards.OwnersAsync(Stop), Is.All.EqualTo(second.NodeShards.Self));
        Assert.That(second.NodeShards.Self.Node, Is.EqualTo("b"));
    }

    [Test]
    public async Task Batches_of_a_shard_that_was_given_away_fail_until_it_is_taken_again()
    {
        await using var store = await OpenAsync("a");
        var kitchen = Authority.Room(RoomIdOf(Kitchen));
        int[] its = [kitchen.Shard];
        await store.NodeShards.GiveAsync(its, ShardOwner.Nobody, Stop);

        var refused = Assert.ThrowsAsync<StorageException>(async () => await WriteAsync(store, 1))!;
        Assert.That(refused.Failure, Is.EqualTo(StorageFailure.NotOwned));
        Assert.That(store.NodeShards.Gates.TryEnter(kitchen, out _), Is.False);
        Assert.ThrowsAsync<StorageException>(async () => await store.Writer.WriteAsync(
            new WriteBatch(Authority.Nobody).AlsoOf(kitchen), Stop));
        await store.Writer.WriteAsync(new WriteBatch(Authority.Nobody).Add(Event(Live(Kitchen, 2))), Stop);
        Assert.That((await store.Shards.OwnersAsync(Stop))[its[0]], Is.EqualTo(ShardOwner.Nobody));

        Assert.That(await store.NodeShards.TakeAsync(its, Stop), Is.True);
        await WriteAsync(store, 3);
        Assert.That(store.NodeShards.Gates.TryEnter(kitchen, out _), Is.True);
        Assert.That(await OrdinalsAsync(store), Is.EqualTo(new uint[] { 2, 3 }));
    }

    [Test]
    public async Task A_shard_that_has_an_owner_is_not_taken_and_one_that_is_not_owned_is_not_given()
    {
        await using var store = await OpenAsync("a");
        await _server.ExecuteAsync("UPDATE shards SET node = 'b', incarnation = 7 WHERE shard = 5", _name);

        Assert.That(await store.NodeShards.TakeAsync([5], Stop), Is.False);
        Assert.ThrowsAsync<StorageException>(() => store.NodeShards.GiveAsync([4, 5], ShardOwner.Nobody, Stop));
        var owners = await store.Shards.OwnersAsync(Stop);
        Assert.That(owners[4], Is.EqualTo(store.NodeShards.Self), "nothing of a batch that was refused is kept");
        Assert.That(owners[5], Is.EqualTo(new ShardOwner("b", 7)));
    }

    [Test]
    public async Task A_give_that_is_refused_does_not_make_a_shard_its_own()
    {
        await using var store = await OpenAsync("a");
        var b = new ShardOwner("b", 7);
        Assert.That((await store.Writer.WriteAsync(Give(), Stop)).Refused, Is.False);
        Assert.That((await store.Writer.WriteAsync(Give(), Stop)).Refused, Is.True);
        Assert.That(store.NodeShards.Owns(4), Is.False);
        Assert.That(await store.NodeShards.GiveAsync([4], b, Stop), Is.Zero);

        WriteBatch Give()
        {
            var batch = new WriteBatch(Authority.Nobody);
            batch.Require(new ShardMoved(4, store.NodeShards.Self, b));
            return batch;
        }
    }

    [Test]
    public async Task Each_flush_leaves_its_changes_for_another_node_and_old_ones_are_deleted()
    {
        await using var store = await OpenAsync("a", keepFlushes: TimeSpan.FromMilliseconds(1));
        await using var looks = await ConnectAsync();
        await WriteAsync(store, 0);
        Assert.That(
            await ScalarAsync(looks, "SELECT COUNT(*) FROM flushes WHERE node <> ''"), Is.Zero, "nobody reads them");

        // Another node writes.
        await _server.ExecuteAsync("UPDATE sequence SET position = position + 1 WHERE one = 1", _name);
        await WriteAsync(store, 1);
        var last = (long)(await ScalarAsync(looks, "SELECT MAX(last) FROM flushes"))!;
        Assert.That(await ScalarAsync(looks, "SELECT position FROM sequence WHERE one = 1"), Is.EqualTo(last));
        var before = (long)(await ScalarAsync(looks, $"SELECT after FROM flushes WHERE last = {last}"))!;
        Assert.That(before, Is.EqualTo(last - 1));
        Assert.That(
            await ScalarAsync(looks, "SELECT COUNT(*) FROM flushes WHERE length(changes) > 100"), Is.EqualTo(1));

        for (var ordinal = 2U; ordinal < 300; ordinal++) await WriteAsync(store, ordinal);

        Assert.That(await ScalarAsync(looks, "SELECT COUNT(*) FROM flushes"), Is.LessThan(200));
        var persistence = await ScalarAsync(looks, "SELECT relpersistence FROM pg_class WHERE relname = 'flushes'");
        Assert.That(persistence, Is.EqualTo('u'), "it is unlogged");
    }

    [Test]
    public async Task What_another_node_wrote_while_the_connection_was_lost_is_noticed()
    {
        await using var store = await OpenAsync("a");
        await WriteAsync(store, 1);
        await LoseConnectionsAsync();
        await WriteAsync(store, 2);
        Assert.That(await FlushesAsync(), Is.Zero, "only this node wrote");

        await LoseConnectionsAsync();
        await _server.ExecuteAsync("UPDATE sequence SET position = position + 1 WHERE one = 1", _name);
        await WriteAsync(store, 3);

        Assert.That(await FlushesAsync(), Is.EqualTo(1));
        Assert.That(await OrdinalsAsync(store), Is.EqualTo(new uint[] { 1, 2, 3 }));

        async Task<long> FlushesAsync()
        {
            await using var looks = await ConnectAsync();
            return (long)(await ScalarAsync(looks, "SELECT COUNT(*) FROM flushes WHERE node = 'a'"))!;
        }
    }

    [Test]
    public async Task Writes_beside_another_writer_to_the_sequence_are_kept_in_order()
    {
        await using var store = await OpenAsync("a");
        using var over = new CancellationTokenSource();
        var other = Task.Run(async () =>
        {
            await using var connection = await ConnectAsync();
            while (!over.IsCancellationRequested)
            {
                await ScalarAsync(connection, "UPDATE sequence SET position = position + 1 WHERE one = 1");
                await Task.Delay(1);
            }
        });
        for (var ordinal = 1U; ordinal <= 90; ordinal++) await WriteAsync(store, ordinal);
        await over.CancelAsync();
        await other;

        Assert.That(await OrdinalsAsync(store), Is.EqualTo(Enumerable.Range(1, 90)));
        var positions = (await RowsAsync(store)).Select(static row => row.Position).ToArray();
        Assert.That(positions, Is.Ordered.Ascending.And.Unique);
    }

    [Test]
    public async Task A_transaction_whose_session_was_ended_is_sent_again()
    {
        await using var store = await OpenAsync("a");
        await WriteAsync(store, 1);
        await using var block = await ConnectAsync();
        await ScalarAsync(block, "BEGIN");
        await ScalarAsync(block, "UPDATE sequence SET position = position");
        var writing = WriteAsync(store, 2);
        await Until.HoldsAsync(async () => (bool)(await ScalarAsync(
            block,
            "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            + "AND datname = current_database())"))!);
        await LoseConnectionsAsync(but: block.ProcessID);
        await ScalarAsync(block, "COMMIT");
        await writing;

        Assert.That(await OrdinalsAsync(store), Is.EqualTo(new uint[] { 1, 2 }));
    }

    [Test]
    public async Task A_server_without_a_node_and_one_with_a_node_keep_each_other_out()
    {
        await using (await OpenAsync("a"))
        {
            Refused(async () => await OpenAsync(""));
        }

        await using (await OpenAsync(""))
        {
            Refused(async () => await OpenAsync("a"));
        }

        await using var again = await OpenAsync("a");
        await WriteAsync(again, 1);

        static void Refused(Func<Task> open)
        {
            var refused = Assert.ThrowsAsync<StorageException>(open)!;
            Assert.That(refused.Message, Does.Contain("in use by another process"));
        }
    }

    private ValueTask<OpenedStorage> OpenAsync(
        string node, TimeSpan? takeOverAfter = null, int ownershipWaitMs = 300, string? url = null,
        int settleWaitMs = 20_000, TimeSpan? keepFlushes = null) => StorageEngine.OpenAsync(
        new StorageOptions
        {
            KeepFlushes = keepFlushes ?? TimeSpan.FromMinutes(1),
            TakeOverAfter = takeOverAfter ?? TimeSpan.FromSeconds(60),
            OnStandBy = _standsBy.Enqueue,
            Url = url ?? _server.UrlOf(_name),
            DataDir = _folder,
            ServerName = "example.org",
            Node = node,
            OwnershipWaitMs = ownershipWaitMs,
            SettleWaitMs = settleWaitMs,
        },
        Stop);

    private static async Task WriteAsync(OpenedStorage store, uint ordinal) =>
        await store.Writer.WriteAsync(
            new WriteBatch(Authority.Room(RoomIdOf(Kitchen))).Add(Event(Live(Kitchen, ordinal))), Stop);

    private static ValueTask<IReadOnlyList<EventRow>> RowsAsync(OpenedStorage store) => store.Events.RangeAsync(
        Kitchen, EventNid.FirstOf(Kitchen), null, Direction.Forward, 99, EventMarks.None, Stop);

    private static async Task<uint[]> OrdinalsAsync(OpenedStorage store) =>
        [.. (await RowsAsync(store)).Select(static row => (uint)(row.Nid.Value - Live(Kitchen, 0).Value))];

    private Task<NpgsqlConnection> ConnectAsync() => _server.ConnectAsync(_name);

    private async Task LoseConnectionsAsync(int but = 0)
    {
        await using var connection = await _server.ConnectAsync("matrix");
        await ScalarAsync(
            connection,
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            + $"WHERE datname = '{_name}' AND pid <> {but}");
    }

    /// <summary>What each session of the database does, and who keeps it waiting.</summary>
    private async Task<object?> SessionsAsync()
    {
        await using var connection = await _server.ConnectAsync("matrix");
        return await ScalarAsync(
            connection,
            $"""
            SELECT string_agg(concat_ws(' ', pid, state, clock_timestamp() - state_change, wait_event_type, wait_event,
                pg_blocking_pids(pid)::text, query), E'\n')
            FROM pg_stat_activity WHERE datname = '{_name}'
            """);
    }

    private static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
