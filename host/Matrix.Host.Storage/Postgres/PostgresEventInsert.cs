using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Storage.Postgres;

/// <summary>An event is one row.</summary>
internal static class PostgresEventInsert
{
    private static readonly Statement Insert = Statement.Of($"""
        INSERT INTO events ({EventsTable.InsertColumns}, json) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """);

    public static WriteHandlers Register(WriteHandlers handlers) =>
        handlers.On<InsertEvent>(Insert, static (a, op) => EventsTable.BindInsert(a, op).Blob(op.Json));
}
