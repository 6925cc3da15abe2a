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

    public static void Insert(EventRow row, IWrites writes)
    {
        writes.Run(InsertJson, row, static (a, row) => a.Blob(row.Json));
        writes.Run(InsertRow, row, static (a, row) => EventsTable.BindInsert(a, row));
    }
}
