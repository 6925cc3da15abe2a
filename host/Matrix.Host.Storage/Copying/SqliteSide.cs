using System.Runtime.CompilerServices;
using System.Text;
using Matrix.Host.Storage.Sqlite;

namespace Matrix.Host.Storage.Copying;

/// <summary>A SQLite database, that this process has locked.</summary>
internal sealed class SqliteSide : ICopySide
{
    private const int CacheKilobytes = 128 * 1024;

    private readonly SqliteConnection _connection;

    /// <param name="file">The database's path.</param>
    /// <param name="busyTimeoutMs">The longest wait for a lock.</param>
    /// <param name="writes">Whether rows are written to it.</param>
    public SqliteSide(string file, int busyTimeoutMs, bool writes)
    {
        _connection = writes
            ? SqliteConnection.Open(file, busyTimeoutMs)
            : SqliteConnection.OpenReadOnly(file, busyTimeoutMs);
        _connection.Execute($"PRAGMA cache_size = -{CacheKilobytes}; PRAGMA temp_store = MEMORY;");

        // A commit is not synced, a checkpoint is: after a loss of power the copy goes on a little further back.
        if (writes) _connection.Execute("PRAGMA synchronous = NORMAL;");
    }

    public async IAsyncEnumerable<Cell[]> RowsAsync(
        CopiedTable table, Cell[]? after, [EnumeratorCancellation] CancellationToken stop)
    {
        await Task.CompletedTask;
        var from = table.IsEvents ? "events JOIN event_json USING (json_id)" : table.Name;
        using var statement = _connection.Prepare(table.Select(table.ColumnNames, from, '?', after is not null));
        for (var at = 0; at < (after?.Length ?? 0); at++)
        {
            Bind(statement, table.Columns[table.Key[at]].Kind, after![at]);
        }

        while (statement.Step())
        {
            stop.ThrowIfCancellationRequested();
            var row = new Cell[table.Columns.Count];
            for (var at = 0; at < row.Length; at++) row[at] = Read(statement, at, table.Columns[at].Kind);
            yield return row;
        }
    }

    public ValueTask<Cell[]?> LastKeyAsync(CopiedTable table, CancellationToken stop)
    {
        using var statement = _connection.Prepare(table.SelectLastKey);
        if (!statement.Step()) return new((Cell[]?)null);
        return new([.. table.Key.Select((column, at) => Read(statement, at, table.Columns[column].Kind))]);
    }

    public ValueTask WriteAsync(CopiedTable table, IReadOnlyList<Cell[]> rows, CancellationToken stop)
    {
        _connection.Execute("BEGIN IMMEDIATE");
        try
        {
            // The JSON of an event is a row of its own, which comes before it.
            var own = table.IsEvents ? [.. table.Columns.SkipLast(1)] : table.Columns;
            var names = string.Join(", ", own.Select(static column => column.Name));
            var marks = string.Join(", ", own.Select(static (_, at) => $"?{at + 1}"));
            using var insertJson = _connection.Prepare("INSERT INTO event_json (json) VALUES (?1)");
            using var insert = _connection.Prepare(table.IsEvents
                ? $"INSERT INTO events ({names}, json_id) VALUES ({marks}, last_insert_rowid())"
                : $"INSERT INTO {table.Name} ({names}) VALUES ({marks})");
            foreach (var row in rows)
            {
                if (table.IsEvents) Run(insertJson, [table.Columns[^1]], row.AsSpan(row.Length - 1));
                Run(insert, own, row);
            }

            _connection.Execute("COMMIT");
        }
        catch
        {
            if (_connection.InTransaction) _connection.Execute("ROLLBACK");
            throw;
        }

        _ = _connection.Checkpoint();
        return default;
    }

    public ValueTask<Cell> RunAsync(string sql, CancellationToken stop)
    {
        using var statement = _connection.Prepare(sql);
        return new(statement.Step() && !statement.IsNull(0) ? Cell.Of(statement.Text(0)) : Cell.Null);
    }

    public ValueTask EmptyOwnTablesAsync(CancellationToken stop)
    {
        _connection.Execute("DELETE FROM event_json");
        return default;
    }

    public ValueTask FreezeAsync(CancellationToken stop)
    {
        // The first read of a transaction chooses its state.
        _connection.Execute("BEGIN; SELECT 1 FROM sequence;");
        return default;
    }

    public ValueTask AnalyzeAsync(CancellationToken stop) => default;

    public ValueTask SyncAsync(CancellationToken stop)
    {
        // A checkpoint syncs the log first.
        _connection.Execute("PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE);");
        return default;
    }

    public ValueTask DisposeAsync()
    {
        _connection.Dispose();
        return default;
    }

    private static void Run(SqliteStatement statement, IReadOnlyList<CopiedColumn> columns, ReadOnlySpan<Cell> row)
    {
        for (var at = 0; at < columns.Count; at++) Bind(statement, columns[at].Kind, row[at]);
        while (statement.Step())
        {
        }

        statement.Reset();
    }

    private static void Bind(SqliteStatement statement, ColumnKind kind, Cell cell)
    {
        if (cell.IsNull) _ = statement.IntOrNull(null);
        else if (kind is ColumnKind.Text or ColumnKind.Words) _ = statement.PlainText(cell.Text);
        else if (kind is ColumnKind.Bytes) _ = statement.Blob(cell.Bytes);
        else _ = statement.Int(cell.Number);
    }

    private static Cell Read(SqliteStatement statement, int at, ColumnKind kind) => statement.IsNull(at)
        ? Cell.Null
        : kind switch
        {
            ColumnKind.Text or ColumnKind.Words => Cell.Of(Encoding.UTF8.GetString(statement.Blob(at))),
            ColumnKind.Bytes => Cell.Of(statement.Blob(at)),
            _ => Cell.Of(statement.Int64(at)),
        };
}
