using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Reports;

internal sealed class ReportsTable(IReads reads) : IReportsTable
{
    private static readonly Statement Newest = Statement.Of("""
        SELECT report_id, received_at, reporter, kind, room_id, event_id, user_id, reason FROM reports
        WHERE report_id < $1 ORDER BY report_id DESC LIMIT $2
        """);

    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO reports (report_id, received_at, reporter, kind, room_id, event_id, user_id, reason)
        VALUES ((SELECT COALESCE(MAX(report_id), 0) + 1 FROM reports), $1, $2, $3, $4, $5, $6, $7)
        """);

    private static readonly Statement KeepNewest = Statement.Of("""
        DELETE FROM reports WHERE report_id <= (
            SELECT report_id FROM reports ORDER BY report_id DESC LIMIT 1 OFFSET $1)
        """);

    private static readonly Statement KeepNewestOfReporter = Statement.Of("""
        DELETE FROM reports WHERE reporter = $1 AND report_id <= (
            SELECT report_id FROM reports WHERE reporter = $1 ORDER BY report_id DESC LIMIT 1 OFFSET $2)
        """);

    private static readonly Statement Delete = Statement.Of("DELETE FROM reports WHERE report_id = $1");

    public static void Register(WriteHandlers handlers) => handlers
        .On<ContentReported>(static (op, writes) =>
        {
            writes.Run(Insert, op, static (a, op) => a
                .Now().Text(op.Reporter).Int((int)op.Content.Kind).TextOrNull(op.Content.RoomId)
                .TextOrNull(op.Content.EventId).TextOrNull(op.Content.UserId).Text(op.Content.Reason));
            writes.Run(KeepNewestOfReporter, op, static (a, op) => a.Text(op.Reporter).Int(op.MostOfReporter));
            writes.Run(KeepNewest, op, static (a, op) => a.Int(op.Most));
        })
        .OnCondition<ReportDeleted>(Delete, static (a, op) => a.Int(op.Id));

    public ValueTask<IReadOnlyList<ReportRow>> NewestAsync(long before, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Newest,
            (before, limit),
            static (a, q) => a.Int(q.before).Int(q.limit),
            static row => new ReportRow(
                row.Int64(0),
                row.Int64(1),
                row.Text(2),
                new ReportedContent(
                    (ReportKind)row.Int64(3), row.TextOrNull(4), row.TextOrNull(5), row.TextOrNull(6), row.Text(7))),
            stop);
}
