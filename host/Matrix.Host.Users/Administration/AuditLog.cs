using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AuditLog;

namespace Matrix.Host.Users.Administration;

/// <summary>Who acts as an administrator.</summary>
/// <param name="Who">The user id; `mx` for the operator's commands.</param>
/// <param name="Address">The address of the request; empty for `mx`.</param>
public sealed record AdminActor(string Who, string Address)
{
    /// <summary>The operator, through the control socket.</summary>
    public static AdminActor Operator { get; } = new("mx", "");
}

/// <summary>
/// The record of every administrative act. A record is written in the batch of its act where the act is one batch, and
/// otherwise right after it.
/// </summary>
public sealed class AuditLog(AuditLogTable auditLogTable, IStorageWriter writer, AdminOptions options)
{
    private const string Done = "done";

    /// <summary>The most characters of a target or a result.</summary>
    private const int Longest = 512;

    /// <summary>The record of an act, to be required in the act's batch: it always applies.</summary>
    /// <param name="actor">The administrator.</param>
    /// <param name="action">What is done, such as `user.deactivate`.</param>
    /// <param name="target">What it is done to. Never a secret.</param>
    public AdminActionRecorded Of(AdminActor actor, string action, string target) => Of(actor, action, target, Done);

    /// <summary>Records an act that has been done, or has failed.</summary>
    /// <param name="failure">Why it failed, as a sentence; null if it was done.</param>
    public ValueTask RecordAsync(AdminActor actor, string action, string target, string? failure = null) =>
        WriteAsync(Of(actor, action, target, failure ?? Done));

    /// <summary>Entries with smaller ids than this, the newest first.</summary>
    public ValueTask<IReadOnlyList<AuditRow>> NewestAsync(
        AuditQuery query, long before, int limit, CancellationToken stop) =>
        auditLogTable.NewestAsync(query, before, limit, stop);

    /// <summary>The number of entries.</summary>
    public ValueTask<long> CountAsync(AuditQuery query, CancellationToken stop) =>
        auditLogTable.CountAsync(query, stop);

    private AdminActionRecorded Of(AdminActor actor, string action, string target, string result) =>
        new AdminActionRecorded(
            actor.Who,
            actor.Address,
            action,
            Shortened(target),
            Shortened(result),
            (long)options.AuditKept.TotalMilliseconds,
            options.AuditEntries);

    private static string Shortened(string text) => text.Length <= Longest ? text : text[..Longest];

    // The act has been done: that its client has gone does not take it back.
    private async ValueTask WriteAsync(AdminActionRecorded record) =>
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(record), CancellationToken.None);
}
