using System.Globalization;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Postgres;

namespace Matrix.Host.Storage.Copying;

/// <summary>
/// Copies a database to another one, of either kind: every row as it is, so that positions, tokens and ids go on. The
/// copy is served only when it is complete. One that was interrupted goes on where it was.
/// </summary>
public static class StorageCopy
{
    private const int RowsAtOnce = 20_000;
    private const int BytesAtOnce = 8 * 1024 * 1024;

    /// <summary>Copies, compares both, and marks the copy as complete.</summary>
    /// <param name="from">The source. No server may run on it.</param>
    /// <param name="url">The target's `database.url`: without rows, or with a copy of this source that was interrupted.
    /// </param>
    /// <param name="progress">Told after each transaction.</param>
    /// <param name="stop">Interrupts it.</param>
    /// <exception cref="StorageException">A database cannot be opened, has other rows, or they differ in the end: one
    /// line for the operator.</exception>
    public static async Task<CopyReport> RunAsync(
        StorageOptions from, string url, Action<CopyProgress> progress, CancellationToken stop)
    {
        try
        {
            return await CopyAsync(Alone(from), Alone(from) with { Url = url }, progress, stop);
        }
        catch (Exception fault) when (PostgresFault.IsDatabaseFault(fault))
        {
            throw PostgresFault.Of(fault, "copying");
        }
    }

    /// <summary>A server by itself takes everything over from the nodes before.</summary>
    private static StorageOptions Alone(StorageOptions options) =>
        options with { Node = "", ServesTogether = false, StartAfter = 0 };

    private static async Task<CopyReport> CopyAsync(
        StorageOptions from, StorageOptions to, Action<CopyProgress> progress, CancellationToken stop)
    {
        // Opening a source that does not exist, or is older, would create or change it.
        await using (var seen = await StorageEngine.InspectAsync(from, stop)) seen.NeedTables();
        await using var source = await StorageEngine.OpenAsync(from, stop);
        await using var reads = await CopySide.OpenAsync(from, writes: false, stop);
        var position = await CopyTarget.NumberAsync(reads, CopiedTables.Positions, stop) ?? 0;
        var compared = await FillAsync(from, to, reads, position, progress, stop);

        // The target is closed, which wrote the position that it had. It is refused until this has ended.
        await using var writes = await CopySide.OpenAsync(to, writes: true, stop);
        var deletedRooms = await CopyTarget.NumberAsync(reads, CopiedTables.DeletedRooms, stop);
        await new CopyTarget(writes, to.Time).EndAsync(position, deletedRooms, stop);
        return new CopyReport(position, compared);
    }

    /// <summary>Copies all rows and compares them.</summary>
    private static async Task<IReadOnlyList<CopiedRows>> FillAsync(
        StorageOptions from, StorageOptions to, ICopySide reads, long position, Action<CopyProgress> progress,
        CancellationToken stop)
    {
        await using var target = await OpenTargetAsync(to, stop);
        await using var writes = await CopySide.OpenAsync(to, writes: true, stop);
        var tables = CopiedTables.Read();
        await new CopyTarget(writes, to.Time).BeginAsync(
            tables, string.Create(CultureInfo.InvariantCulture, $"{from.ServerName} at {position}"), anew: false, stop);
        long rows = 0;
        foreach (var table in tables)
        {
            rows += await CopyTableAsync(table, reads, writes, copied => Tell(table, rows + copied), stop);
        }

        await writes.AnalyzeAsync(stop);
        return await CompareAsync(tables, reads, writes, progress, stop);

        void Tell(CopiedTable table, long all) => progress(new CopyProgress(table.Name, all, IsComparing: false));
    }

    private static async Task<OpenedStorage> OpenTargetAsync(StorageOptions to, CancellationToken stop)
    {
        try
        {
            return await StorageEngine.OpenAsync(to, stop);
        }
        catch (StorageException fault)
        {
            throw new StorageException(fault.Failure, $"the target: {fault.Message}", fault);
        }
    }

    /// <summary>Copies the rows after those that the target has. Returns how many.</summary>
    private static async Task<long> CopyTableAsync(
        CopiedTable table, ICopySide reads, ICopySide writes, Action<long> copied, CancellationToken stop)
    {
        var rows = new List<Cell[]>();
        long all = 0;
        var bytes = 0;
        var after = await writes.LastKeyAsync(table, stop);
        await foreach (var row in reads.RowsAsync(table, after, stop))
        {
            rows.Add(row);
            foreach (var cell in row) bytes += cell.Length;
            if (rows.Count == RowsAtOnce || bytes >= BytesAtOnce) await WriteAsync();
        }

        if (rows.Count > 0) await WriteAsync();
        return all;

        async Task WriteAsync()
        {
            await writes.WriteAsync(table, rows, stop);
            all += rows.Count;
            copied(all);
            rows.Clear();
            bytes = 0;
        }
    }

    private static async Task<IReadOnlyList<CopiedRows>> CompareAsync(
        IReadOnlyList<CopiedTable> tables, ICopySide reads, ICopySide writes, Action<CopyProgress> progress,
        CancellationToken stop)
    {
        var compared = new List<CopiedRows>();
        long rows = 0;
        foreach (var table in tables)
        {
            // Each database is read by a thread of its own.
            var ofSource = Task.Run(() => TableDigest.OfAsync(reads, table, stop), stop);
            var ofTarget = Task.Run(() => TableDigest.OfAsync(writes, table, stop), stop);
            var (its, copy) = (await ofSource, await ofTarget);
            if (its != copy)
            {
                throw new StorageException(
                    StorageFailure.Unavailable,
                    $"The copy of the table {table.Name} is not what the source has: {copy.Rows} rows, {its.Rows} in "
                    + "the source. Empty the target, and copy again.");
            }

            rows += its.Rows;
            compared.Add(new CopiedRows(table.Name, its.Rows, its.Digest));
            progress(new CopyProgress(table.Name, rows, IsComparing: true));
        }

        return compared;
    }
}
