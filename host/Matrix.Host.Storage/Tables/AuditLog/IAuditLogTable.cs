using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.AuditLog;

/// <summary>
/// What administrators did, through the administration API and `mx`. A row takes some 250 bytes; its change bounds the
/// rows by age and number.
/// </summary>
public interface IAuditLogTable
{
    /// <summary>Entries with smaller ids than this, the newest first.</summary>
    ValueTask<IReadOnlyList<AuditRow>> NewestAsync(AuditQuery query, long before, int limit, CancellationToken stop);

    /// <summary>The number of entries. Reads all that the query admits.</summary>
    ValueTask<long> CountAsync(AuditQuery query, CancellationToken stop);
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
public sealed record AdminActRecorded(
    string Who, string Address, string Action, string Target, string Result, long KeptFor, long Most)
    : ConditionalChange
{
    internal override int Weight => 300 + Target.Length + Result.Length;
}
