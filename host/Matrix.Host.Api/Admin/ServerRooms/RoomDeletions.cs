using Matrix.Core.Ident;
using Matrix.Host.Api.Admin.Server;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Storage.Tables.Jobs;

namespace Matrix.Host.Api.Admin.ServerRooms;

/// <summary>
/// Deletion of rooms: version 1 waits for its end, for a bounded time; version 2 returns an id for its status.
/// </summary>
internal sealed class RoomDeletions(JobStarts starts, JobList jobs) : IEndpoints
{
    /// <summary>The most deletions of one room in a status.</summary>
    private const int MostOfRoom = 100;

    private static readonly Answer _unknown = Answer.NotFound("No deletion is known by that id.");

    private sealed record Asked(RoomDeletionWish Wish, bool Blocks);

    public void Map(ClientRoutes routes)
    {
        routes.Of(RouteOwner.Duty(JobList.Duty)).Admin(1).Delete("rooms/{roomId}", Read, DeleteAsync);
        var second = routes.Admin(2);
        second.Of(RouteOwner.Duty(JobList.Duty)).Delete("rooms/{roomId}", Read, BeginAsync);
        second.Of(RouteOwner.Nobody).Get("rooms/{roomId}/delete_status", OfRoomAsync);
        second.Of(RouteOwner.Nobody).Get("rooms/delete_status/{deleteId}", StatusAsync);
    }

    private static Asked Read(BodyReader body)
    {
        var userId = body.TextOrNull("new_room_user_id");
        if (userId is not null && !UserId.IsValid(userId))
        {
            body.Refuse(MatrixError.InvalidParam, "`new_room_user_id` is not a valid user id.");
        }

        return new Asked(
            new RoomDeletionWish
            {
                Purges = body.Flag("purge", otherwise: true),
                Forces = body.Flag("force_purge"),
                NewRoomUserId = userId,
                RoomName = body.TextOrNull("room_name"),
                Message = body.HasNull("message") ? null : body.FreeText("message"),
            },
            body.Flag("block"));
    }

    private ValueTask<RoomResult<JobRow>> StartAsync(Call call, Asked asked, CancellationToken stop) =>
        starts.DeleteRoomAsync(call.Actor(), call["roomId"], asked.Wish, asked.Blocks, stop);

    private async ValueTask<Answer> BeginAsync(Call call, Asked asked, CancellationToken stop)
    {
        var begun = await StartAsync(call, asked, stop);
        return begun.IsOk
            ? Answer.Json(begun.Value, static (json, job) => json.WriteString("delete_id", job.JobId))
            : RoomAnswers.Of(begun.Failure);
    }

    private async ValueTask<Answer> DeleteAsync(Call call, Asked asked, CancellationToken stop)
    {
        var begun = await StartAsync(call, asked, stop);
        if (!begun.IsOk) return RoomAnswers.Of(begun.Failure);
        var job = await jobs.WaitAsync(begun.Value.JobId, stop) ?? begun.Value;
        return job.State switch
        {
            JobState.Done => Answer.Json(RoomDeletionProgress.Of(job), JobJson.WriteShutdown),
            JobState.Failed => Answer.Error(400, MatrixError.Unknown, job.Error),
            JobState.Cancelled => Answer.Error(400, MatrixError.Unknown, "The deletion was cancelled."),
            _ => Answer.Error(504, MatrixError.Unknown, $"The deletion goes on; its id is {job.JobId}."),
        };
    }

    private async ValueTask<Answer> OfRoomAsync(Call call, CancellationToken stop)
    {
        var found = await jobs.ListAsync(new JobQuery(RoomDeletion.Kind, call["roomId"]), MostOfRoom, stop);
        if (found.Count == 0) return Answer.NotFound("No deletion of the room is known.");
        return Answer.Json(found, static (json, found) =>
        {
            json.WriteStartArray("results");
            foreach (var job in found)
            {
                json.WriteStartObject();
                JobJson.WriteDeletion(json, job);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }

    private async ValueTask<Answer> StatusAsync(Call call, CancellationToken stop) =>
        await jobs.FindAsync(call["deleteId"], stop) is { Kind: RoomDeletion.Kind } job
            ? Answer.Json(job, JobJson.WriteDeletion)
            : _unknown;
}
