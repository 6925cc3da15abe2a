using Matrix.Host.Storage;
using Matrix.Import.Deciding;
using Matrix.Import.Runs;
using Matrix.Import.Sources;
using Matrix.Import.Verifying;

namespace Matrix.Import.Commands;

/// <summary>`mx import verify`: compares the tables of both databases, and decides events again.</summary>
public static class VerifyCommand
{
    private const string ProgressFile = "check-rules.json";

    /// <summary>Compares the databases of an import that has ended.</summary>
    /// <exception cref="ImportException">There is no import, or it has not ended.</exception>
    /// <exception cref="SourceException">Synapse's database does not answer.</exception>
    /// <exception cref="Host.Storage.Commits.StorageException">This server's database does not.</exception>
    public static async Task<VerifyReport> RunAsync(ImportOptions options, IImportLog log, CancellationToken stop)
    {
        var prepared = await Prepared.ReadAsync(options, log, stop);
        await using var source = await SourceAddress.OpenAsync(prepared.Databases, stop);
        return await RunAsync(source, prepared.Target(options, startAfter: 0), stop);
    }

    /// <summary>Decides every event again by our rules. An interrupted check goes on where it was.</summary>
    /// <param name="options">What the operator gave.</param>
    /// <param name="log">Where lines and progress go.</param>
    /// <param name="stop">Ends it; it can be resumed.</param>
    /// <exception cref="ImportException">There is no import, or it has not ended.</exception>
    /// <exception cref="Host.Storage.Commits.StorageException">This server's database does not answer.</exception>
    public static async Task<RuleCheckReport> CheckRulesAsync(
        ImportOptions options, IImportLog log, CancellationToken stop)
    {
        var prepared = await Prepared.ReadAsync(options, log, stop);
        await using var target = await OpenAsync(prepared.Target(options, startAfter: 0), stop);
        var file = Path.Combine(options.DataFolder, ProgressFile);
        var progress = RuleCheckProgress.Of(File.Exists(file) ? await File.ReadAllTextAsync(file, stop) : null);
        var began = options.Time.GetTimestamp();
        var before = progress.Versions.Values.Sum(static count => count.Decided + count.Undecidable);
        var saved = began;
        await new RuleCheck(target).RunAsync(
            progress,
            async () =>
            {
                if (options.Time.GetElapsedTime(saved) < TimeSpan.FromSeconds(2)) return;
                saved = options.Time.GetTimestamp();
                await SaveAsync();
                var done = progress.Versions.Values.Sum(static count => count.Decided + count.Undecidable);
                log.Progress("events decided again", done, done, null);
            },
            stop);
        await SaveAsync();
        var all = progress.Versions.Values.Sum(static count => count.Decided + count.Undecidable);
        return RuleCheckReport.Of(progress, all - before, options.Time.GetElapsedTime(began));

        async Task SaveAsync()
        {
            await File.WriteAllTextAsync(file + ".new", progress.ToText(), stop);
            File.Move(file + ".new", file, overwrite: true);
        }
    }

    internal static async Task<VerifyReport> RunAsync(
        SynapseSource source, StorageOptions options, CancellationToken stop)
    {
        await using var target = await OpenAsync(options, stop);
        return await new Verification(source, target).RunAsync(stop);
    }

    private static async Task<InspectedStorage> OpenAsync(StorageOptions options, CancellationToken stop)
    {
        var target = await StorageEngine.InspectAsync(options, stop);
        try
        {
            target.NeedTables();
            return await target.Imports.FindAsync(stop) switch
            {
                null => throw new ImportException("This database was not imported."),
                { EndedAt: null } => throw new ImportException("The import into this database has not ended."),
                _ => target,
            };
        }
        catch
        {
            await target.DisposeAsync();
            throw;
        }
    }
}
