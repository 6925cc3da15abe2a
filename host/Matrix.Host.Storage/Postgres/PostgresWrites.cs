using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Events;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>Collects changes into one batch, sends it, and gives the results to the changes that read them.</summary>
internal sealed class PostgresWrites : IWrites, IDisposable
{
    private readonly PostgresArguments _arguments;
    private readonly List<(NpgsqlBatchCommand Command, ConditionalChange Operation)> _conditions = [];
    private readonly List<Action<IRow>> _results = [];
    private readonly NpgsqlBatch _batch = new();

    // The rows of statements that are sent with many rows at once, in the order of the first rows.
    private readonly Dictionary<Statement, PostgresRows> _rowsOf = [];
    private readonly List<PostgresRows> _rows = [];
    private long _sequence;

    public PostgresWrites()
    {
        _arguments = new PostgresArguments { Writes = this };
    }

    public long Now { get; set; }

    public long Position { get; set; }

    /// <summary>Whether some changes of the transaction were sent.</summary>
    public bool HasSent { get; private set; }

    /// <summary>Starts the changes of a transaction.</summary>
    public void Begin(long now)
    {
        Now = now;
        HasSent = false;
        _sequence = 0;
        Clear();
    }

    public long NextSequence() => ++_sequence;

    public void Run<TArgs>(Statement statement, TArgs args, Action<IArguments, TArgs> bind)
    {
        if (statement.PostgresRows is null)
        {
            _ = Add(statement, args, bind);
            return;
        }

        if (!_rowsOf.TryGetValue(statement, out var rows)) _rowsOf.Add(statement, rows = new(statement, this));
        if (rows.Count == 0) _rows.Add(rows);
        bind(rows.Next(), args);
        if (rows.IsFull) AddRows();
    }

    public void RunIf<TChange>(Statement statement, TChange change, Action<IArguments, TChange> bind)
        where TChange : ConditionalChange => _conditions.Add((Add(statement, change, bind), change));

    public void RunFor<TChange>(
        Statement statement, TChange change, Action<IArguments, TChange> bind, Func<TChange, IRow, bool> read)
        where TChange : ConditionalChange
    {
        _ = Add(statement, change, bind);
        _results.Add(row => change.Applied |= read(change, row));
    }

    /// <summary>Adds a statement whose row is read.</summary>
    public void Read<TArgs>(Statement statement, TArgs args, Action<IArguments, TArgs> bind, Action<IRow> read)
    {
        _ = Add(statement, args, bind);
        _results.Add(read);
    }

    /// <summary>Adds a statement without arguments.</summary>
    public void Run(string text)
    {
        AddRows();
        _batch.BatchCommands.Add(new NpgsqlBatchCommand(text));
    }

    /// <summary>
    /// Sends the collected statements in one round trip. When this returns, the server has executed all of them.
    /// </summary>
    public async Task SendAsync(NpgsqlConnection connection)
    {
        AddRows();
        HasSent = true;
        _batch.Connection = connection;
        await using (var reader = await _batch.ExecuteReaderAsync())
        {
            // Only statements that return rows have a result, in order.
            var next = 0;
            var row = new PostgresRow(reader);
            do
            {
                while (reader.FieldCount > 0 && await reader.ReadAsync())
                {
                    _results[next](row);
                }

                next++;
            }
            while (await reader.NextResultAsync());
        }

        foreach (var (command, change) in _conditions)
        {
            change.Applied |= command.RecordsAffected > 0;
        }

        Clear();
    }

    public void Dispose() => _batch.Dispose();

    private NpgsqlBatchCommand Add<TArgs>(Statement statement, TArgs args, Action<IArguments, TArgs> bind)
    {
        AddRows();
        var command = new NpgsqlBatchCommand(statement.Postgres);
        bind(_arguments.Of(command.Parameters), args);
        _batch.BatchCommands.Add(command);
        return command;
    }

    /// <summary>Adds the statements whose rows were collected: the next one may depend on them.</summary>
    private void AddRows()
    {
        foreach (var rows in _rows)
        {
            _batch.BatchCommands.Add(rows.Command());
            rows.Clear();
        }

        _rows.Clear();
    }

    private void Clear()
    {
        foreach (var rows in _rows) rows.Clear();
        _rows.Clear();
        _conditions.Clear();
        _results.Clear();
        _batch.BatchCommands.Clear();
    }
}

/// <summary>Stores an event as one row.</summary>
internal static class PostgresEventInsert
{
    private static readonly Statement InsertRow = Statement.OfRows($"""
        INSERT INTO events ({EventsTable.InsertColumns}, json) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """);

    public static void Insert(EventRow row, IWrites writes) =>
        writes.Run(InsertRow, row, static (a, row) => EventsTable.BindInsert(a, row).Blob(row.Json));
}
