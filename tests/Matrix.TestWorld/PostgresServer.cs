using System.Net;
using Matrix.Host.Storage.Migrations;
using Matrix.Processes;
using Npgsql;

namespace Matrix.TestWorld;

/// <summary>
/// The PostgreSQL server of a test run. `tests/support/postgres.sh` starts it for the first test that needs it.
/// </summary>
public sealed class PostgresServer : IDisposable
{
    private static readonly Lazy<Task<PostgresServer>> Shared = new(() => Task.Run(() => new PostgresServer()));
    private static int _databases;

    private readonly System.Collections.Concurrent.ConcurrentBag<string> _emptied = [];

    // In memory: a test's database lives for a second, with many syncs.
    private readonly PostgresProcess _process = new(inMemory: true);
    private readonly Uri _url;

    private PostgresServer() => _url = new Uri(_process.Url);

    /// <summary>The one server of this run; it ends with the run.</summary>
    public static Task<PostgresServer> SharedAsync() => Shared.Value;

    /// <summary>Stops the shared server, if it was ever started.</summary>
    public static async Task StopSharedAsync()
    {
        if (Shared.IsValueCreated && Shared.Value.IsCompletedSuccessfully)
        {
            (await Shared.Value).Dispose();
        }
    }

    /// <summary>The address on which it listens.</summary>
    public IPEndPoint Address => new(IPAddress.Parse(_url.Host), _url.Port);

    /// <summary>The URL of a database on this server.</summary>
    public string UrlOf(string database) => _process.AddressOf(database);

    /// <summary>An empty database: one that a test gave back, if any, because that is much quicker.</summary>
    public async Task<string> TakeDatabaseAsync(bool isNew = false)
    {
        if (!isNew && _emptied.TryTake(out var emptied))
        {
            return emptied;
        }

        var name = $"test{Interlocked.Increment(ref _databases)}";
        await ExecuteAsync($"CREATE DATABASE {name}");
        return name;
    }

    /// <summary>Ends the remaining connections to a database, and empties it.</summary>
    public async Task GiveBackDatabaseAsync(string name)
    {
        await ExecuteAsync($"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        await ExecuteAsync(
            $"""
            DO $$
            DECLARE t record; applied INT := 0;
            BEGIN
                IF to_regclass('migrations') IS NOT NULL THEN
                    EXECUTE 'SELECT COUNT(*) FROM migrations' INTO applied;
                END IF;
                IF applied <> {Migration.All.Count} OR to_regclass('sequence') IS NULL THEN
                    DROP SCHEMA public CASCADE;
                    CREATE SCHEMA public;
                ELSE
                    FOR t IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                        AND relname NOT IN ('migrations', 'sequence')
                    LOOP
                        EXECUTE format('DELETE FROM %I', t.relname);
                    END LOOP;
                    UPDATE sequence SET position = 0;
                END IF;
            END $$
            """,
            name);
        _emptied.Add(name);
    }

    public async Task ExecuteAsync(string sql, string database = "matrix")
    {
        await using var connection = await ConnectAsync(database);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    public async Task<NpgsqlConnection> ConnectAsync(string database)
    {
        var user = _url.UserInfo.Split(':');
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder
        {
            Host = _url.Host,
            Port = _url.Port,
            Username = user[0],
            Password = user[1],
            Database = database,
            Pooling = false,
        }.ConnectionString);
        await connection.OpenAsync();
        return connection;
    }

    public void Dispose() => _process.Dispose();
}
