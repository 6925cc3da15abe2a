using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>An event is stored in two tables: the JSON at the end of one, and its row, which keeps the JSON's number, among its room's.</summary>
internal static class SqliteEventInsert
{
    private static readonly Statement InsertJson = Statement.Of("INSERT INTO event_json (json) VALUES ($1)");

    private static readonly Statement InsertRow = Statement.Of($"""
        INSERT INTO events ({EventsTable.InsertColumns}, json_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, last_insert_rowid())
        """);

    public static WriteHandlers Register(WriteHandlers handlers) => handlers.On<InsertEvent>(static (op, writes) =>
    {
        writes.Run(InsertJson, op, static (a, op) => a.Blob(op.Json));
        writes.Run(InsertRow, op, static (a, op) => EventsTable.BindInsert(a, op));
    });
}
