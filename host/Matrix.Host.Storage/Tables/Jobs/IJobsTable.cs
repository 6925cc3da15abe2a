using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Jobs;

/// <summary>
/// Jobs that go on, and those that ended last. A row takes some 500 bytes; its creation bounds the rows of both kinds.
/// </summary>
public interface IJobsTable
{
    /// <summary>A job; null if there is none.</summary>
    ValueTask<JobRow?> FindAsync(string jobId, CancellationToken stop);

    /// <summary>The jobs that have not ended, the oldest first.</summary>
    ValueTask<IReadOnlyList<JobRow>> OpenAsync(CancellationToken stop);

    /// <summary>The jobs that a query admits, the newest first. Reads all jobs.</summary>
    ValueTask<IReadOnlyList<JobRow>> ListAsync(JobQuery query, int limit, CancellationToken stop);
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
