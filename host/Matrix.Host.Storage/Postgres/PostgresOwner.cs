using System.Data;
using System.Diagnostics;
using System.Globalization;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Migrations;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>The one connection that writes, with the claim of this process to write.</summary>
internal sealed class PostgresOwner : IAsyncDisposable
{
    // Another one than that of those who write.
    private const long MigrationLock = 628750;

    /// <summary>Whether a process changes the schema now: one boolean.</summary>
    internal static readonly string IsMigrating = $"""
        SELECT EXISTS (
            SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = {MigrationLock}
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
        """;

    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(50);

    private readonly string _connectionString;
    private readonly int _waitMs;
    private NpgsqlConnection _connection;

    private PostgresOwner(WriteClaim claim, string connectionString, int waitMs)
    {
        Claim = claim;
        _connectionString = connectionString;
        _waitMs = waitMs;
        _connection = new NpgsqlConnection(connectionString);
    }

    /// <summary>How this process proves that it may write.</summary>
    public WriteClaim Claim { get; }

    /// <summary>PostgreSQL's version.</summary>
    public string Version => _connection.ServerVersion;

    /// <summary>Connects, locks the database and brings its schema up to date.</summary>
    public static async Task<PostgresOwner> OpenAsync(
        NpgsqlConnectionStringBuilder settings, StorageOptions options, IReadOnlyList<Migration> migrations,
        CancellationToken stop)
    {
        var own = new NpgsqlConnectionStringBuilder(settings.ConnectionString) { Pooling = false };
        options = options with
        {
            Terms = options.Terms with
            {
                OldestSchema = Migration.OldestBeside(migrations),
                NewestSchema = migrations.Count,
            },
        };
        WriteClaim claim = options.Node.Length == 0
            ? new ExclusiveClaim()
            : new NodeClaim(options, own.ConnectionString);
        own.Options = $"{own.Options} {claim.Options}".TrimEnd();
        var owner = new PostgresOwner(claim, own.ConnectionString, options.OwnershipWaitMs);
        try
        {
            await owner.TakeAsync(stop);
            await owner.CheckServerAsync(stop);
            if (await owner.ScalarAsync("SELECT to_regclass('nodes') IS NOT NULL", stop) is true)
            {
                await owner.PinServerNameAsync(options.ServerName, stop);
                await BeginAsync();
            }

            await owner.MigrateAsync(options, migrations, stop);
            await owner.PinServerNameAsync(options.ServerName, stop);
            if (options.StartAfter > 0)
            {
                await owner.ExecuteAsync(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"UPDATE sequence SET position = GREATEST(position, {options.StartAfter}) WHERE one = 1"),
                    stop);
            }

            await BeginAsync();
            await claim.TakeShardsAsync(owner._connection, stop);
            return owner;

            Task BeginAsync() => claim.BeginAsync(
                owner._connection,
                options.Time.GetUtcNow().ToUnixTimeMilliseconds(),
                async () => _ = await owner.PendingAsync(options, migrations, stop),
                stop);
        }
        catch (Exception fault) when (PostgresFault.IsDatabaseFault(fault))
        {
            await owner.DisposeAsync();
            throw PostgresFault.Of(fault, "opening");
        }
        catch
        {
            await owner.DisposeAsync();
            throw;
        }
    }

    /// <summary>The connection; a lost one is made again.</summary>
    public async Task<NpgsqlConnection> ConnectionAsync()
    {
        if (_connection.State != ConnectionState.Open)
        {
            await ReconnectAsync();
        }

        return _connection;
    }

    /// <summary>Reconnects, and looks what became of the claim. An open connection has always looked.</summary>
    public async Task ReconnectAsync()
    {
        await _connection.DisposeAsync();
        _connection = new NpgsqlConnection(_connectionString);
        try
        {
            await TakeAsync(CancellationToken.None);
            await Claim.LookAsync(_connection, CancellationToken.None);
        }
        catch
        {
            await CloseAsync();
            throw;
        }
    }

    /// <summary>Looks what became of the claim.</summary>
    public async Task LookAsync()
    {
        if (_connection.State != ConnectionState.Open)
        {
            await ReconnectAsync();
            return;
        }

        try
        {
            await Claim.LookAsync(_connection, CancellationToken.None);
        }
        catch
        {
            await CloseAsync();
            throw;
        }
    }

    /// <summary>Closes the connection: the next use makes it again.</summary>
    public Task CloseAsync() => _connection.CloseAsync();

    /// <summary>Ends a transaction that an error left open.</summary>
    public async Task AbandonTransactionAsync()
    {
        // The driver closes a connection itself after an error of a server that lacks something, such as room on its
        // disk. The server rolls back then, and the next flush connects again.
        if (_connection.State != ConnectionState.Open) return;
        try
        {
            await ExecuteAsync("ROLLBACK", CancellationToken.None);
        }
        catch (Exception fault) when (PostgresFault.IsDatabaseFault(fault))
        {
            // The connection is lost too. Once it is closed, the server rolls back, and the next flush connects again.
            await _connection.CloseAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_connection.State == ConnectionState.Open)
        {
            try
            {
                // Unlock explicitly: the server notices a closed connection a little later, and the next process may
                // already be starting.
                await Claim.EndAsync(_connection);
                await ExecuteAsync(Claim.Unlock, CancellationToken.None);
            }
            catch (Exception fault) when (PostgresFault.IsDatabaseFault(fault))
            {
                // Then the server notices by itself.
                await _connection.CloseAsync();
            }
        }

        await _connection.DisposeAsync();
        Claim.Dispose();
    }

    private async Task TakeAsync(CancellationToken stop)
    {
        await _connection.OpenAsync(stop);
        var started = Stopwatch.GetTimestamp();
        while (await ScalarAsync(Claim.TryLock, stop) is not true)
        {
            if (Stopwatch.GetElapsedTime(started).TotalMilliseconds >= _waitMs)
            {
                var nodes = await NodesAsync(stop);
                await _connection.CloseAsync();
                throw new StorageException(
                    StorageFailure.Refused,
                    $"The database {_connection.Database} is in use by another process{nodes}.");
            }

            await Task.Delay(AskAgain, stop);
        }
    }

    /// <summary>The nodes that are not fenced, for the message to a server by itself.</summary>
    private async Task<string> NodesAsync(CancellationToken stop)
    {
        if (await ScalarAsync("SELECT to_regclass('nodes') IS NOT NULL", stop) is not true) return "";
        var names = await ScalarAsync("SELECT string_agg(node, ', ' ORDER BY node) FROM nodes WHERE alive = 1", stop);
        return names is string { Length: > 0 } ? $", perhaps by these nodes: {names}" : "";
    }

    private async Task CheckServerAsync(CancellationToken stop)
    {
        if (await ScalarAsync("SHOW synchronous_commit", stop) is "local"
            && await ScalarAsync("SHOW synchronous_standby_names", stop) is string { Length: > 0 })
        {
            throw new StorageException(
                StorageFailure.Refused,
                "PostgreSQL has synchronous_standby_names, but synchronous_commit = local, which does not wait for "
                + "them: if it fails over, acknowledged events are lost. Set it to on.");
        }

        foreach (var setting in new[] { "synchronous_commit", "fsync" })
        {
            if (await ScalarAsync($"SHOW {setting}", stop) is "off")
            {
                throw new StorageException(
                    StorageFailure.Refused,
                    $"PostgreSQL has {setting} = off, which loses acknowledged events in a power failure. Turn it on.");
            }
        }

        if (await ScalarAsync("SHOW server_encoding", stop) is not "UTF8")
        {
            throw new StorageException(StorageFailure.Refused, "The PostgreSQL database must have the encoding UTF8.");
        }
    }

    private async Task MigrateAsync(StorageOptions options, IReadOnlyList<Migration> known, CancellationToken stop)
    {
        await ExecuteAsync("SET client_min_messages = warning", stop);
        if (await ScalarAsync("SELECT to_regclass('migrations') IS NOT NULL", stop) is not true)
        {
            await using var transaction = await _connection.BeginTransactionAsync(stop);
            await ExecuteAsync($"SELECT pg_advisory_xact_lock({MigrationLock})", stop);
            await ExecuteAsync(Migration.CreateRecord, stop);
            await transaction.CommitAsync(stop);
        }

        foreach (var migration in await PendingAsync(options, known, stop))
        {
            await using var transaction = await _connection.BeginTransactionAsync(stop);
            await ExecuteAsync($"SELECT pg_advisory_xact_lock({MigrationLock})", stop);

            // Another process may have made it meanwhile.
            if (await AppliedAsync(stop) >= migration.Number) continue;

            // Other nodes may flush: in turn with them, as every transaction that writes, so that no two wait for each
            // other's tables.
            if (migration.Expands) await ExecuteAsync("SELECT 1 FROM sequence WHERE one = 1 FOR UPDATE", stop);
            await ExecuteAsync(migration.ForPostgres, stop);
            await using var record = new NpgsqlCommand(
                "INSERT INTO migrations (number, name, applied_at) VALUES ($1, $2, $3)", _connection)
            {
                Parameters =
                {
                    new NpgsqlParameter { Value = migration.Number },
                    new NpgsqlParameter { Value = migration.Name },
                    new NpgsqlParameter { Value = options.Time.GetUtcNow().ToUnixTimeMilliseconds() },
                },
            };
            await record.ExecuteNonQueryAsync(stop);
            if (migration.Expands)
            {
                await ExecuteAsync($"UPDATE migrations SET expands = 1 WHERE number = {migration.Number}", stop);
            }

            await transaction.CommitAsync(stop);
        }
    }

    /// <summary>The migrations that the database needs.</summary>
    /// <exception cref="StorageException">The database is newer, and this server cannot serve with it.</exception>
    private async Task<IEnumerable<Migration>> PendingAsync(
        StorageOptions options, IReadOnlyList<Migration> known, CancellationToken stop)
    {
        var applied = await AppliedAsync(stop);

        // Beside nodes of a newer version.
        var expands = applied > known.Count && options.ServesTogether && await ScalarAsync(
            $"SELECT NOT EXISTS (SELECT 1 FROM migrations WHERE number > {known.Count} AND expands = 0)", stop) is true;
        return Migration.Pending(known, applied, expands);
    }

    /// <summary>How many migrations the database has.</summary>
    private async Task<int> AppliedAsync(CancellationToken stop) => Convert.ToInt32(
        await ScalarAsync("SELECT COUNT(*) FROM migrations", stop), CultureInfo.InvariantCulture);

    private async Task PinServerNameAsync(string serverName, CancellationToken stop)
    {
        await using var insert = new NpgsqlCommand(
            "INSERT INTO identity (one, server_name) VALUES (1, $1) ON CONFLICT (one) DO NOTHING", _connection)
        {
            Parameters = { new NpgsqlParameter { Value = serverName } },
        };
        await insert.ExecuteNonQueryAsync(stop);
        if (await ScalarAsync("SELECT server_name FROM identity", stop) is string theirs && theirs != serverName)
        {
            throw Migration.ForeignServer(theirs, serverName);
        }
    }

    private async Task<object?> ScalarAsync(string sql, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        return await command.ExecuteScalarAsync(stop);
    }

    private async Task ExecuteAsync(string sql, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        await command.ExecuteNonQueryAsync(stop);
    }
}
