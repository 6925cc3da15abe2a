using Matrix.Host.Storage.Migrations;
using Matrix.Processes;
using Npgsql;

namespace Matrix.Cluster.Tests;

/// <summary>A database with the tables of a cluster.</summary>
internal sealed class ClusterDatabase : IAsyncDisposable
{
    private static readonly Lazy<PostgresProcess> _server = new(static () => new PostgresProcess(inMemory: true));
    private static int _count;

    private ClusterDatabase(string connectionString)
    {
        ConnectionString = connectionString;
        Source = NpgsqlDataSource.Create(connectionString);
    }

    /// <summary>For Npgsql.</summary>
    public string ConnectionString { get; }

    public NpgsqlDataSource Source { get; }

    public static async Task<ClusterDatabase> CreateAsync()
    {
        var url = await Task.Run(static () =>
            new Uri(_server.Value.NewDatabase($"cluster{Interlocked.Increment(ref _count)}")));
        var user = url.UserInfo.Split(':');
        var database = new ClusterDatabase(new NpgsqlConnectionStringBuilder
        {
            Host = url.Host,
            Port = url.Port,
            Username = user[0],
            Password = user[1],
            Database = url.AbsolutePath[1..],
        }.ConnectionString);
        IEnumerable<string> statements =
        [
            Migration.CreateRecord,
            .. Migration.All
                .Where(static one => one.Name is "silos" or "silo_requests" or "node_terms")
                .Select(static one => one.ForPostgres),
        ];
        foreach (var sql in statements)
        {
            await using var command = database.Source.CreateCommand(sql);
            await command.ExecuteNonQueryAsync();
        }

        return database;
    }

    public static void StopServer()
    {
        if (_server.IsValueCreated) _server.Value.Dispose();
    }

    public async Task<object?> ScalarAsync(string sql)
    {
        await using var command = Source.CreateCommand(sql);
        return await command.ExecuteScalarAsync();
    }

    public ValueTask DisposeAsync() => Source.DisposeAsync();
}
