using System.Diagnostics;
using System.Net;
using Npgsql;

namespace Matrix.Host.Tests.Support;

/// <summary>A PostgreSQL server of the test run's own, started by tests/support/postgres.sh when the first test asks for it.</summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    private static readonly Lazy<Task<PostgresServer>> Shared = new(StartAsync);
    private static int _databases;

    private readonly System.Collections.Concurrent.ConcurrentBag<string> _emptied = [];
    private readonly string _folder;
    private readonly Uri _url;

    private PostgresServer(string folder, Uri url)
    {
        _folder = folder;
        _url = url;
    }

    /// <summary>The one server of this run; it ends with the run.</summary>
    public static Task<PostgresServer> SharedAsync() => Shared.Value;

    /// <summary>Stops the shared server, if it was ever started.</summary>
    public static async Task StopSharedAsync()
    {
        if (Shared.IsValueCreated && Shared.Value.IsCompletedSuccessfully)
        {
            await (await Shared.Value).DisposeAsync();
        }
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint Address => new(IPAddress.Parse(_url.Host), _url.Port);

    /// <summary>The URL of a database on this server.</summary>
    public string UrlOf(string database) => new UriBuilder(_url) { Path = database }.Uri.ToString();

    /// <summary>An empty database: one that was given back and emptied if there is one, for that is much quicker.</summary>
    public async Task<string> TakeDatabaseAsync()
    {
        if (_emptied.TryTake(out var emptied))
        {
            return emptied;
        }

        var name = $"test{Interlocked.Increment(ref _databases)}";
        await ExecuteAsync($"CREATE DATABASE {name}");
        return name;
    }

    /// <summary>Ends whoever still uses it, and empties it.</summary>
    public async Task GiveBackDatabaseAsync(string name)
    {
        await ExecuteAsync($"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
        await ExecuteAsync(
            """
            DO $$
            DECLARE t record;
            BEGIN
                IF to_regclass('migrations') IS NULL OR (SELECT COUNT(*) <> 1 FROM migrations) OR to_regclass('sequence') IS NULL THEN
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

    public async ValueTask DisposeAsync()
    {
        await RunAsync("stop", _folder);
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task<PostgresServer> StartAsync()
    {
        // In memory where there is such a folder: a test's database lives for a second, and is synced often in it.
        var folder = Directory.Exists("/dev/shm")
            ? Directory.CreateDirectory($"/dev/shm/matrix-postgres-{Guid.NewGuid():N}").FullName
            : Directory.CreateTempSubdirectory("matrix-postgres-").FullName;
        return new PostgresServer(folder, new Uri(await RunAsync("start", folder)));
    }

    private static async Task<string> RunAsync(string verb, string folder)
    {
        var script = new ProcessStartInfo("bash", [Script(), verb, folder]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(script)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? (await output).Trim()
            : throw new InvalidOperationException($"tests/support/postgres.sh {verb} failed: {(await errors).Trim()}");
    }

    private static string Script()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var script = Path.Combine(folder.FullName, "tests", "support", "postgres.sh");
            if (File.Exists(script))
            {
                return script;
            }
        }

        throw new FileNotFoundException("tests/support/postgres.sh");
    }
}
