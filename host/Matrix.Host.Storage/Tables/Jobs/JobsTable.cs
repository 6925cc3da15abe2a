using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Jobs;

internal sealed class JobsTable(IReads reads) : IJobsTable
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

    public static void Register(WriteHandlers handlers) => handlers
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

    public ValueTask<JobRow?> FindAsync(string jobId, CancellationToken stop) =>
        reads.FirstAsync(Find, jobId, static (a, id) => a.Text(id), Row, stop);

    public ValueTask<IReadOnlyList<JobRow>> OpenAsync(CancellationToken stop) => reads.ListAsync(Open, Row, stop);

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
