using System.Diagnostics;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Imports;
using Matrix.Import.Sources;

namespace Matrix.Import.Runs;

/// <summary>
/// One run of the import: it begins in an empty database, or resumes in one that an earlier run with the same source
/// and choices left.
/// </summary>
internal sealed class ImportRun(ImportContext context, IImportLog log, IReadOnlyList<IImportPart> parts)
{
    /// <summary>
    /// Positions between Synapse's greatest number and the first of ours: what Synapse had handed out without a row,
    /// such as of a message to a device that was delivered, stays below.
    /// </summary>
    internal const long Slack = 1_000_000;

    /// <summary>The last position that is kept for rows of the source.</summary>
    public static long StartAfter(StreamNumbers numbers) => numbers.Greatest + Slack;

    /// <summary>Begins, or finds what an earlier run left.</summary>
    /// <exception cref="ImportException">The target is not empty, or its import is of another source.</exception>
    /// <exception cref="StorageException">The target does not answer.</exception>
    public async Task BeginAsync(StreamNumbers numbers, CancellationToken stop)
    {
        var fingerprint = Fingerprint.Of(
            context.Source, numbers, context.ServerName, context.Choices, context.Settings);
        if (await context.Target.Imports.FindAsync(stop) is { } import)
        {
            if (import.EndedAt is not null)
            {
                throw new ImportException("The import into this database has ended already: start the server.");
            }

            if (import.Fingerprint != fingerprint)
            {
                throw new ImportException(
                    "The import into this database began with another source or other choices, or Synapse has written "
                    + "since. Begin again with an empty database.");
            }

            log.Say("The import goes on where it was interrupted.");
            return;
        }

        if (await context.Target.Rooms.CountAsync(stop) > 0 || await context.Target.Accounts.AnyUserAsync(stop))
        {
            throw new ImportException("The database has rooms or users already. An import needs an empty one.");
        }

        var row = new ImportRow(
            $"synapse {context.Source.SchemaVersion}",
            fingerprint,
            StartAfter(numbers),
            context.Time.GetUtcNow().ToUnixTimeMilliseconds(),
            EndedAt: null,
            context.Choices.IsRehearsal,
            context.Choices.WithoutHistory,
            numbers.ToText());
        _ = await context.Target.Writer.WriteAsync(new WriteBatch(Authority.Nobody).Add(new ImportBegan(row)), stop);
    }

    /// <summary>Runs all parts that have not ended.</summary>
    /// <exception cref="SourceException">The source does not answer.</exception>
    /// <exception cref="StorageException">The target does not.</exception>
    public async Task RunPartsAsync(CancellationToken stop)
    {
        var reached = (await context.Target.Imports.ProgressAsync(stop)).ToDictionary(static row => row.Part);
        var estimates = new Dictionary<string, long>();
        foreach (var part in parts) estimates[part.Name] = Math.Max(1, await part.EstimateAsync(context, stop));

        var clock = Stopwatch.StartNew();
        var (doneBefore, doneNow) = (0L, 0L);
        foreach (var part in parts)
        {
            var before = reached.GetValueOrDefault(part.Name);
            if (before is { Ended: true })
            {
                doneBefore += estimates[part.Name];
                continue;
            }

            var resumedAt = PartCounts.Of(before?.Counts).AllRead;
            var progress = new PartProgress(context.Target.Writer, part.Name, before, saved => Show(part, saved));
            Show(part, progress);
            await part.RunAsync(context, progress, stop);
            await progress.EndAsync(stop);
            doneNow += Math.Max(0, estimates[part.Name] - resumedAt);
            doneBefore += Math.Min(resumedAt, estimates[part.Name]);
            log.Say($"{part.Title}: {Line(progress.Counts)}");

            void Show(IImportPart shown, PartProgress saved)
            {
                var now = doneNow + Math.Max(0, saved.Counts.AllRead - resumedAt);
                var left = estimates.Values.Sum() - doneBefore - resumedAt - now;
                log.Progress(
                    shown.Title,
                    saved.Counts.AllRead,
                    estimates[shown.Name],
                    now < 1_000 ? null : TimeSpan.FromSeconds(Math.Max(0, left) * clock.Elapsed.TotalSeconds / now));
            }
        }
    }

    /// <summary>Ends the import: the server serves the database from now on, and no run goes on with it.</summary>
    /// <exception cref="StorageException">The target does not answer.</exception>
    public async Task EndAsync(StreamNumbers numbers, CancellationToken stop)
    {
        var ended = new WriteBatch(Authority.Nobody).Add(new ImportEnded(numbers.ToText()));
        _ = await context.Target.Writer.WriteAsync(ended, stop);
    }

    private static string Line(PartCounts counts) => counts.Kinds.Count == 0
        ? "nothing"
        : string.Join(", ", counts.Kinds.Select(static kind => kind.Value.LeftOut == 0
            ? $"{kind.Value.Written} {kind.Key}"
            : $"{kind.Value.Written} {kind.Key} ({kind.Value.LeftOut} left out)"));
}
