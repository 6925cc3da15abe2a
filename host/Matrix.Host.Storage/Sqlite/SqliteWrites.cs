using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>Runs each change on the writer's connection as it comes.</summary>
internal sealed class SqliteWrites(SqliteConnection connection) : IWrites
{
    private long _sequence;

    public long Now { get; set; }

    public long Position { get; set; }

    public void Begin(long now)
    {
        Now = now;
        _sequence = 0;
    }

    public long NextSequence() => ++_sequence;

    public void Run<TArgs>(Statement statement, TArgs args, Action<IArguments, TArgs> bind)
    {
        var prepared = connection.Prepare(statement);
        prepared.Writes = this;
        try
        {
            bind(prepared, args);
            while (prepared.Step())
            {
            }
        }
        finally
        {
            prepared.Reset();
        }
    }

    public void RunIf<TChange>(Statement statement, TChange change, Action<IArguments, TChange> bind)
        where TChange : ConditionalChange
    {
        Run(statement, change, bind);
        change.Applied |= connection.Changes > 0;
    }

    public void RunFor<TChange>(
        Statement statement, TChange change, Action<IArguments, TChange> bind, Func<TChange, IRow, bool> read)
        where TChange : ConditionalChange
    {
        var prepared = connection.Prepare(statement);
        prepared.Writes = this;
        try
        {
            bind(prepared, change);
            while (prepared.Step())
            {
                change.Applied |= read(change, prepared);
            }
        }
        finally
        {
            prepared.Reset();
        }
    }
}

/// <summary>
/// Stores an event in two tables: the JSON at the end of one, and a row with the JSON's number in the other, which is
/// ordered by room.
/// </summary>
internal static class SqliteEventInsert
{
    private static readonly Statement InsertJson = Statement.Of("INSERT INTO event_json (json) VALUES ($1)");

    private static readonly Statement InsertRow = Statement.Of($"""
        INSERT INTO events ({EventsTable.InsertColumns}, json_id)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, last_insert_rowid())
        """);

    public static void Insert(EventRow row, IWrites writes)
    {
        writes.Run(InsertJson, row, static (a, row) => a.Blob(row.Json));
        writes.Run(InsertRow, row, static (a, row) => EventsTable.BindInsert(a, row));
    }
}
