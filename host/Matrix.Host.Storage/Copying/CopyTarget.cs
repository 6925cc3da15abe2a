using System.Globalization;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Copying;

/// <summary>
/// A database that gets the rows of another one. From its beginning to its end a row in `copies` says that it is not
/// complete: no server starts on it.
/// </summary>
/// <param name="side">The database, which this process has locked.</param>
/// <param name="time">The clock.</param>
internal sealed class CopyTarget(ICopySide side, TimeProvider time)
{
    /// <summary>Begins, or goes on.</summary>
    /// <param name="tables">The tables: what opening the database wrote to them is deleted.</param>
    /// <param name="source">What is copied.</param>
    /// <param name="anew">Whether what an earlier attempt wrote is deleted, too.</param>
    /// <param name="stop">Ends it.</param>
    /// <exception cref="StorageException">It has other rows, or a complete copy.</exception>
    public async Task BeginAsync(
        IReadOnlyList<CopiedTable> tables, string source, bool anew, CancellationToken stop)
    {
        var begun = await side.RunAsync("SELECT source FROM copies", stop);
        if (begun.IsNull)
        {
            await CheckEmptyAsync(stop);
            await ChangeAsync(
                $"""
                INSERT INTO copies (one, source, began_at, ended_at)
                VALUES (1, '{source.Replace("'", "''", StringComparison.Ordinal)}', {Now}, NULL)
                """,
                stop);
        }
        else
        {
            if (begun.Text != source)
            {
                throw Refused(
                    $"The target has a copy of another state ({begun.Text}), this one is {source}. Empty it.");
            }

            if (!(await side.RunAsync("SELECT ended_at FROM copies", stop)).IsNull)
            {
                throw Refused("The target has a complete copy already.");
            }

            if (!anew) return;
        }

        foreach (var table in tables) await side.RunAsync($"DELETE FROM {table.Name}", stop);
        await side.EmptyOwnTablesAsync(stop);
    }

    /// <summary>Sets the numbers where the database goes on, and ends.</summary>
    /// <param name="position">The last position.</param>
    /// <param name="deletedRooms">The greatest number of a deleted room, if one was deleted.</param>
    /// <param name="stop">Ends it before it begins.</param>
    public async Task EndAsync(long position, long? deletedRooms, CancellationToken stop)
    {
        await side.SyncAsync(stop);
        await SetAsync(CopiedTables.Positions, position);
        if (deletedRooms is { } number) await SetAsync(CopiedTables.DeletedRooms, number);
        await ChangeAsync($"UPDATE copies SET ended_at = {Now}", stop);

        Task SetAsync(int row, long number) => ChangeAsync(
            $"""
            INSERT INTO sequence (one, position) VALUES ({row}, {number})
            ON CONFLICT (one) DO UPDATE SET position = excluded.position
            """,
            stop);
    }

    /// <summary>A number of the row of `sequence`; null if there is no such row.</summary>
    public static async Task<long?> NumberAsync(ICopySide side, int row, CancellationToken stop)
    {
        var cell = await side.RunAsync(
            string.Create(CultureInfo.InvariantCulture, $"SELECT position FROM sequence WHERE one = {row}"), stop);
        return cell.IsNull ? null : long.Parse(cell.Text, CultureInfo.InvariantCulture);
    }

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    private static StorageException Refused(string why) => new(StorageFailure.Refused, why);

    private async Task CheckEmptyAsync(CancellationToken stop)
    {
        foreach (var table in new[] { "users", "rooms", "events", "media", "imports" })
        {
            if (!(await side.RunAsync($"SELECT 1 FROM {table} LIMIT 1", stop)).IsNull)
            {
                throw Refused($"The target is not empty: it has rows in {table}. A copy needs a database of its own.");
            }
        }
    }

    private async Task ChangeAsync(FormattableString sql, CancellationToken stop) =>
        await side.RunAsync(sql.ToString(CultureInfo.InvariantCulture), stop);
}
