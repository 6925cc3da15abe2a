using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Storage.Postgres;

/// <summary>An event is one row.</summary>
internal static class PostgresEventInsert
{
    private static readonly Statement InsertRow = Statement.Of($"""
        INSERT INTO events ({EventsTable.InsertColumns}, json) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """);

    public static void Insert(EventRow row, IWrites writes) =>
        writes.Run(InsertRow, row, static (a, row) => EventsTable.BindInsert(a, row).Blob(row.Json));
}
