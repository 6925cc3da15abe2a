using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.AuditLog;
using Matrix.Host.Storage.Tables.Jobs;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Host.Tests.Storage;

/// <summary>Jobs: their table and their runner.</summary>
internal sealed class JobsTests(string kind) : StorageTests(kind)
{
    private static readonly JobOptions _options = new() { AtOnce = 1, MostOpen = 3, Kept = 2 };

    [Test]
    public async Task One_job_of_a_kind_goes_on_for_a_subject()
    {
        var jobs = List();
        var first = await BeginAsync(jobs, "count", "!a:x");
        var second = await jobs.BeginAsync("count", "!a:x", "@root:x", default, [], Stop);
        Assert.That(second.Failure!.Message, Does.Contain(first.JobId));
        await BeginAsync(jobs, "count", "!b:x");
        await BeginAsync(jobs, "other", "!a:x");
        var tooMany = await jobs.BeginAsync("count", "!c:x", "@root:x", default, [], Stop);
        Assert.That(tooMany.Failure!.Message, Is.EqualTo("Too many jobs wait."));

        Assert.That(await Applies(new JobEnded(first.JobId, JobState.Done, "")), Is.True);
        Assert.That(await Applies(new JobEnded(first.JobId, JobState.Failed, "late")), Is.False);
        Assert.That(await Applies(new JobAdvanced(first.JobId, 1, 1, default)), Is.False);
        await BeginAsync(jobs, "count", "!a:x");
        var ofRoom = await jobs.ListAsync(new JobQuery("count", "!a:x"), 9, Stop);
        Assert.That(ofRoom.Select(job => job.State), Is.EquivalentTo(new[] { JobState.Waiting, JobState.Done }));
    }

    [Test]
    public async Task Only_the_latest_ended_jobs_are_kept()
    {
        var jobs = List();
        for (var i = 0; i < 5; i++)
        {
            Time.Advance(TimeSpan.FromSeconds(1));
            var job = await BeginAsync(jobs, "count", $"{i}");
            await Write(new JobEnded(job.JobId, JobState.Done, ""));
        }

        Time.Advance(TimeSpan.FromSeconds(1));
        await BeginAsync(jobs, "count", "last");
        var kept = await jobs.ListAsync(new JobQuery(), 9, Stop);
        Assert.That(kept.Select(job => job.Subject), Is.EqualTo(new[] { "last", "4", "3" }));
    }

    [Test]
    public async Task A_job_goes_on_after_a_restart_where_it_was()
    {
        var counting = new Counting(stopAfter: 3);
        var jobs = List();
        var job = await BeginAsync(jobs, "count", "!a:x");
        using (var runner = Runner(jobs, counting))
        {
            var stopped = new TaskCompletionSource<Task>(TaskCreationOptions.RunContinuationsAsynchronously);
            counting.Stopping = () => stopped.SetResult(runner.StopAsync(Stop));
            await runner.StartAsync(Stop);
            await await stopped.Task;
            Assert.That(runner.ExecuteTask!.IsCanceled);
        }

        await ReopenAsync();
        jobs = List();
        var stored = (await jobs.FindAsync(job.JobId, Stop))!;
        Assert.That((stored.State, stored.Done, stored.Total), Is.EqualTo((JobState.Running, 2L, 5L)));
        var again = new Counting(stopAfter: 99);
        await EndsAsync(jobs, again, job.JobId);
        Assert.That(again.Seen, Is.EqualTo(new long[] { 2, 3, 4 }));
        Assert.That((await jobs.FindAsync(job.JobId, Stop))!.State, Is.EqualTo(JobState.Done));
    }

    [Test]
    public async Task A_cancelled_job_does_no_further_step()
    {
        var jobs = List();
        var job = await BeginAsync(jobs, "count", "!a:x");
        var record = new AdminActionRecorded("@root:x", "", "job.cancel", job.JobId, "done", KeptFor: 1000, Most: 9);
        Assert.That(await jobs.CancelAsync(job.JobId, record, Stop), Is.Null);
        Assert.That((await jobs.CancelAsync(job.JobId, record, Stop))!.Message, Is.EqualTo("The job has ended."));
        Assert.That((await jobs.CancelAsync("none", record, Stop))!.Message, Is.EqualTo("There is no such job."));
        Assert.That(await jobs.OpenAsync(Stop), Is.Empty);
    }

    [Test]
    public async Task A_job_that_cannot_go_on_fails_with_the_reason()
    {
        var jobs = List();
        var job = await BeginAsync(jobs, "count", "!a:x");
        await EndsAsync(jobs, new Counting(stopAfter: 99) { Fails = true }, job.JobId);
        var failed = (await jobs.FindAsync(job.JobId, Stop))!;
        Assert.That((failed.State, failed.Error), Is.EqualTo((JobState.Failed, "It cannot be counted.")));

        var unknown = await BeginAsync(jobs, "other", "!a:x");
        await EndsAsync(jobs, new Counting(stopAfter: 99), unknown.JobId);
        Assert.That((await jobs.FindAsync(unknown.JobId, Stop))!.State, Is.EqualTo(JobState.Failed));
    }

    private static async Task<JobRow> BeginAsync(JobList jobs, string kind, string subject) =>
        (await jobs.BeginAsync(kind, subject, "@root:x", "{}"u8.ToArray(), [], Stop)).Value!;

    private JobList List() => new(Store.Jobs, Store.Writer, _options, TimeProvider.System);

    private JobRunner Runner(JobList jobs, IJobKind kind) =>
        new(
            jobs, [kind], Store.Writer, ShardGates.AlwaysOpen, _options, TimeProvider.System,
            NullLogger<JobRunner>.Instance);

    private async Task EndsAsync(JobList jobs, IJobKind kind, string jobId)
    {
        using var runner = Runner(jobs, kind);
        await runner.StartAsync(Stop);
        Assert.That((await jobs.WaitAsync(jobId, Stop))!.HasEnded, Is.True);
        await runner.StopAsync(Stop);
        Assert.That(runner.ExecuteTask!.IsCanceled);
    }

    /// <summary>Counts to five, one in each step.</summary>
    private sealed class Counting(int stopAfter) : IJobKind
    {
        public List<long> Seen { get; } = [];

        public Action? Stopping { get; set; }

        public bool Fails { get; init; }

        public string Name => "count";

        public ValueTask<JobStep> StepAsync(JobRow job, CancellationToken stop)
        {
            if (Fails) throw new JobFailedException("It cannot be counted.");
            if (Seen.Count == stopAfter - 1)
            {
                Stopping!();
                stop.ThrowIfCancellationRequested();
            }

            Seen.Add(job.Done);
            return new(new JobStep(job.Done + 1, 5, "{}"u8.ToArray(), job.Done == 4));
        }
    }
}
