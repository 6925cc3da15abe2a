using System.Globalization;
using Matrix.Host.Storage.Sqlite;
using Matrix.Import.Sources;
using Npgsql;
using NpgsqlTypes;

namespace Matrix.Import.Tests.Sources;

/// <summary>
/// A small database of Synapse's, of either kind, with the tables that a test needs. Tests lay tables by texts of their
/// own that both kinds take (TEXT, BIGINT, SMALLINT, BOOLEAN, BYTEA, JSONB), fill them, and open the source.
/// </summary>
internal sealed class SmallSynapse : IAsyncDisposable
{
    /// <summary>The schema that a source has, unless a test says another one.</summary>
    public const int LatestSchema = 94;

    // What every source has: without these it is no database of Synapse's.
    private const string Base = """
        CREATE TABLE schema_version (lock CHAR(1) NOT NULL DEFAULT 'X' UNIQUE, version INTEGER NOT NULL);
        CREATE TABLE events (
            stream_ordering BIGINT, topological_ordering BIGINT NOT NULL, event_id TEXT NOT NULL, type TEXT NOT NULL,
            room_id TEXT NOT NULL, processed BOOLEAN NOT NULL DEFAULT TRUE, outlier BOOLEAN NOT NULL,
            depth BIGINT NOT NULL DEFAULT 0, origin_server_ts BIGINT, received_ts BIGINT, sender TEXT,
            contains_url BOOLEAN, instance_name TEXT, state_key TEXT, rejection_reason TEXT);
        CREATE TABLE state_groups_state (
            state_group BIGINT NOT NULL, room_id TEXT NOT NULL, type TEXT NOT NULL, state_key TEXT NOT NULL,
            event_id TEXT NOT NULL);
        """;

    private readonly string _folder;
    private readonly string? _postgresName;

    private SmallSynapse(string kind, string folder, string? postgresName) =>
        (Kind, _folder, _postgresName) = (kind, folder, postgresName);

    /// <summary>`SQLite` or `PostgreSQL`.</summary>
    public string Kind { get; }

    /// <summary>The file of a SQLite source.</summary>
    public string File => Path.Combine(_folder, "homeserver.db");

    /// <summary>The connection string of a PostgreSQL source.</summary>
    public string ConnectionString { get; private init; } = "";

    /// <summary>Whether it is SQLite.</summary>
    public bool IsSqlite => Kind == TestDatabase.Sqlite;

    /// <summary>Makes a source.</summary>
    /// <param name="kind">A kind of <see cref="TestDatabase"/>.</param>
    /// <param name="tables">CREATE TABLE texts, in addition to schema_version, events and state_groups_state.</param>
    public static async Task<SmallSynapse> CreateAsync(string kind, params string[] tables)
    {
        SmallSynapse source;
        if (kind == TestDatabase.Sqlite)
        {
            source = new SmallSynapse(kind, Directory.CreateTempSubdirectory("matrix-synapse-").FullName, null);
        }
        else
        {
            var server = await PostgresServer.SharedAsync();
            var name = await server.TakeDatabaseAsync(isNew: true);
            var url = new Uri(server.UrlOf(name));
            source = new SmallSynapse(kind, "", name)
            {
                ConnectionString = new NpgsqlConnectionStringBuilder
                {
                    Host = url.Host,
                    Port = url.Port,
                    Username = url.UserInfo.Split(':')[0],
                    Password = url.UserInfo.Split(':')[1],
                    Database = name,
                    Pooling = false,
                }.ConnectionString,
            };
        }

        await source.ExecuteAsync(Base);
        await source.ExecuteAsync($"INSERT INTO schema_version (version) VALUES ({LatestSchema})");
        foreach (var table in tables) await source.ExecuteAsync(table);
        return source;
    }

    /// <summary>Runs statements that both kinds take.</summary>
    public async Task ExecuteAsync(string sql)
    {
        if (IsSqlite)
        {
            using var file = SqliteConnection.Open(File, busyTimeoutMs: 5_000);
            file.Execute(sql);
            return;
        }

        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        _ = await command.ExecuteNonQueryAsync();
    }

    /// <summary>
    /// Adds a row. Values are text (also for JSONB), numbers, booleans, bytes or null; a text becomes what its column
    /// is.
    /// </summary>
    public async Task InsertAsync(string table, params (string Column, object? Value)[] row)
    {
        var columns = string.Join(", ", row.Select(static cell => $"\"{cell.Column}\""));
        var places = string.Join(
            ", ", row.Select(static (_, at) => "$" + (at + 1).ToString(CultureInfo.InvariantCulture)));
        var sql = $"INSERT INTO {table} ({columns}) VALUES ({places})";
        if (IsSqlite) InsertIntoFile(sql, row);
        else await InsertIntoServerAsync(sql, row);
    }

    /// <summary>Opens it as the import does.</summary>
    public async Task<SynapseSource> OpenAsync()
    {
        ISourceDatabase database = IsSqlite
            ? SqliteSource.Open(File)
            : await PostgresSource.OpenAsync(ConnectionString, CancellationToken.None);
        return await SynapseSource.OpenAsync(database, database, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (_postgresName is not null)
        {
            await (await PostgresServer.SharedAsync()).GiveBackDatabaseAsync(_postgresName);
        }
        else
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    private void InsertIntoFile(string sql, (string Column, object? Value)[] row)
    {
        using var file = SqliteConnection.Open(File, busyTimeoutMs: 5_000);
        using var statement = file.Prepare(sql.Replace('$', '?'));
        foreach (var (column, value) in row)
        {
            _ = value switch
            {
                null => statement.IntOrNull(null),
                string text => statement.PlainText(text),
                bool flag => statement.Int(flag ? 1 : 0),
                byte[] bytes => statement.Blob(bytes),
                IConvertible number => statement.Int(number.ToInt64(CultureInfo.InvariantCulture)),
                _ => throw new ArgumentException($"{column} cannot hold {value.GetType().Name}."),
            };
        }

        while (statement.Step())
        {
        }
    }

    private async Task InsertIntoServerAsync(string sql, (string Column, object? Value)[] row)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var (_, value) in row)
        {
            // PostgreSQL finds the type of a text by its column.
            command.Parameters.Add(value is string
                ? new NpgsqlParameter { Value = value, NpgsqlDbType = NpgsqlDbType.Unknown }
                : new NpgsqlParameter { Value = value ?? DBNull.Value });
        }

        _ = await command.ExecuteNonQueryAsync();
    }
}
