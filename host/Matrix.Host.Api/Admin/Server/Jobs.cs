using System.Text.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Storage.Tables.Jobs;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.Server;

/// <summary>
/// Jobs. `jobs` is an endpoint of this server; tools know jobs as `scheduled_tasks`, and those that go on as
/// `background_updates`.
/// </summary>
internal sealed class Jobs(JobList jobs, JobStarts starts, AdminOptions options) : IEndpoints
{
    private static readonly Answer _unknown = Answer.NotFound("There is no such job.");

    private sealed record Asked(JobQuery Query, JobState[] States, long Before, int Limit);

    public void Map(ClientRoutes routes)
    {
        var admin = routes.Admin(1);
        admin.Of(RouteOwner.Nobody).Get("jobs", query => Read(query, "kind", "subject", "status"), ListAsync);
        admin.Of(RouteOwner.Nobody).Get("jobs/{jobId}", GetAsync);
        admin.Of(RouteOwner.Nobody).Get(
            "scheduled_tasks", query => Read(query, "action_name", "resource_id", "job_status"), TasksAsync);

        // Whether jobs run is not stored: the node that runs them knows it.
        var runner = admin.Of(RouteOwner.Duty(JobList.Duty));
        runner.Delete("jobs/{jobId}", CancelAsync);
        runner.Get("background_updates/status", StatusAsync);
        runner.Get("background_updates/enabled", (_, _) => ValueTask.FromResult(Enabled()));
        runner.Post("background_updates/enabled", static body => body.RequiredFlag("enabled"), EnableAsync);
    }

    private Asked Read(QueryReader query, string kind, string subject, string status)
    {
        JobState[] states = query.OneOf(status, "scheduled", "active", "complete", "failed", "cancelled") switch
        {
            "scheduled" => [JobState.Waiting],
            "active" => [JobState.Running],
            "complete" => [JobState.Done],
            "failed" => [JobState.Failed],
            "cancelled" => [JobState.Cancelled],
            _ => Enum.GetValues<JobState>(),
        };
        return new Asked(
            new JobQuery(query.Text(kind), query.Text(subject)),
            states,
            query.Number("max_timestamp") ?? long.MaxValue,
            AdminCalls.ReadPage(query, options).Limit);
    }

    private async ValueTask<List<JobRow>> FindAsync(Asked asked, CancellationToken stop)
    {
        var all = await jobs.ListAsync(asked.Query, int.MaxValue, stop);
        return [.. all.Where(job => asked.States.Contains(job.State) && job.CreatedAt <= asked.Before)];
    }

    private async ValueTask<Answer> ListAsync(Call call, Asked asked, CancellationToken stop) =>
        Answer.Json((await FindAsync(asked, stop), asked.Limit), static (json, it) =>
        {
            json.WriteStartArray("jobs");
            foreach (var job in it.Item1.Take(it.Limit))
            {
                json.WriteStartObject();
                JobJson.Write(json, job);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteNumber("total", it.Item1.Count);
        });

    private async ValueTask<Answer> TasksAsync(Call call, Asked asked, CancellationToken stop) =>
        Answer.Json((await FindAsync(asked, stop), asked.Limit), static (json, it) =>
        {
            json.WriteStartArray("scheduled_tasks");
            foreach (var job in it.Item1.Take(it.Limit))
            {
                json.WriteStartObject();
                WriteTask(json, job);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });

    private static void WriteTask(Utf8JsonWriter json, JobRow job)
    {
        json.WriteString("id", job.JobId);
        json.WriteString("action", job.Kind);
        json.WriteString("status", JobJson.StatusOf(job.State));
        json.WriteNumber("timestamp_ms", job.ChangedAt);
        json.WriteString("resource_id", job.Subject);
        json.WriteNull("result");
        json.WriteString("error", job.Error.Length == 0 ? null : job.Error);
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop) =>
        await jobs.FindAsync(call["jobId"], stop) is { } job
            ? Answer.Json(job, JobJson.Write)
            : _unknown;

    private async ValueTask<Answer> CancelAsync(Call call, CancellationToken stop) =>
        RoomAnswers.Empty(await starts.CancelAsync(call.Actor(), call["jobId"], stop));

    private async ValueTask<Answer> StatusAsync(Call call, CancellationToken stop)
    {
        var running = (await jobs.OpenAsync(stop)).Where(job => job.State == JobState.Running);
        return Answer.Json((jobs.IsEnabled, running), static (json, it) =>
        {
            json.WriteBoolean("enabled", it.IsEnabled);
            json.WriteStartObject("current_updates");
            foreach (var job in it.running)
            {
                var took = Math.Max(1, job.ChangedAt - job.CreatedAt);
                json.WriteStartObject(job.JobId);
                json.WriteString("name", job.Subject.Length == 0 ? job.Kind : $"{job.Kind} {job.Subject}");
                json.WriteNumber("total_item_count", job.Done);
                json.WriteNumber("total_duration_ms", took);
                json.WriteNumber("average_items_per_ms", (double)job.Done / took);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        });
    }

    private async ValueTask<Answer> EnableAsync(Call call, bool isEnabled, CancellationToken stop)
    {
        await starts.EnableAsync(call.Actor(), isEnabled);
        return Enabled();
    }

    private Answer Enabled() => Answer.Json(
        jobs.IsEnabled, static (json, isEnabled) => json.WriteBoolean("enabled", isEnabled));
}
