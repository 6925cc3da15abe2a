using System.Collections.Concurrent;
using System.Collections.Frozen;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Jobs;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Jobs;

/// <summary>
/// Carries jobs out, a bounded number at once, the oldest first. Between steps it leaves as much time to others as the
/// step took.
/// </summary>
public sealed partial class JobRunner(
    JobList jobs, IEnumerable<IJobKind> kinds, IStorageWriter writer, ShardGates gates, JobOptions options,
    TimeProvider time, ILogger<JobRunner> log) : DutyService(JobList.Duty, gates)
{
    /// <summary>A job fails when so many attempts of one step have failed.</summary>
    private const int MostAttempts = 8;

    private static readonly TimeSpan _look = TimeSpan.FromMinutes(1);

    private readonly FrozenDictionary<string, IJobKind> _kinds = kinds.ToFrozenDictionary(kind => kind.Name);
    private readonly ConcurrentDictionary<string, Task> _running = new();

    /// <summary>Runs until it is stopped, beginning with the jobs of earlier runs.</summary>
    protected override async Task WorkAsync(CancellationToken stop)
    {
        try
        {
            while (true)
            {
                var changed = jobs.Changed;
                await BeginAsync(stop);
                await changed.WaitAsync(_look, time, stop)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                stop.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            await Task.WhenAll(_running.Values).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Begins the oldest jobs that wait, as far as the bound allows.</summary>
    private async ValueTask BeginAsync(CancellationToken stop)
    {
        if (!jobs.IsEnabled) return;
        try
        {
            foreach (var job in await jobs.OpenAsync(stop))
            {
                if (_running.Count >= options.AtOnce) return;
                if (_running.ContainsKey(job.JobId)) continue;
                var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _running[job.JobId] = RunOneAsync(job, gate.Task, stop);
                gate.SetResult();
            }
        }
        catch (StorageException fault)
        {
            NotRead(fault);
        }
    }

    private async Task RunOneAsync(JobRow job, Task begin, CancellationToken stop)
    {
        // The job is in the list before it can leave it.
        await begin;
        try
        {
            await StepsAsync(job, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The next start continues.
        }
        finally
        {
            _running.TryRemove(job.JobId, out _);
            jobs.Announce();
        }
    }

    private async ValueTask StepsAsync(JobRow job, CancellationToken stop)
    {
        for (var failures = 0; jobs.IsEnabled;)
        {
            var began = time.GetTimestamp();
            try
            {
                if (!await StepAsync(job, stop)) return;
                job = await jobs.FindAsync(job.JobId, stop) ?? job with { State = JobState.Done };
                if (job.HasEnded) return;
                failures = 0;
            }
            catch (JobFailedException failed)
            {
                await EndAsync(job, JobState.Failed, failed.Message, stop);
                return;
            }
#pragma warning disable CA1031 // Whatever the fault: the step is repeated, and the job fails in the end.
            catch (Exception fault) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
            {
                StepFailed(job.Kind, job.Subject, fault);
                if (++failures >= MostAttempts)
                {
                    await EndAsync(job, JobState.Failed, $"A step failed {failures} times: {fault.Message}", stop);
                    return;
                }

                await Task.Delay(TimeSpan.FromMilliseconds(100 << failures), time, stop);
            }

            await Task.Delay(time.GetElapsedTime(began), time, stop);
        }
    }

    /// <summary>One step, and its progress. False if the job has ended.</summary>
    private async ValueTask<bool> StepAsync(JobRow job, CancellationToken stop)
    {
        if (!_kinds.TryGetValue(job.Kind, out var kind))
        {
            throw new JobFailedException($"This server has no jobs of the kind {job.Kind}.");
        }

        var step = await kind.StepAsync(job, stop);
        var batch = new WriteBatch(JobList.Duty, 2)
            .Require(new JobAdvanced(job.JobId, step.Done, step.Total, step.Progress));
        if (step.HasEnded) batch.Require(new JobEnded(job.JobId, JobState.Done, ""));
        var written = await writer.WriteAsync(batch, stop);
        return !written.Refused && !step.HasEnded;
    }

    private async ValueTask EndAsync(JobRow job, JobState state, string error, CancellationToken stop)
    {
        try
        {
            await writer.WriteAsync(new WriteBatch(JobList.Duty, 1).Add(new JobEnded(job.JobId, state, error)), stop);
        }
        catch (StorageException fault)
        {
            // It goes on at the next look.
            NotRead(fault);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A step of the job {Kind} of {Subject} failed.")]
    private partial void StepFailed(string kind, string subject, Exception fault);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The jobs cannot be read or written.")]
    private partial void NotRead(StorageException fault);
}
