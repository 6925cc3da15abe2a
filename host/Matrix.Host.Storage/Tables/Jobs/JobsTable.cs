using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Jobs;

/// <summary>
/// Jobs that go on, and those that ended last. A row takes some 500 bytes; its creation bounds the rows of both kinds.
/// </summary>
public sealed class JobsTable(IReads reads)
{
    private const string Columns =
        "job_id, kind, subject, who, input, state, created_at, changed_at, done, total, error, progress";

    private static readonly Statement Find = Statement.Of($"SELECT {Columns} FROM jobs WHERE job_id = $1");

    private static readonly Statement Open = Statement.Of(
        $"SELECT {Columns} FROM jobs WHERE state < 2 ORDER BY created_at, job_id");

    private static readonly Statement List = Statement.Of($"""
        SELECT {Columns} FROM jobs
        WHERE (CAST($1 AS TEXT) IS NULL OR kind = $1) AND (CAST($2 AS TEXT) IS NULL OR subject = $2)
        ORDER BY created_at DESC, job_id LIMIT $3
        """);

    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO jobs (
            job_id, kind, subject, who, input, state, created_at, changed_at, done, total, error, progress)
        SELECT $1, $2, $3, $4, $5, 0, $6, $6, 0, CAST($7 AS INTEGER), '', $8
        WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE state < 2 AND kind = $2 AND subject = $3)
            AND (SELECT COUNT(*) FROM jobs WHERE state < 2) < $9
        """);

    private static readonly Statement DropMost = Statement.Of("""
        DELETE FROM jobs WHERE state >= 2 AND job_id IN (
            SELECT job_id FROM jobs WHERE state >= 2 ORDER BY changed_at DESC, job_id LIMIT 1000 OFFSET $1)
        """);

    private static readonly Statement Advance = Statement.Of("""
        UPDATE jobs SET state = 1, changed_at = $2, done = $3, total = $4, progress = $5 WHERE job_id = $1 AND state < 2
        """);

    private static readonly Statement End = Statement.Of(
        "UPDATE jobs SET state = $3, changed_at = $2, error = $4 WHERE job_id = $1 AND state < 2");

    internal static void Register(WriteHandlers handlers) => handlers
        .On<JobCreated>(static (op, writes) =>
        {
            writes.RunIf(Insert, op, static (a, op) => a
                .Text(op.Job.JobId).Text(op.Job.Kind).Text(op.Job.Subject).Text(op.Job.Who).Blob(op.Job.Input)
                .Now().Int(op.Job.Total).Blob(op.Job.Progress).Int(op.MostOpen));
            writes.Run(DropMost, op, static (a, op) => a.Int(op.MostEnded));
        })
        .OnCondition<JobAdvanced>(Advance, static (a, op) => a
            .Text(op.JobId).Now().Int(op.Done).Int(op.Total).Blob(op.Progress))
        .OnCondition<JobEnded>(End, static (a, op) => a.Text(op.JobId).Now().Int((int)op.State).Text(op.Error));

    /// <summary>A job; null if there is none.</summary>
    public ValueTask<JobRow?> FindAsync(string jobId, CancellationToken stop) =>
        reads.FirstAsync(Find, jobId, static (a, id) => a.Text(id), Row, stop);

    /// <summary>The jobs that have not ended, the oldest first.</summary>
    public ValueTask<IReadOnlyList<JobRow>> OpenAsync(CancellationToken stop) => reads.ListAsync(Open, Row, stop);

    /// <summary>The jobs that a query admits, the newest first. Reads all jobs.</summary>
    public ValueTask<IReadOnlyList<JobRow>> ListAsync(JobQuery query, int limit, CancellationToken stop) =>
        reads.ListAsync(
            List,
            (query, limit),
            static (a, q) => a.TextOrNull(q.query.Kind).TextOrNull(q.query.Subject).Int(q.limit),
            Row,
            stop);

    private static JobRow Row(IRow row) => new(row.Text(0), row.Text(1), row.Text(2), row.Text(3), row.Blob(4))
    {
        State = (JobState)row.Int32(5),
        CreatedAt = row.Int64(6),
        ChangedAt = row.Int64(7),
        Done = row.Int64(8),
        Total = row.Int64(9),
        Error = row.Text(10),
        Progress = row.Blob(11),
    };
}

/// <summary>Which jobs are read.</summary>
/// <param name="Kind">The kind; null for all.</param>
/// <param name="Subject">The subject; null for all.</param>
public sealed record JobQuery(string? Kind = null, string? Subject = null);

/// <summary>Where a job is.</summary>
public enum JobState
{
    /// <summary>It waits for others to end.</summary>
    Waiting = 0,

    /// <summary>It goes on.</summary>
    Running = 1,

    /// <summary>It ended as it should.</summary>
    Done = 2,

    /// <summary>It ended because it could not go on.</summary>
    Failed = 3,

    /// <summary>An administrator ended it.</summary>
    Cancelled = 4,
}

/// <summary>A job.</summary>
/// <param name="JobId">Random, for tools.</param>
/// <param name="Kind">What is done, such as `room.delete`.</param>
/// <param name="Subject">The room or user that it is done to; empty for the whole server.</param>
/// <param name="Who">The administrator; `server` for scheduled work.</param>
/// <param name="Input">What was asked for, as JSON of the kind.</param>
public sealed record JobRow(string JobId, string Kind, string Subject, string Who, ReadOnlyMemory<byte> Input)
{
    /// <summary>Where it is.</summary>
    public JobState State { get; init; }

    /// <summary>Milliseconds since the epoch.</summary>
    public long CreatedAt { get; init; }

    /// <summary>When it last went on or ended, in milliseconds since the epoch.</summary>
    public long ChangedAt { get; init; }

    /// <summary>How much is done, in units of the kind.</summary>
    public long Done { get; init; }

    /// <summary>How much there is to do; 0 if that is unknown.</summary>
    public long Total { get; init; }

    /// <summary>Why it failed, as a sentence; empty if it did not.</summary>
    public string Error { get; init; } = "";

    /// <summary>What the job needs to continue, as JSON of the kind; empty at first.</summary>
    public ReadOnlyMemory<byte> Progress { get; init; }

    /// <summary>Whether it has ended.</summary>
    public bool HasEnded => State > JobState.Running;
}

/// <summary>
/// A job begins. Applies unless one of the same kind and subject goes on, or too many do. Drops the oldest ended ones.
/// </summary>
/// <param name="MostOpen">The most jobs that have not ended.</param>
/// <param name="MostEnded">The most ended jobs that are kept.</param>
public sealed record JobCreated(JobRow Job, int MostOpen, int MostEnded) : ConditionalChange
{
    internal override int Weight => 500 + Job.Input.Length;
}

/// <summary>A job has done a part. Applies unless it has ended.</summary>
public sealed record JobAdvanced(string JobId, long Done, long Total, ReadOnlyMemory<byte> Progress)
    : ConditionalChange
{
    internal override int Weight => 300 + Progress.Length;
}

/// <summary>A job ends. Applies unless it has ended.</summary>
/// <param name="Error">Why it failed; empty if it did not.</param>
public sealed record JobEnded(string JobId, JobState State, string Error) : ConditionalChange;
