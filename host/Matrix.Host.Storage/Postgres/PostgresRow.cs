using Matrix.Host.Storage.Statements;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>The row that a reader stands on.</summary>
internal sealed class PostgresRow(NpgsqlDataReader reader) : IRow
{
    public bool IsNull(int column) => reader.IsDBNull(column);

    public long Int64(int column) => reader.GetInt64(column);

    public string Text(int column) => reader.GetString(column);

    public byte[] Blob(int column) => reader.GetFieldValue<byte[]>(column);

    public string EventId(int column) => EventIdCode.Decode(Blob(column));
}
