using Matrix.Import.Checking;
using Matrix.Import.Runs;
using Matrix.Import.Sources;
using Matrix.Import.Stopping;

namespace Matrix.Import.Commands;

/// <summary>`mx import synapse --check`: what an import would carry, while Synapse runs. It writes nothing.</summary>
public static class CheckCommand
{
    /// <summary>Rows that an import carries in a second on a small machine, for the estimate.</summary>
    private const long RowsPerSecond = 4_000;

    /// <summary>Users who are named; more are counted.</summary>
    private const int MostUsers = 1_000;

    /// <summary>Reads what there is.</summary>
    /// <exception cref="ImportException">The configuration cannot be read.</exception>
    /// <exception cref="SourceException">Synapse's database does not answer.</exception>
    public static async Task<CheckReport> RunAsync(ImportOptions options, IImportLog log, CancellationToken stop)
    {
        var prepared = await Prepared.ReadAsync(options, log, stop);
        var carried = CarriedSettings.Of(prepared, options, log);
        await using var source = await SourceAddress.OpenAsync(prepared.Databases, stop);
        var counts = new List<CountedTable>();
        foreach (var (table, what) in CountedTable.All)
        {
            if (!source.HasTable(table)) continue;
            counts.Add(new CountedTable(what, await source.NumberAsync($"SELECT COUNT(*) FROM {table}", stop)));
        }

        var lockedOut = new List<LockedOutUser>();
        var locked = 0L;
        var check = SignInCheck.Of(prepared.Config, prepared.Settings, source);
        await foreach (var user in check.LockedOutAsync(stop))
        {
            locked++;
            if (lockedOut.Count < MostUsers) lockedOut.Add(user);
        }

        var notes = new List<string>();
        if (prepared.Config.Delegated is { } delegated)
        {
            notes.Add(
                $"Sessions and passwords are in Matrix Authentication Service ({delegated.Setting}), not in Synapse's "
                + "database: everybody has to sign in again. All else is carried.");
        }

        notes.AddRange(await SourceFaults.OfAsync(source, stop));
        notes.AddRange(carried.Notes);
        var running = await new StoppedCheck(prepared.Config.PidFile, prepared.Databases)
            .ReasonsAsync(options.Choices.Accepted, stop);
        return new CheckReport(
            $"schema {source.SchemaVersion}, {(source.Main.IsPostgres ? "PostgreSQL" : "SQLite")}",
            counts,
            TimeSpan.FromSeconds(Math.Ceiling((double)counts.Sum(static count => count.Rows) / RowsPerSecond)),
            notes,
            lockedOut,
            locked,
            running.Count > 0);
    }
}
