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
        frame.Action(routes, "jobs-enable", EnableAsync);
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
            <div class="buttons">{ActionForm.Of(
                visit,
                "jobs-enable",
                jobs.IsEnabled ? "Pause all jobs" : "Let jobs go on",
                "",
                ("value", jobs.IsEnabled ? "false" : "true"))}</div>
            """))
        {
            Marks = Format.BadgeIf(!jobs.IsEnabled, "warn", "paused"),
        }.Renewed();
    }

    private static Html[] RowOf(JobRow job) =>
    [
        Html.Of($"""<a href="{JobLink.To(job.JobId)}">{job.Kind}</a><small>{job.Subject}</small>"""),
        Html.Of($"{BadgeOf(job)}<small>{ProgressOf(job)}</small>"),
        Format.Time(job.CreatedAt),
        Html.Of($"{job.Who}"),
    ];

    private static Html BadgeOf(JobRow job) => job.State switch
    {
        JobState.Waiting => Format.Badge("", "waits"),
        JobState.Running => Format.Badge("info", "goes on"),
        JobState.Done => Format.Badge("good", "done"),
        JobState.Failed => Format.Badge("bad", "failed"),
        _ => Format.Badge("warn", "cancelled"),
    };

    private static string ProgressOf(JobRow job) => job.Total > 0
        ? $"{Format.Count(job.Done)} of {Format.Count(job.Total)} parts"
        : $"{Format.Count(job.Done)} done";

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
            {Format.Fields(
                Format.Field("State", BadgeOf(job)),
                Format.Field("Progress", Html.Of($"{ProgressOf(job)} {bar}")),
                Format.Field("Room or user", SubjectOf(job)),
                Format.Field("Begun by", job.Who),
                Format.Field("Begun", Format.Time(job.CreatedAt)),
                Format.Field(job.HasEnded ? "Ended" : "Last step", Format.Time(job.ChangedAt)),
                job.Error.Length == 0 ? Html.Empty : Format.Field("Why it failed", job.Error))}
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
        _ => Format.TextOr(job.Subject, "the server"),
    };

    private async ValueTask<AdminActionResult> EnableAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var isEnabled = form.Text("value") == "true";
        await starts.EnableAsync(visit.Actor, isEnabled);
        return AdminActionResult.Done(Sections.Jobs, isEnabled ? "Jobs go on." : "Jobs wait.");
    }
}

/// <summary>Cancels a job.</summary>
internal sealed class JobCancellation(JobList jobs, JobStarts starts) : IConfirmedAction
{
    public async ValueTask<Confirmation?> AskAsync(AdminVisit visit, CancellationToken stop) =>
        await jobs.FindAsync(visit.Query("id"), stop) is not { HasEnded: false } job
            ? null
            : new Confirmation(
                Sections.Jobs,
                $"Cancel {job.Kind}?",
                Html.Of($"<p>It ends after its current step. What it has done for {job.Subject} stays done.</p>"),
                "Cancel the job",
                JobLink.To(job.JobId));

    public async ValueTask<AdminActionResult> DoAsync(AdminVisit visit, FormReader form, CancellationToken stop)
    {
        var jobId = visit.Query("id");
        var failure = await starts.CancelAsync(visit.Actor, jobId, stop);
        return AdminActionResult.Of(JobLink.To(jobId), failure?.Message, "The job is cancelled.");
    }
}
