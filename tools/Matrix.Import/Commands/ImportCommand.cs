using Matrix.Host.Storage;
using Matrix.Host.Storage.Imported;
using Matrix.Import.Checking;
using Matrix.Import.Configuration;
using Matrix.Import.Federation;
using Matrix.Import.Runs;
using Matrix.Import.Sources;
using Matrix.Import.Stopping;

namespace Matrix.Import.Commands;

/// <summary>`mx import synapse`: the whole import, or what is left of an interrupted one.</summary>
public static class ImportCommand
{
    /// <summary>Runs it. What it did is in <see cref="ImportedSummary"/>.</summary>
    /// <param name="options">What the operator gave.</param>
    /// <param name="log">Where lines and progress go.</param>
    /// <param name="stop">Ends it; it can be resumed.</param>
    /// <exception cref="ImportException">It cannot begin or go on.</exception>
    /// <exception cref="SourceException">Synapse's database does not answer.</exception>
    /// <exception cref="Host.Storage.Commits.StorageException">This server's database does not.</exception>
    public static async Task<ImportedSummary> RunAsync(ImportOptions options, IImportLog log, CancellationToken stop)
    {
        var prepared = await Prepared.ReadAsync(options, log, stop);
        var carried = CarriedSettings.Of(prepared, options, log);
        carried.NeedAccepted();
        foreach (var note in carried.Notes) log.Say($"Configuration: {note}");
        var keys = SynapseSigningKeys.Read(
            await KeyTextAsync(prepared.Config.SigningKey, stop),
            prepared.Config.OldSigningKeys,
            options.Time.GetUtcNow().ToUnixTimeMilliseconds());
        var isRehearsal = options.Choices.IsRehearsal;
        OwnFiles.MakeFolder(options.DataFolder);
        var check = new StoppedCheck(prepared.Config.PidFile, prepared.Databases);
        if (isRehearsal)
        {
            log.Say("Copying what a running Synapse has.");
        }
        else if (await check.ReasonsAsync(options.Choices.Accepted, stop) is { Count: > 0 } reasons)
        {
            throw new ImportException(
                "Synapse seems to run. Stop it first, or try with --rehearse:\n  " + string.Join("\n  ", reasons));
        }

        using var copies = isRehearsal ? SourceCopies.Of(prepared.Databases, options.DataFolder) : null;
        await using var source = await SourceAddress.OpenAsync(copies?.Databases ?? prepared.Databases, stop);
        await LostSignIns.NeedAcceptedAsync(
            SignInCheck.Of(prepared.Config, prepared.Settings, source), options.Choices, log, stop);
        var numbers = await StreamNumbers.ReadAsync(source, stop);
        if (!isRehearsal
            && await check.RisingAsync(numbers, options.Watched, options.Time, stop) is { Count: > 0 } rising)
        {
            throw new ImportException(
                $"Synapse writes to its database ({string.Join(", ", rising)} rose). Stop it first.");
        }

        using (var files = MediaOrigins.Open(prepared.Config, options, log))
        await using (var target = await StorageEngine.OpenAsync(
            prepared.Target(options, ImportRun.StartAfter(numbers)), stop))
        {
            var context = new ImportContext
            {
                Source = source,
                Target = target,
                ServerName = prepared.Config.ServerName,
                Choices = options.Choices,
                Settings = prepared.Settings,
                Files = files,
                Time = options.Time,
            };
            var run = new ImportRun(context, log, options.Parts);
            await run.BeginAsync(numbers, stop);

            // Until the end is written, the same command goes on. So what may fail comes before it.
            SynapseSigningKeys.Write(Path.Combine(options.DataFolder, "signing.key"), keys);
            await carried.WriteAsync(options.DataFolder, stop);
            if (!isRehearsal) FromOf(prepared).Write(options.DataFolder);
            await run.RunPartsAsync(stop);
            if (!isRehearsal
                && await check.RisingAsync(numbers, TimeSpan.Zero, options.Time, stop) is { Count: > 0 } late)
            {
                throw new ImportException(
                    $"Synapse wrote to its database during the import ({string.Join(", ", late)} rose). Stop it, and "
                    + "begin again with an empty database.");
            }

            await run.EndAsync(numbers, stop);
        }

        var report = await VerifyCommand.RunAsync(source, prepared.Target(options, 0), stop);
        var file = Path.Combine(options.DataFolder, "import-report.md");
        await File.WriteAllTextAsync(file, ReportText.Of(report, prepared.Config.ServerName, carried.Notes), stop);
        return new ImportedSummary(report, file, isRehearsal);
    }

    private static ImportedFrom FromOf(Prepared prepared)
    {
        var main = prepared.Databases.First(static database => database.HasMain);
        return new ImportedFrom(main.File is null, main.File ?? main.ConnectionString!);
    }

    private static async Task<string> KeyTextAsync(SigningKeySource source, CancellationToken stop)
    {
        if (source.Inline is { } inline) return inline.Reveal();
        try
        {
            return await File.ReadAllTextAsync(source.File, stop);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ImportException($"Synapse's signing key {source.File} cannot be read: {fault.Message}", fault);
        }
    }
}
