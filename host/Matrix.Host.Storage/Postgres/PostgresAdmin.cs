using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Postgres;

internal sealed class PostgresAdmin(IReads reads, string version) : IStorageAdmin
{
    private static readonly Statement Tables = Statement.Of("""
        SELECT c.relname::text, pg_total_relation_size(c.oid), GREATEST(c.reltuples, 0)::bigint FROM pg_class c
        WHERE c.relkind = 'r' AND c.relnamespace = (SELECT oid FROM pg_namespace
            WHERE nspname = current_schema()) ORDER BY 2 DESC
        """);

    private static readonly Statement Bytes = Statement.Of("SELECT pg_database_size(current_database())");

    public string Engine => $"PostgreSQL {version}";

    public ValueTask<IReadOnlyList<MigrationRow>> MigrationsAsync(CancellationToken stop) =>
        AdminStatements.MigrationsAsync(reads, stop);

    public ValueTask<long> BytesAsync(CancellationToken stop) =>
        reads.FirstAsync(Bytes, static row => row.Int64(0), stop);

    public ValueTask<IReadOnlyList<TableSize>> TableSizesAsync(CancellationToken stop) =>
        reads.ListAsync(Tables, static row => new TableSize(row.Text(0), row.Int64(1), row.Int64(2)), stop);

    public ValueTask<IReadOnlyList<RoomSize>> RoomSizesAsync(int limit, CancellationToken stop) =>
        AdminStatements.RoomSizesAsync(reads, limit, stop);

    public ValueTask BackupAsync(string to, CancellationToken stop) => throw new StorageException(
        StorageFailure.Refused,
        "Back PostgreSQL up with its own tools: pg_dump, or pg_basebackup while the server runs.");
}
