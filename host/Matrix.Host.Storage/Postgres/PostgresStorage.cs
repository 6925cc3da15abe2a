using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Tables;
using Matrix.Host.Storage.Writing;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>Opens a PostgreSQL database, and closes it in order.</summary>
internal static class PostgresStorage
{
    public static async ValueTask<IStorage> OpenAsync(StorageOptions options, IReadOnlyList<Migration> migrations, CancellationToken stop)
    {
        var settings = PostgresUrl.Parse(options.Url, options);
        var owner = await PostgresOwner.OpenAsync(settings, options, migrations, stop);
        var source = NpgsqlDataSource.Create(settings);
        var reads = new PostgresReads(source);
        var metrics = new WriterMetrics();
        var writer = new PostgresWriter(owner, PostgresEventInsert.Register(AllTables.Handlers(options)), options, metrics);
        return await OpenedStorage.OpenAsync(
            options,
            reads,
            writer,
            new PostgresAdmin(reads, owner.Version),
            async () =>
            {
                await writer.DisposeAsync();
                await source.DisposeAsync();
                await owner.DisposeAsync();
                metrics.Dispose();
            },
            stop);
    }
}
