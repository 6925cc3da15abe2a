using System.Globalization;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Formats;
using Matrix.Host.Storage.Migrations;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables;
using Matrix.Host.Storage.Tables.Shards;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>Opens and closes a PostgreSQL database.</summary>
internal static class PostgresStorage
{
    public static async ValueTask<OpenedStorage> OpenAsync(
        StorageOptions options, IReadOnlyList<Migration> migrations, CancellationToken stop)
    {
        var settings = PostgresUrl.Parse(options.Url, options);
        var owner = await PostgresOwner.OpenAsync(settings, options, migrations, stop);
        var source = SourceOf(settings, options);
        var reads = new PostgresReads(source);
        var metrics = new WriterMetrics();
        var handlers = StorageTables.Handlers(new(PostgresEventInsert.Insert, PostgresKeyClaims.Claim));
        var direct = new Publication(metrics);
        var format = new FlushFormat(SharedChanges.Formats);
        var chain = owner.Claim is NodeClaim claim
            ? new FlushChain(
                direct, new PostgresFlushRows(source, claim), Read, options.MaxQueuedBatches,
                options.ServesTogether ? options.LooksForFlushes : null)
            : null;
        var writer = new PostgresWriter(owner, handlers, options, metrics, chain ?? (IPublication)direct);
        return await OpenedStorage.OpenAsync(
            options,
            reads,
            writer,
            new PostgresAdmin(reads, owner.Version),
            ShardsOf(owner.Claim, options, writer, chain),
            writer.Lost,
            async () =>
            {
                await writer.DisposeAsync();
                await source.DisposeAsync();
                await owner.DisposeAsync();
                metrics.Dispose();
            },
            stop,
            chain is not null && options.ServesTogether ? new NodeLink(chain, source) : null);

        // A row without bytes is one of positions that nothing was written at.
        List<WriteBatch>? Read(ReadOnlyMemory<byte> changes) =>
            changes.IsEmpty ? [] : format.TryRead(changes, out var read, out _) ? read : null;
    }

    private static NodeShards ShardsOf(
        WriteClaim claim, StorageOptions options, IStorageWriter writer, FlushChain? chain)
    {
        if (claim is not NodeClaim node || chain is null)
        {
            return new NodeShards(ShardOwner.Nobody, ShardGates.AlwaysOpen, writer);
        }

        var shards = new NodeShards(node.Self, ShardGates.Closed(), writer)
        {
            Owns = node.Owns,
            OnOwned = node.Own,
            IsGiving = node.IsGiving,
            LevelAsync = chain.LevelAsync,
        };
        if (!options.ServesTogether) shards.Gates.Open(ShardGates.All);
        return shards;
    }

    /// <summary>The pool of reading connections, each query bounded in time.</summary>
    internal static NpgsqlDataSource SourceOf(NpgsqlConnectionStringBuilder settings, StorageOptions options)
    {
        if (options.LongestRead <= TimeSpan.Zero) return NpgsqlDataSource.Create(settings);

        // The server cancels a query that takes too long. The client gives up a while later, in case the server does
        // not answer at all.
        return NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(settings.ConnectionString)
        {
            Options = string.Create(
                CultureInfo.InvariantCulture,
                $"{settings.Options} -c statement_timeout={(long)options.LongestRead.TotalMilliseconds}"),
            CommandTimeout = (int)Math.Ceiling(options.LongestRead.TotalSeconds) + 10,
        });
    }

    /// <summary>Opens the database for reading only, whether or not another process owns it.</summary>
    public static async ValueTask<InspectedStorage> InspectAsync(StorageOptions options, CancellationToken stop)
    {
        var settings = PostgresUrl.Parse(options.Url, options);
        settings.ApplicationName = "mx";
        settings.Options = "-c default_transaction_read_only=on";
        var source = NpgsqlDataSource.Create(settings);
        try
        {
            string version;
            await using (var connection = await source.OpenConnectionAsync(stop))
            {
                version = connection.ServerVersion;
            }

            var reads = new PostgresReads(source);
            return await InspectedStorage.OfAsync(
                reads, options, new PostgresAdmin(reads, version), source.DisposeAsync, stop);
        }
        catch (Exception fault) when (PostgresFault.IsDatabaseFault(fault))
        {
            await source.DisposeAsync();
            throw PostgresFault.Of(fault, "opening");
        }
    }
}
