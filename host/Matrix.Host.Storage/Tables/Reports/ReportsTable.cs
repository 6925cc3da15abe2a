using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Reports;

/// <summary>
/// What users reported to the operators. v1.19 client-server-api#reporting-content. A row takes some 150 bytes and the
/// reason; its change bounds the rows of a user, and all of them.
/// </summary>
public sealed class ReportsTable(IReads reads)
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

    internal static void Register(WriteHandlers handlers) => handlers
        .On<ContentReported>(static (op, writes) =>
        {
            writes.Run(Insert, op, static (a, op) => a
                .Now().Text(op.Reporter).Int((int)op.Content.Kind).TextOrNull(op.Content.RoomId)
                .TextOrNull(op.Content.EventId).TextOrNull(op.Content.UserId).Text(op.Content.Reason));
            writes.Run(KeepNewestOfReporter, op, static (a, op) => a.Text(op.Reporter).Int(op.MostOfReporter));
            writes.Run(KeepNewest, op, static (a, op) => a.Int(op.Most));
        })
        .OnCondition<ReportDeleted>(Delete, static (a, op) => a.Int(op.Id));

    /// <summary>Reports with smaller ids than this, the newest first.</summary>
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

/// <summary>The kind of a reported thing.</summary>
public enum ReportKind
{
    /// <summary>An event.</summary>
    Event = 1,

    /// <summary>A room.</summary>
    Room = 2,

    /// <summary>A user.</summary>
    User = 3,
}

/// <summary>A report.</summary>
/// <param name="Id">Rises with each report.</param>
/// <param name="ReceivedAt">Milliseconds since the epoch.</param>
/// <param name="Reporter">The user who reported.</param>
/// <param name="Content">What was reported.</param>
public sealed record ReportRow(long Id, long ReceivedAt, string Reporter, ReportedContent Content);

/// <summary>What a user reports.</summary>
/// <param name="RoomId">The room, or the event's room; null for a user.</param>
/// <param name="EventId">The event; null for a room and a user.</param>
/// <param name="UserId">The user, or the event's sender; null for a room.</param>
/// <param name="Reason">Empty if none was given.</param>
public sealed record ReportedContent(ReportKind Kind, string? RoomId, string? EventId, string? UserId, string Reason);

/// <summary>A report came. Beyond the bounds the oldest of the reporter are deleted, and the oldest of all.</summary>
/// <param name="MostOfReporter">The most reports of one user that are kept.</param>
/// <param name="Most">The most reports that are kept.</param>
public sealed record ContentReported(
    string Reporter, ReportedContent Content, int MostOfReporter, int Most) : Change
{
    internal override int Weight => 300 + Content.Reason.Length;
}

/// <summary>An operator deletes a report. Not applied if there is none.</summary>
public sealed record ReportDeleted(long Id) : ConditionalChange;
