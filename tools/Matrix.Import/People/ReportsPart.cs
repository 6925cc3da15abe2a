using System.Globalization;
using Matrix.Host.Storage.Tables.Reports;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.People;

/// <summary>What users reported to the operators, in the order in which it came.</summary>
internal sealed class ReportsPart : IImportPart
{
    private const string Kind = "reports";

    // The bounds of a new server: beyond them the oldest go.
    private const int MostOfReporter = 1_000;
    private const int Most = 100_000;

    // Columns: time, kind, id, reporter, room, event, user, reason.
    private static readonly (string Table, string Rows)[] _reports =
    [
        ("event_reports", $"""
            SELECT r.received_ts AS at, {(int)ReportKind.Event} AS kind, r.id, r.user_id AS reporter, r.room_id,
                r.event_id, e.sender AS reported, r.reason
            FROM event_reports r LEFT JOIN events e ON e.event_id = r.event_id
            """),
        ("room_reports", $"""
            SELECT received_ts AS at, {(int)ReportKind.Room} AS kind, id, user_id AS reporter, room_id,
                NULL AS event_id, NULL AS reported, reason
            FROM room_reports
            """),
        ("user_reports", $"""
            SELECT received_ts AS at, {(int)ReportKind.User} AS kind, id, user_id AS reporter, NULL AS room_id,
                NULL AS event_id, target_user_id AS reported, reason
            FROM user_reports
            """),
    ];

    /// <inheritdoc/>
    public string Name => "reports";

    /// <inheritdoc/>
    public string Title => "reports of content";

    /// <inheritdoc/>
    public IReadOnlyList<string> Tables { get; } = [.. _reports.Select(static report => report.Table)];

    /// <inheritdoc/>
    public async Task<long> EstimateAsync(ImportContext context, CancellationToken stop)
    {
        var all = 0L;
        foreach (var table in Tables.Where(context.Source.HasTable))
        {
            all += await context.Source.NumberAsync($"SELECT COUNT(*) FROM {table}", stop);
        }

        return all;
    }

    /// <inheritdoc/>
    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var tables = _reports.Where(report => context.Source.HasTable(report.Table)).ToList();
        if (tables.Count == 0) return;
        var after = RowKey.Columns(progress.Reached, 3)
            .Select(static text => long.TryParse(text, out var number) ? number : -1).ToArray();
        var all = string.Join(" UNION ALL ", tables.Select(static report => report.Rows));
        var rows = context.Source.RowsAsync(
            $"""
            SELECT at, kind, id, reporter, room_id, event_id, reported, reason FROM ({all}) reports
            WHERE (at, kind, id) > ($1, $2, $3) ORDER BY at, kind, id
            """,
            stop,
            after[0],
            after[1],
            after[2]);
        await foreach (var row in rows)
        {
            var content = new ReportedContent(
                (ReportKind)row.Int32(1), row.TextOrNull(4), row.TextOrNull(5), row.TextOrNull(6), row.Text(7));
            progress.Read(Kind);
            progress.Add(
                new ContentReported(row.Text(3), content, MostOfReporter, Most), position: 1, at: row.Int64(0));
            progress.Written(Kind);
            await progress.SaveAsync(RowKey.Of(Text(row, 0), Text(row, 1), Text(row, 2)), stop);
        }
    }

    private static string Text(ISourceRow row, int column) =>
        row.Int64(column).ToString(CultureInfo.InvariantCulture);
}
