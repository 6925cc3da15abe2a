using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Jobs;

namespace Matrix.Host.Rooms.Jobs;

/// <summary>
/// The jobs: begins, lists and cancels them. <see cref="JobRunner"/> carries them out. Jobs survive a restart.
/// </summary>
public sealed class JobList(JobsTable jobsTable, IStorageWriter writer, JobOptions options, TimeProvider time)
{
    /// <summary>Who begins scheduled work.</summary>
    public const string Server = "server";

    private const int IdBytes = 12;

    private static readonly RoomFailure _unknown = new(RoomFailureKind.NotFound, "There is no such job.");

    private TaskCompletionSource _changed = NewSignal();

    /// <summary>The authority over what jobs do: each runs once at a time.</summary>
    public static Authority Duty { get; } = Authority.Duty("jobs");

    /// <summary>
    /// Whether jobs go on. While they do not, jobs wait. A restart enables them.
    /// </summary>
    public bool IsEnabled { get; private set; } = true;

    /// <summary>Completed when a job begins or ends, or jobs are enabled.</summary>
    internal Task Changed => Volatile.Read(ref _changed).Task;

    /// <summary>Begins a job.</summary>
    /// <param name="kind">Its kind.</param>
    /// <param name="subject">The room or user that it is about; empty for the whole server.</param>
    /// <param name="who">The administrator.</param>
    /// <param name="input">What is asked for, as JSON of the kind.</param>
    /// <param name="records">Records of the act, written with it.</param>
    public async ValueTask<RoomResult<JobRow>> BeginAsync(
        string kind,
        string subject,
        string who,
        ReadOnlyMemory<byte> input,
        IReadOnlyList<ConditionalChange> records,
        CancellationToken stop)
    {
        var job = new JobRow(NewId(), kind, subject, who, input);
        var batch = new WriteBatch(Authority.Nobody, 2).Require(new JobCreated(job, options.MostOpen, options.Kept));
        foreach (var record in records) batch.Require(record);
        if ((await writer.WriteAsync(batch, stop)).Refused)
        {
            var open = await jobsTable.OpenAsync(stop);
            return open.FirstOrDefault(each => each.Kind == kind && each.Subject == subject) is { } same
                ? new RoomFailure(RoomFailureKind.BadState, $"The job {same.JobId} does this already.")
                : new RoomFailure(RoomFailureKind.Busy, "Too many jobs wait.");
        }

        Announce();
        return await jobsTable.FindAsync(job.JobId, stop) ?? job;
    }

    /// <summary>A job; null if there is none, or it ended long ago.</summary>
    public ValueTask<JobRow?> FindAsync(string jobId, CancellationToken stop) => jobsTable.FindAsync(jobId, stop);

    /// <summary>The jobs that a query admits, the newest first.</summary>
    public ValueTask<IReadOnlyList<JobRow>> ListAsync(JobQuery query, int limit, CancellationToken stop) =>
        jobsTable.ListAsync(query, limit, stop);

    /// <summary>The jobs that have not ended, the oldest first.</summary>
    public ValueTask<IReadOnlyList<JobRow>> OpenAsync(CancellationToken stop) => jobsTable.OpenAsync(stop);

    /// <summary>Ends a job after its current step. What it has done stays done.</summary>
    /// <param name="jobId">The job.</param>
    /// <param name="record">The record of the act, written with it.</param>
    public async ValueTask<RoomFailure?> CancelAsync(string jobId, ConditionalChange record, CancellationToken stop)
    {
        if (await FindAsync(jobId, stop) is null) return _unknown;
        var batch = new WriteBatch(Authority.Nobody, 2)
            .Require(new JobEnded(jobId, JobState.Cancelled, ""))
            .Require(record);
        var refused = (await writer.WriteAsync(batch, stop)).Refused;
        Announce();
        return refused ? new RoomFailure(RoomFailureKind.BadState, "The job has ended.") : null;
    }

    /// <summary>Waits until a job has ended, for a bounded time. Returns the job, ended or not.</summary>
    public async ValueTask<JobRow?> WaitAsync(string jobId, CancellationToken stop)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            var changed = Changed;
            var job = await FindAsync(jobId, stop);
            var left = options.LongestWait - time.GetElapsedTime(began);
            if (job is null or { HasEnded: true } || left <= TimeSpan.Zero) return job;
            await changed.WaitAsync(left, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            stop.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Lets jobs go on, or wait after their current step.</summary>
    public void Enable(bool isEnabled)
    {
        IsEnabled = isEnabled;
        Announce();
    }

    /// <summary>Wakes those who wait for a change.</summary>
    internal void Announce() => Interlocked.Exchange(ref _changed, NewSignal()).SetResult();

    private static string NewId() =>
        Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(IdBytes));

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
