using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AuditLog;
using Matrix.Host.Storage.Tables.Jobs;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.Server;

/// <summary>The redaction of a user's messages.</summary>
/// <param name="Rooms">The rooms; none for all in which the user is, or was.</param>
/// <param name="Reason">The redactions' `reason`; null for none.</param>
/// <param name="Limit">The most messages in each room, the newest first; null for all.</param>
/// <param name="AsAdmin">Whether the administrator redacts for users of this server too.</param>
internal sealed record RedactionWish(IReadOnlyList<string> Rooms, string? Reason, long? Limit, bool AsAdmin);

/// <summary>Begins, cancels and pauses jobs for administrators. Each act is in the audit log.</summary>
internal sealed class JobStarts(
    RoomDeletion deletion, HistoryPurge purge, UserRedaction redaction, JobList jobs, AuditLog audit)
{
    /// <summary>Begins the deletion of a room.</summary>
    /// <param name="actor">The administrator.</param>
    /// <param name="roomId">The room.</param>
    /// <param name="wish">What becomes of the room and its members.</param>
    /// <param name="blocks">Whether the room is blocked too.</param>
    internal ValueTask<RoomResult<JobRow>> DeleteRoomAsync(
        AdminActor actor, string roomId, RoomDeletionWish wish, bool blocks, CancellationToken stop)
    {
        var records = new List<ConditionalChange>(2);
        if (blocks) records.Add(audit.Of(actor, "room.block", roomId));
        records.Add(audit.Of(actor, wish.Purges ? "room.delete" : "room.shut_down", roomId));
        return deletion.BeginAsync(actor.Who, roomId, blocks, wish, records, stop);
    }

    /// <summary>Begins the purge of the events of a room before one.</summary>
    internal ValueTask<RoomResult<JobRow>> PurgeAsync(
        AdminActor actor, string roomId, string eventId, bool deletesLocal, CancellationToken stop) =>
        purge.BeginAsync(actor.Who, roomId, eventId, deletesLocal, RecordOfPurge(actor, roomId), stop);

    /// <summary>Begins the purge of the events of a room up to a time, in milliseconds since the epoch.</summary>
    internal ValueTask<RoomResult<JobRow>> PurgeAsync(
        AdminActor actor, string roomId, long time, bool deletesLocal, CancellationToken stop) =>
        purge.BeginAsync(actor.Who, roomId, time, deletesLocal, RecordOfPurge(actor, roomId), stop);

    /// <summary>Begins the redaction of a user's messages.</summary>
    internal ValueTask<RoomResult<JobRow>> RedactAsync(
        AdminActor actor, string userId, RedactionWish wish, CancellationToken stop) =>
        redaction.BeginAsync(
            actor.Who,
            userId,
            wish.Rooms,
            wish.Reason,
            wish.Limit,
            wish.AsAdmin,
            audit.Of(actor, "user.redact", userId),
            stop);

    /// <summary>Ends a job after its current step. What it has done stays done.</summary>
    internal ValueTask<RoomFailure?> CancelAsync(AdminActor actor, string jobId, CancellationToken stop) =>
        jobs.CancelAsync(jobId, audit.Of(actor, "job.cancel", jobId), stop);

    /// <summary>Lets jobs go on, or wait after their current step.</summary>
    internal ValueTask EnableAsync(AdminActor actor, bool isEnabled)
    {
        jobs.Enable(isEnabled);
        return audit.RecordAsync(actor, isEnabled ? "job.enable" : "job.disable", "");
    }

    private AdminActionRecorded RecordOfPurge(AdminActor actor, string roomId) =>
        audit.Of(actor, "room.purge_history", roomId);
}
