using Matrix.Host.Api.Admin.Server;
using Matrix.Host.Api.AdminPages.Frame;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Storage.Tables.Jobs;

namespace Matrix.Host.Api.AdminPages.Jobs;

/// <summary>Jobs with their progress: deletions, purges, redactions. They can be paused and cancelled.</summary>
internal sealed class JobPages(AdminFrame frame, JobList jobs, JobStarts starts) : IEndpoints
{
    private static readonly Column[] _columns =
    [
        new("Job"),
        new("State"),
        new("Begun") { IsOptional = true },
        new("By") { IsOptional = true },
    ];

    public void Map(ClientRoutes routes)
    {
        frame.Page(routes, Sections.Jobs, ListAsync);
        frame.Page(routes, JobLink.Page, ShowAsync);
        frame.Act(routes, "jobs-enable", EnableAsync);
        frame.Confirmed(routes, "job-cancel", new JobCancellation(jobs, starts));
    }

    private async ValueTask<AdminView> ListAsync(AdminVisit visit, CancellationToken stop)
    {
        var list = new ListState(Sections.Jobs, visit, "", "q", "kind");
        var all = await jobs.ListAsync(new JobQuery(), int.MaxValue, stop);
        JobRow[] found =
        [
            .. all.Where(job => (list["kind"] switch
                {
                    "open" => !job.HasEnded,
                    "failed" => job.State == JobState.Failed,
                    _ => true,
                })
                && (list["q"] is not { } part
                    || job.Kind.Contains(part, StringComparison.OrdinalIgnoreCase)
                    || job.Subject.Contains(part, StringComparison.OrdinalIgnoreCase))),
        ];
        list.Total = found.Length;
        var page = found.Skip((int)list.From).Take(ListState.PageSize).Select(RowOf);
        return new AdminView(Sections.Jobs, "Jobs", Html.Of($"""
            {list.FormOf(Html.Of($"""
                {list.TextField("q", "Kind, room or user")}
                {list.Choice("kind", "Jobs", ("", "all"), ("open", "that go on"), ("failed", "that failed"))}
                """))}
            {Live.Part(DataTable.Of("Jobs, the newest first", _columns, [.. page], "No jobs.", list))}
            <h2>All jobs</h2>
            <p class="note">Paused jobs wait after their current step. A restart lets them go on.</p>
            <div class="buttons">{ActForm.Of(
                visit,
                "jobs-enable",
                jobs.IsEnabled ? "Pause all jobs" : "Let jobs go on",
                "",
                ("value", jobs.IsEnabled ? "false" : "true"))}</div>
            """))
        {
            Marks = Shown.BadgeIf(!jobs.IsEnabled, "warn", "paused"),
        }.Renewed();
    }

    private static Html[] RowOf(JobRow job) =>
    [
        Html.Of($"""<a href="{JobLink.To(job.JobId)}">{job.Kind}</a><small>{job.Subject}</small>"""),
        Html.Of($"{BadgeOf(job)}<small>{ProgressOf(job)}</small>"),
        Shown.Time(job.CreatedAt),
        Html.Of($"{job.Who}"),
    ];

    private static Html BadgeOf(JobRow job) => job.State switch
    {
        JobState.Waiting => Shown.Badge("", "waits"),
        JobState.Running => Shown.Badge("info", "goes on"),
        JobState.Done => Shown.Badge("good", "done"),
        JobState.Failed => Shown.Badge("bad", "failed"),
        _ => Shown.Badge("warn", "cancelled"),
    };

    private static string ProgressOf(JobRow job) => job.Total > 0
        ? $"{Shown.Count(job.Done)} of {Shown.Count(job.Total)} parts"
        : $"{Shown.Count(job.Done)} done";

    private async ValueTask<AdminView> ShowAsync(AdminVisit visit, CancellationToken stop)
    {
        if (await jobs.FindAsync(visit.Query("id"), stop) is not { } job)
        {
            return AdminView.Nothing(Sections.Jobs, "There is no such job, or it ended long ago.") with
            {
                Above = ("Jobs", Sections.Jobs),
            };
        }

        var bar = job.HasEnded || job.Total == 0
            ? Html.Empty
            : Html.Of($"""<progress value="{job.Done}" max="{job.Total}">{ProgressOf(job)}</progress>""");
        var cancel = job.HasEnded
            ? Html.Empty
            : Html.Of($"""
                <div class="buttons">
                <a class="button danger" href="{Link.To("job-cancel", ("id", job.JobId))}">Cancel the job</a></div>
                """);
        return new AdminView(Sections.Jobs, job.Kind, Live.Part(Html.Of($"""
            {Shown.Facts(
                Shown.Fact("State", BadgeOf(job)),
                Shown.Fact("Progress", Html.Of($"{ProgressOf(job)} {bar}")),
                Shown.Fact("Room or user", SubjectOf(job)),
                Shown.Fact("Begun by", job.Who),
                Shown.Fact("Begun", Shown.Time(job.CreatedAt)),
                Shown.Fact(job.HasEnded ? "Ended" : "Last step", Shown.Time(job.ChangedAt)),
                job.Error.Length == 0 ? Html.Empty : Shown.Fact("Why it failed", job.Error))}
            {cancel}
            """)))
        {
            Above = ("Jobs", Sections.Jobs),
        }.Renewed();
    }

    private static Html SubjectOf(JobRow job) => job.Subject switch
    {
        ['!', ..] => Html.Of($"""<a href="{RoomLink.To(job.Subject)}">{job.Subject}</a>"""),
        ['@', ..] => Html.Of($"""<a href="{Link.To("user", ("id", job.Subject))}">{job.Subject}</a>"""),
        _ => Shown.TextOr(job.Subject, "the server"),
    };

    private async ValueTask<ActResult> EnableAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var isEnabled = form.Text("value") == "true";
        await starts.EnableAsync(visit.Actor, isEnabled);
        return ActResult.Done(Sections.Jobs, isEnabled ? "Jobs go on." : "Jobs wait.");
    }
}

/// <summary>Cancels a job.</summary>
internal sealed class JobCancellation(JobList jobs, JobStarts starts) : IConfirmedAct
{
    public async ValueTask<Question?> AskAsync(AdminVisit visit, CancellationToken stop) =>
        await jobs.FindAsync(visit.Query("id"), stop) is not { HasEnded: false } job
            ? null
            : new Question(
                Sections.Jobs,
                $"Cancel {job.Kind}?",
                Html.Of($"<p>It ends after its current step. What it has done for {job.Subject} stays done.</p>"),
                "Cancel the job",
                JobLink.To(job.JobId));

    public async ValueTask<ActResult> DoAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var jobId = visit.Query("id");
        var failure = await starts.CancelAsync(visit.Actor, jobId, stop);
        return ActResult.Of(JobLink.To(jobId), failure?.Message, "The job is cancelled.");
    }
}
