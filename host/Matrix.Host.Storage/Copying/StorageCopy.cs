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
        await using var reads = await SideOfAsync(from, writes: false, stop);
        var compared = await FillAsync(from, to, reads, progress, stop);

        // The target is closed, which wrote the position that it had. It is refused until this has ended.
        await using var writes = await SideOfAsync(to, writes: true, stop);
        await writes.SyncAsync(stop);
        foreach (var sequence in CopiedTables.Sequences)
        {
            if (await NumberAsync(reads, sequence, stop) is not { } its) continue;
            await ChangeAsync(
                writes,
                $"""
                INSERT INTO sequence (one, position) VALUES ({sequence}, {its})
                ON CONFLICT (one) DO UPDATE SET position = excluded.position
                """,
                stop);
        }

        await ChangeAsync(
            writes, $"UPDATE copies SET ended_at = {to.Time.GetUtcNow().ToUnixTimeMilliseconds()}", stop);
        return new CopyReport(await PositionAsync(reads, stop), compared);
    }

    /// <summary>Copies all rows and compares them.</summary>
    private static async Task<IReadOnlyList<CopiedRows>> FillAsync(
        StorageOptions from, StorageOptions to, ICopySide reads, Action<CopyProgress> progress, CancellationToken stop)
    {
        await using var target = await OpenTargetAsync(to, stop);
        await using var writes = await SideOfAsync(to, writes: true, stop);
        var tables = CopiedTables.Read();
        await BeginAsync(tables, reads, writes, from, stop);
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

    private static async Task<ICopySide> SideOfAsync(StorageOptions options, bool writes, CancellationToken stop) =>
        StorageEngine.SqliteFileOf(options) is { } file
            ? new SqliteSide(file, options.BusyTimeoutMs, writes)
            : await PostgresSide.OpenAsync(options, stop);

    /// <summary>Marks the target as a copy that is not complete, and empties what opening it wrote.</summary>
    private static async Task BeginAsync(
        IReadOnlyList<CopiedTable> tables, ICopySide reads, ICopySide writes, StorageOptions from,
        CancellationToken stop)
    {
        var position = await PositionAsync(reads, stop);
        var its = string.Create(CultureInfo.InvariantCulture, $"{from.ServerName} at {position}");
        var begun = await writes.RunAsync("SELECT source FROM copies", stop);
        if (!begun.IsNull)
        {
            if (begun.Text != its)
            {
                throw Refused($"The target has a copy of another state ({begun.Text}), this one is {its}. Empty it.");
            }

            if (!(await writes.RunAsync("SELECT ended_at FROM copies", stop)).IsNull)
            {
                throw Refused("The target has a complete copy already.");
            }

            return;
        }

        foreach (var table in new[] { "users", "rooms", "events", "media", "imports" })
        {
            if (!(await writes.RunAsync($"SELECT 1 FROM {table} LIMIT 1", stop)).IsNull)
            {
                throw Refused($"The target is not empty: it has rows in {table}. A copy needs a database of its own.");
            }
        }

        await ChangeAsync(
            writes,
            $"""
            INSERT INTO copies (one, source, began_at, ended_at) VALUES (
                1, '{its.Replace("'", "''", StringComparison.Ordinal)}',
                {from.Time.GetUtcNow().ToUnixTimeMilliseconds()}, NULL)
            """,
            stop);
        foreach (var table in tables) await writes.RunAsync($"DELETE FROM {table.Name}", stop);
    }

    private static StorageException Refused(string why) => new(StorageFailure.Refused, why);

    private static async Task ChangeAsync(ICopySide side, FormattableString sql, CancellationToken stop) =>
        await side.RunAsync(sql.ToString(CultureInfo.InvariantCulture), stop);

    private static async Task<long> PositionAsync(ICopySide side, CancellationToken stop) =>
        await NumberAsync(side, CopiedTables.Positions, stop) ?? 0;

    private static async Task<long?> NumberAsync(ICopySide side, int sequence, CancellationToken stop)
    {
        var cell = await side.RunAsync(
            string.Create(CultureInfo.InvariantCulture, $"SELECT position FROM sequence WHERE one = {sequence}"), stop);
        return cell.IsNull ? null : long.Parse(cell.Text, CultureInfo.InvariantCulture);
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
