using Matrix.Core.Ident;
using Matrix.Host.Api.Admin.Server;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Storage.Tables.Jobs;

namespace Matrix.Host.Api.Admin.Moderation;

/// <summary>Redaction of a user's messages.</summary>
internal sealed class UserRedactions(JobStarts starts, JobList jobs) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        var admin = routes.Admin(1);
        admin.Of(RouteOwner.Duty(JobList.Duty)).Post("user/{userId}/redact", Read, BeginAsync);
        admin.Of(RouteOwner.Nobody).Get("user/redact_status/{redactId}", StatusAsync);
    }

    private static RedactionWish Read(BodyReader body)
    {
        var rooms = body.HasNull("rooms") ? [] : body.RequiredTexts("rooms");
        if (!Array.TrueForAll(rooms, static room => RoomId.IsValid(room)))
        {
            body.Refuse(MatrixError.InvalidParam, "`rooms` has what is not a room id.");
        }

        var limit = body.HasNull("limit") ? null : body.Number("limit");
        if (limit <= 0) body.Refuse(MatrixError.InvalidParam, "`limit` must be positive.");
        return new RedactionWish(rooms, body.TextOrNull("reason"), limit, body.Flag("use_admin"));
    }

    private async ValueTask<Answer> BeginAsync(Call call, RedactionWish asked, CancellationToken stop)
    {
        var begun = await starts.RedactAsync(call.Actor(), call["userId"], asked, stop);
        return begun.IsOk
            ? Answer.Json(begun.Value, static (json, job) => json.WriteString("redact_id", job.JobId))
            : RoomAnswers.Of(begun.Failure);
    }

    private async ValueTask<Answer> StatusAsync(Call call, CancellationToken stop) =>
        await jobs.FindAsync(call["redactId"], stop) is { Kind: UserRedaction.Kind } job
            ? Answer.Json(job, static (json, job) =>
            {
                json.WriteString("status", JobJson.StatusOf(job.State));
                if (job.State == JobState.Failed) json.WriteString("error", job.Error);
                json.WriteStartObject("failed_redactions");
                foreach (var (eventId, why) in UserRedactionProgress.Of(job).Failed) json.WriteString(eventId, why);
                json.WriteEndObject();
            })
            : Answer.NotFound("No redaction is known by that id.");
}
