using Matrix.Host.Api.Admin.Server;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Storage.Tables.Jobs;

namespace Matrix.Host.Api.Admin.ServerRooms;

/// <summary>Purges of rooms' history.</summary>
internal sealed class HistoryPurges(JobStarts starts, JobList jobs) : IEndpoints
{
    private sealed record Asked(string? EventId, long? Time, bool DeletesLocal);

    public void Map(ClientRoutes routes)
    {
        var admin = routes.Admin(1);
        var runner = admin.Of(RouteOwner.Duty(JobList.Duty));
        runner.Post("purge_history/{roomId}", Read, (call, asked, stop) => BeginAsync(call, asked, null, stop));
        runner.Post(
            "purge_history/{roomId}/{eventId}",
            Read,
            (call, asked, stop) => BeginAsync(call, asked, call["eventId"], stop));
        admin.Of(RouteOwner.Nobody).Get("purge_history_status/{purgeId}", StatusAsync);
    }

    private static Asked Read(BodyReader body)
    {
        var eventId = body.TextOrNull("purge_up_to_event_id");
        var time = body.HasNull("purge_up_to_ts") ? null : body.Number("purge_up_to_ts");
        if (time < 0) body.Refuse(MatrixError.InvalidParam, "`purge_up_to_ts` must not be negative.");
        return new Asked(eventId, time, body.Flag("delete_local_events"));
    }

    private async ValueTask<Answer> BeginAsync(Call call, Asked asked, string? eventId, CancellationToken stop)
    {
        var (actor, roomId) = (call.Actor(), call["roomId"]);
        RoomResult<JobRow> begun;
        if ((eventId ?? asked.EventId) is { } before)
        {
            begun = await starts.PurgeAsync(actor, roomId, before, asked.DeletesLocal, stop);
        }
        else if (asked.Time is { } time)
        {
            begun = await starts.PurgeAsync(actor, roomId, time, asked.DeletesLocal, stop);
        }
        else
        {
            return Answer.Error(
                400, MatrixError.MissingParam, "`purge_up_to_event_id` or `purge_up_to_ts` is missing.");
        }

        return begun.IsOk
            ? Answer.Json(begun.Value, static (json, job) => json.WriteString("purge_id", job.JobId))
            : RoomAnswers.Of(begun.Failure);
    }

    private async ValueTask<Answer> StatusAsync(Call call, CancellationToken stop) =>
        await jobs.FindAsync(call["purgeId"], stop) is { Kind: HistoryPurge.Kind } job
            ? Answer.Json(job, static (json, job) =>
            {
                // Tools know no purge that waits.
                var state = job.State == JobState.Waiting ? JobState.Running : job.State;
                json.WriteString("status", JobJson.StatusOf(state));
                if (job.State == JobState.Failed) json.WriteString("error", job.Error);
            })
            : Answer.NotFound("No purge is known by that id.");
}
