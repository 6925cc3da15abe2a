using Matrix.Host.Storage;
using Matrix.Import.Configuration;
using Matrix.Import.Configuration.Reading;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Commands;

/// <summary>
/// What Synapse's configuration says to an import: where its databases are, and what parts need to know.
/// </summary>
internal sealed record Prepared(SynapseConfig Config, IReadOnlyList<SourceAddress> Databases, SourceSettings Settings)
{
    /// <summary>Reads the configuration.</summary>
    /// <exception cref="ImportException">It cannot be read: every reason, a line each.</exception>
    public static async Task<Prepared> ReadAsync(ImportOptions options, IImportLog log, CancellationToken stop)
    {
        var loaded = await SynapseConfig.LoadAsync(
            options.ConfigPaths,
            new SynapsePaths(options.SynapseFolder) { Moved = options.Moved },
            stop);
        foreach (var warning in loaded.Warnings) log.Say($"Configuration: {warning}");
        if (loaded.Config is not { } config)
        {
            throw new ImportException(
                "Synapse's configuration cannot be read:\n"
                + string.Join('\n', loaded.Problems.Select(static problem => $"  {problem}")));
        }

        return new Prepared(
            config,
            [.. config.Databases.Select(static database => new SourceAddress(
                database.IsPostgres ? null : database.SqliteFile,
                database.ConnectionString?.Reveal(),
                database.HasMain,
                database.HasState))],
            ConfiguredSource.Of(config));
    }

    /// <summary>The options of this server's database while the import writes it.</summary>
    public StorageOptions Target(ImportOptions options, long startAfter) => new()
    {
        Url = options.DatabaseUrl,
        DataDir = options.DataFolder,
        ServerName = Config.ServerName,
        StartAfter = startAfter,
        Time = options.Time,
        Readers = 2,
        LongestRead = TimeSpan.Zero,
        WriterCacheBytes = 64 << 20,

        // What a Synapse has collected is mostly read. Larger pages have less room left beside the JSON.
        PageSize = 4096,

        // A kill loses nothing; a loss of power may cost the last seconds, which the resumed import writes again.
        // Closing the database syncs it.
        SqliteSynchronous = "NORMAL",
    };
}
