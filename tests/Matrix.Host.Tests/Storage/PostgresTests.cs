using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Writing;
using Matrix.Host.Tests.Support;
using Npgsql;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>What only a server can suffer.</summary>
[Category(TestDatabase.Postgres)]
internal sealed class PostgresTests
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
    public async Task A_connection_that_was_lost_costs_nobody_a_write()
    {
        await using var store = await OpenAsync();
        for (var n = 1u; n <= 5; n++)
        {
            await LoseConnectionsAsync();
            await Task.WhenAll(Enumerable.Range(0, 5).Select(k => store.Writer.WriteAsync(
                new WriteSet().Add(Event(Live(Kitchen, (n * 10) + (uint)k))), Stop).AsTask()));
        }

        var rows = await store.Events.RangeAsync(
            Kitchen, EventNid.FirstOf(Kitchen), null, Direction.Forward, 99, EventStanding.None, Stop);
        Assert.That(rows, Has.Count.EqualTo(25));
        Assert.That(rows.Select(row => row.Position), Is.Unique);
        Assert.That(store.Writer.PublishedPosition, Is.EqualTo(rows.Max(row => row.Position)));
    }

    [Test]
    public async Task While_a_connection_is_lost_another_process_that_took_the_database_keeps_it()
    {
        await using var first = await OpenAsync();
        await first.Writer.WriteAsync(new WriteSet().Add(Event(Live(Kitchen, 1))), Stop);
        await _server.ExecuteAsync($"ALTER DATABASE {_name} CONNECTION LIMIT 0");
        await LoseConnectionsAsync();
        await _server.ExecuteAsync($"ALTER DATABASE {_name} CONNECTION LIMIT -1");
        await using var second = await OpenAsync();

        var failure = Assert.ThrowsAsync<StorageException>(
            async () => await first.Writer.WriteAsync(new WriteSet().Add(Event(Live(Kitchen, 2))), Stop))!;

        Assert.That(failure.Failure, Is.EqualTo(StorageFailure.Unavailable).Or.EqualTo(StorageFailure.Refused));
        await second.Writer.WriteAsync(new WriteSet().Add(Event(Live(Kitchen, 2))), Stop);
    }

    [Test]
    public void A_server_that_is_not_there_is_named_in_one_line()
    {
        var refused = Assert.ThrowsAsync<StorageException>(async () => await OpenAsync("postgres://a:b@127.0.0.1:1/none"))!;

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

    private ValueTask<IStorage> OpenAsync(string? url = null) => StorageEngine.OpenAsync(
        new StorageOptions { Url = url ?? _server.UrlOf(_name), DataDir = _folder, ServerName = "example.org", Time = new ManualTime(), OwnershipWaitMs = 300 },
        Stop);
}
