using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Imports;

/// <summary>
/// What was imported from another server's database, and how far. One row for the import, one for each of its parts,
/// and one for each thing left out, about 100 bytes: as many as the source has faults.
/// </summary>
public sealed class ImportsTable(IReads reads)
{
    private static readonly Statement Begin = Statement.Of("""
        INSERT INTO imports (one, source, fingerprint, start_after, began_at, ended_at, rehearsal, without_history,
            numbers)
        VALUES (1, $1, $2, $3, $4, NULL, $5, $6, $7)
        """);

    private static readonly Statement End = Statement.Of("UPDATE imports SET ended_at = $1, numbers = $2");

    private static readonly Statement Progress = Statement.Of("""
        INSERT INTO import_progress (part, reached, ended, counts) VALUES ($1, $2, $3, $4)
        ON CONFLICT (part) DO UPDATE SET reached = excluded.reached, ended = excluded.ended, counts = excluded.counts
        """);

    private static readonly Statement LeaveOut = Statement.Of("""
        INSERT INTO import_findings (part, seq, kind, subject, reason) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (part, seq) DO NOTHING
        """);

    private static readonly Statement Select = Statement.Of("""
        SELECT source, fingerprint, start_after, began_at, ended_at, rehearsal, without_history, numbers FROM imports
        """);

    private static readonly Statement SelectProgress = Statement.Of(
        "SELECT part, reached, ended, counts FROM import_progress ORDER BY part");

    private static readonly Statement SelectFindings = Statement.Of("""
        SELECT part, seq, kind, subject, reason FROM import_findings
        WHERE part > $1 OR (part = $1 AND seq > $2) ORDER BY part, seq LIMIT $3
        """);

    internal static void Register(WriteHandlers handlers) => handlers
        .On<ImportBegan>(Begin, static (a, op) => a
            .Text(op.Import.Source).Text(op.Import.Fingerprint).Int(op.Import.StartAfter).Int(op.Import.BeganAt)
            .Int(op.Import.IsRehearsal ? 1 : 0).Int(op.Import.WithoutHistory ? 1 : 0).Text(op.Import.Numbers))
        .On<ImportProgressed>(Progress, static (a, op) => a
            .Text(op.Part).TextOrNull(op.Reached).Int(op.Ended ? 1 : 0).Text(op.Counts))
        .On<ImportLeftOut>(LeaveOut, static (a, op) => a
            .Text(op.Part).Int(op.Seq).Text(op.Kind).Text(op.Subject).Text(op.Reason))
        .On<ImportEnded>(End, static (a, op) => a.Now().Text(op.Numbers));

    /// <summary>The import that this database began with; null if there is none.</summary>
    public ValueTask<ImportRow?> FindAsync(CancellationToken stop) => reads.FirstAsync(
        Select,
        static row => (ImportRow?)new ImportRow(
            row.Text(0), row.Text(1), row.Int64(2), row.Int64(3), row.IsNull(4) ? null : row.Int64(4), row.Bool(5),
            row.Bool(6), row.Text(7)),
        stop);

    /// <summary>How far each part has come.</summary>
    public ValueTask<IReadOnlyList<ImportProgressRow>> ProgressAsync(CancellationToken stop) => reads.ListAsync(
        SelectProgress,
        static row => new ImportProgressRow(
            row.Text(0), row.IsNull(1) ? null : row.Text(1), row.Bool(2), row.Text(3)),
        stop);

    /// <summary>What was left out, a page at a time: after a part's finding.</summary>
    public ValueTask<IReadOnlyList<ImportFindingRow>> FindingsAsync(
        string part, long after, int limit, CancellationToken stop) => reads.ListAsync(
        SelectFindings,
        (part, after, limit),
        static (a, q) => a.Text(q.part).Int(q.after).Int(q.limit),
        static row => new ImportFindingRow(row.Text(0), row.Int64(1), row.Text(2), row.Text(3), row.Text(4)),
        stop);
}
