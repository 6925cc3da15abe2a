using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.AuditLog;

/// <summary>
/// What administrators did, through the administration API and `mx`. A row takes some 250 bytes; its change bounds the
/// rows by age and number.
/// </summary>
public sealed class AuditLogTable(IReads reads)
{
    private const string Where = """
        WHERE entry_id < $1 AND (CAST($2 AS TEXT) IS NULL OR who = $2)
            AND (CAST($3 AS TEXT) IS NULL OR action = $3) AND (CAST($4 AS TEXT) IS NULL OR target = $4)
        """;

    private static readonly Statement Newest = Statement.Of($"""
        SELECT entry_id, done_at, who, address, action, target, result FROM audit_log {Where}
        ORDER BY entry_id DESC LIMIT $5
        """);

    private static readonly Statement Count = Statement.Of($"SELECT COUNT(*) FROM audit_log {Where}");

    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO audit_log (entry_id, done_at, who, address, action, target, result, number)
        VALUES ((SELECT COALESCE(MAX(entry_id), 0) + 1 FROM audit_log), $1, $2, $3, $4, $5, $6,
            (SELECT COALESCE(MAX(number), 0) + 1 FROM audit_log WHERE who = $2))
        """);

    // An administrator's numbers have no gaps, because only the oldest are deleted.
    private static readonly Statement DropMost = Statement.Of("""
        DELETE FROM audit_log WHERE who = $1 AND number <= (SELECT MAX(number) FROM audit_log WHERE who = $1) - $2
        """);

    private static readonly Statement DropOld = Statement.Of("""
        DELETE FROM audit_log WHERE done_at < $1 - $2 AND entry_id < (SELECT MAX(entry_id) FROM audit_log)
        """);

    internal static void Register(WriteHandlers handlers) => handlers
        .On<AdminActionRecorded>(static (op, writes) =>
        {
            writes.RunIf(Insert, op, static (a, op) => a
                .Now().Text(op.Who).Text(op.Address).Text(op.Action).Text(op.Target).Text(op.Result));
            writes.Run(DropMost, op, static (a, op) => a.Text(op.Who).Int(op.Most));
            writes.Run(DropOld, op, static (a, op) => a.Now().Int(op.KeptFor));
        });

    /// <summary>Entries with smaller ids than this, the newest first.</summary>
    public ValueTask<IReadOnlyList<AuditRow>> NewestAsync(
        AuditQuery query, long before, int limit, CancellationToken stop) => reads.ListAsync(
            Newest,
            (query, before, limit),
            static (a, q) => Bind(a, q.query, q.before).Int(q.limit),
            static row => new AuditRow(
                row.Int64(0), row.Int64(1), row.Text(2), row.Text(3), row.Text(4), row.Text(5), row.Text(6)),
            stop);

    /// <summary>The number of entries. Reads all that the query admits.</summary>
    public ValueTask<long> CountAsync(AuditQuery query, CancellationToken stop) => reads.FirstAsync(
        Count, query, static (a, q) => Bind(a, q, long.MaxValue), static row => row.Int64(0), stop);

    private static IArguments Bind(IArguments a, AuditQuery query, long before) =>
        a.Int(before).TextOrNull(query.Who).TextOrNull(query.Action).TextOrNull(query.Target);
}

/// <summary>Which entries are read.</summary>
/// <param name="Who">The administrator; null for all.</param>
/// <param name="Action">The action; null for all.</param>
/// <param name="Target">The target; null for all.</param>
public sealed record AuditQuery(string? Who = null, string? Action = null, string? Target = null);

/// <summary>An administrative act.</summary>
/// <param name="Id">Rises with each entry.</param>
/// <param name="DoneAt">Milliseconds since the epoch.</param>
/// <param name="Who">The administrator's user id; `mx` for the operator's commands.</param>
/// <param name="Address">The address that the request came from; empty for `mx`.</param>
/// <param name="Action">What was done, such as `user.deactivate`.</param>
/// <param name="Target">The user, room, media, server or token that it was done to; never a secret.</param>
/// <param name="Result">`done`, or why it was not done.</param>
public sealed record AuditRow(
    long Id, long DoneAt, string Who, string Address, string Action, string Target, string Result);

/// <summary>
/// An administrator did something. It always applies, so that it can be required in the batch of the act itself.
/// </summary>
/// <param name="KeptFor">Milliseconds after which entries are deleted.</param>
/// <param name="Most">The most entries of one administrator that are kept.</param>
public sealed record AdminActionRecorded(
    string Who, string Address, string Action, string Target, string Result, long KeptFor, long Most)
    : ConditionalChange
{
    internal override int Weight => 300 + Target.Length + Result.Length;
}
