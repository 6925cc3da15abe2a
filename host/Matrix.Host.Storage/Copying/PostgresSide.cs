using System.Globalization;
using System.Runtime.CompilerServices;
using Matrix.Host.Storage.Postgres;
using Npgsql;
using NpgsqlTypes;

namespace Matrix.Host.Storage.Copying;

/// <summary>A PostgreSQL database, that this process has locked. Rows are read and written on one connection.</summary>
internal sealed class PostgresSide : ICopySide
{
    private const string Staged = "staged_rows";

    private readonly NpgsqlConnection _connection;

    private PostgresSide(NpgsqlConnection connection) => _connection = connection;

    /// <summary>Connects.</summary>
    public static async Task<PostgresSide> OpenAsync(StorageOptions options, CancellationToken stop)
    {
        var settings = PostgresUrl.Parse(options.Url, options);
        settings.Pooling = false;
        settings.CommandTimeout = 0;
        settings.MaxAutoPrepare = 0;

        // A commit is not synced: after a loss of power the copy goes on a little further back.
        settings.Options += " -c synchronous_commit=off";
        var connection = new NpgsqlConnection(settings.ConnectionString);
        await connection.OpenAsync(stop);
        return new PostgresSide(connection);
    }

    public async IAsyncEnumerable<Cell[]> RowsAsync(
        CopiedTable table, Cell[]? after, [EnumeratorCancellation] CancellationToken stop)
    {
        var columns = string.Join(", ", table.Columns.Select(static column => column.Kind is ColumnKind.Words
            ? $"array_to_string(tsvector_to_array({column.Name}), ' ')"
            : column.Name));
        await using var command = new NpgsqlCommand(
            table.Select(columns, table.Name, '$', after is not null), _connection);
        foreach (var cell in after ?? [])
        {
            command.Parameters.Add(new NpgsqlParameter { Value = cell.Value ?? cell.Number });
        }

        await using var rows = await command.ExecuteReaderAsync(stop);
        while (await rows.ReadAsync(stop))
        {
            var row = new Cell[table.Columns.Count];
            for (var at = 0; at < row.Length; at++) row[at] = Read(rows, at, table.Columns[at].Kind);
            yield return row;
        }
    }

    public async ValueTask<Cell[]?> LastKeyAsync(CopiedTable table, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(table.SelectLastKey, _connection);
        await using var rows = await command.ExecuteReaderAsync(stop);
        return await rows.ReadAsync(stop)
            ? [.. table.Key.Select((column, at) => Read(rows, at, table.Columns[column].Kind))]
            : null;
    }

    public async ValueTask WriteAsync(CopiedTable table, IReadOnlyList<Cell[]> rows, CancellationToken stop)
    {
        if (table.Columns.All(static column => column.Kind is not ColumnKind.Words))
        {
            await ImportAsync(table.Name, table, rows, stop);
            return;
        }

        // Words come as text, and are made what the table has in the database.
        await using var transaction = await _connection.BeginTransactionAsync(stop);
        var made = string.Join(", ", table.Columns.Select(static column => column.Kind is ColumnKind.Words
            ? $"array_to_tsvector(string_to_array({column.Name}, ' '))"
            : column.Name));
        var staged = string.Join(", ", table.Columns.Select(static column => column.Kind is ColumnKind.Words
            ? $"CAST(NULL AS TEXT) AS {column.Name}"
            : column.Name));
        await ExecuteAsync(
            $"CREATE TEMPORARY TABLE {Staged} ON COMMIT DROP AS SELECT {staged} FROM {table.Name} LIMIT 0", stop);
        await ImportAsync(Staged, table, rows, stop);
        await ExecuteAsync($"INSERT INTO {table.Name} ({table.ColumnNames}) SELECT {made} FROM {Staged}", stop);
        await transaction.CommitAsync(stop);
    }

    public async ValueTask<Cell> RunAsync(string sql, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        return await command.ExecuteScalarAsync(stop) is { } value and not DBNull
            ? Cell.Of(Convert.ToString(value, CultureInfo.InvariantCulture)!)
            : Cell.Null;
    }

    public ValueTask EmptyOwnTablesAsync(CancellationToken stop) => default;

    public async ValueTask FreezeAsync(CancellationToken stop) =>
        await ExecuteAsync("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1 FROM sequence", stop);

    public async ValueTask AnalyzeAsync(CancellationToken stop) => await ExecuteAsync("ANALYZE", stop);

    public async ValueTask SyncAsync(CancellationToken stop) =>
        await ExecuteAsync("SET synchronous_commit = on", stop);

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private async Task ImportAsync(
        string into, CopiedTable table, IReadOnlyList<Cell[]> rows, CancellationToken stop)
    {
        await using var importer = await _connection.BeginBinaryImportAsync(
            $"COPY {into} ({table.ColumnNames}) FROM STDIN (FORMAT BINARY)", stop);
        foreach (var row in rows)
        {
            await importer.StartRowAsync(stop);
            for (var at = 0; at < row.Length; at++)
            {
                await (row[at].IsNull
                    ? importer.WriteNullAsync(stop)
                    : table.Columns[at].Kind switch
                    {
                        ColumnKind.Int16 => importer.WriteAsync((short)row[at].Number, NpgsqlDbType.Smallint, stop),
                        ColumnKind.Int32 => importer.WriteAsync((int)row[at].Number, NpgsqlDbType.Integer, stop),
                        ColumnKind.Int64 => importer.WriteAsync(row[at].Number, NpgsqlDbType.Bigint, stop),
                        ColumnKind.Bytes => importer.WriteAsync(row[at].Bytes, NpgsqlDbType.Bytea, stop),
                        _ => importer.WriteAsync(row[at].Text, NpgsqlDbType.Text, stop),
                    });
            }
        }

        await importer.CompleteAsync(stop);
    }

    private async Task ExecuteAsync(string sql, CancellationToken stop)
    {
        await using var command = new NpgsqlCommand(sql, _connection);
        await command.ExecuteNonQueryAsync(stop);
    }

    private static Cell Read(NpgsqlDataReader rows, int at, ColumnKind kind) => rows.IsDBNull(at)
        ? Cell.Null
        : kind switch
        {
            ColumnKind.Text or ColumnKind.Words => Cell.Of(rows.GetString(at)),
            ColumnKind.Bytes => Cell.Of(rows.GetFieldValue<byte[]>(at)),
            _ => Cell.Of(rows.GetInt64(at)),
        };
}
