using System.Text.Json;
using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Jobs;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Administration;

/// <summary>What an administrator wants of the redaction of a user's messages.</summary>
/// <param name="Rooms">The rooms; none for all in which the user is, or was.</param>
/// <param name="Reason">The redactions' `reason`; null for none.</param>
/// <param name="Limit">The most messages in each room, the newest first; null for all.</param>
/// <param name="Sender">The user who redacts.</param>
public sealed record UserRedactionWish(IReadOnlyList<string> Rooms, string? Reason, long? Limit, string Sender);

/// <summary>What the redaction of a user's messages has done.</summary>
/// <param name="Room">The index of the room that goes on.</param>
/// <param name="Before">The number of the event before which it goes on; 0 for the room's end.</param>
/// <param name="InRoom">The messages of this room that were tried.</param>
/// <param name="Redacted">All messages that were redacted.</param>
/// <param name="Failed">Messages that could not be redacted, and why; bounded.</param>
public sealed record UserRedactionProgress(
    int Room, long Before, long InRoom, long Redacted, IReadOnlyDictionary<string, string> Failed)
{
    /// <summary>The progress of a job.</summary>
    public static UserRedactionProgress Of(JobRow job) =>
        (job.Progress.IsEmpty ? null : JsonSerializer.Deserialize<UserRedactionProgress>(job.Progress.Span))
            ?? new UserRedactionProgress(0, 0, 0, 0, new Dictionary<string, string>());
}

/// <summary>Redacts the messages of a user, as jobs: in their own name, or in that of an administrator.</summary>
public sealed class UserRedaction(
    RoomSnapshots rooms,
    RoomSender sender,
    ILocalUsers users,
    JobList jobs,
    RoomsTable roomsTable,
    IEventsTable eventsTable,
    IMembershipsTable membershipsTable,
    RoomsOptions options)
    : IJobKind
{
    /// <summary>The kind of these jobs.</summary>
    public const string Kind = "user.redact";

    private const int AtOnce = 20;
    private const int MostFailed = 1000;

    /// <inheritdoc/>
    public string Name => Kind;

    /// <summary>Begins the redaction of a user's messages.</summary>
    /// <param name="adminId">The administrator, who redacts for users of other servers.</param>
    /// <param name="asAdmin">Whether the administrator redacts for users of this server too.</param>
    /// <param name="record">The record of the act, written with the job.</param>
    public async ValueTask<RoomResult<JobRow>> BeginAsync(
        string adminId,
        string userId,
        IReadOnlyList<string> roomIds,
        string? reason,
        long? limit,
        bool asAdmin,
        ConditionalChange record,
        CancellationToken stop)
    {
        var isLocal = RoomNames.ServerOf(userId) == options.ServerName;
        if (isLocal && await users.UnknownAsync(userId, stop) is { } unknown) return unknown;
        if (roomIds.Count == 0)
        {
            roomIds = isLocal
                ? [.. (await membershipsTable.RoomsOfAsync(userId, MembershipSet.Any, stop))
                    .Select(static row => row.RoomId)]
                : await SharedAsync(userId, stop);
        }

        var wish = new UserRedactionWish(roomIds, reason, limit, isLocal && !asAdmin ? userId : adminId);
        return await jobs.BeginAsync(Kind, userId, adminId, JsonSerializer.SerializeToUtf8Bytes(wish), [record], stop);
    }

    /// <inheritdoc/>
    public async ValueTask<JobStep> StepAsync(JobRow job, CancellationToken stop)
    {
        var wish = JsonSerializer.Deserialize<UserRedactionWish>(job.Input.Span)!;
        var progress = UserRedactionProgress.Of(job);
        if (progress.Room >= wish.Rooms.Count) return StepOf(progress, hasEnded: true);
        var roomId = wish.Rooms[progress.Room];
        var next = progress with { Room = progress.Room + 1, Before = 0, InRoom = 0 };
        var most = (int)Math.Min(AtOnce, (wish.Limit ?? long.MaxValue) - progress.InRoom);
        if (most <= 0 || await rooms.FindAsync(roomId, stop) is not { } room)
        {
            return StepOf(next, next.Room >= wish.Rooms.Count);
        }

        var before = progress.Before == 0 ? EventNid.LastOf(room.Room.Nid) : new EventNid(progress.Before);
        var found = await eventsTable.OfSenderAsync(before, job.Subject, most, stop);
        if (found.Count == 0) return StepOf(next, next.Room >= wish.Rooms.Count);
        var failed = new Dictionary<string, string>(progress.Failed);
        var redacted = 0;
        foreach (var (_, eventId) in found)
        {
            var content = wish.Reason is { } reason
                ? JsonObject.OfSeq([("reason", Json.Of(reason))])
                : JsonObject.Empty;
            var draft = new Draft(EventTypes.Redaction, null, wish.Sender, content, eventId);

            // A step that is repeated redacts no event twice.
            var sent = await sender.SendOwnAsync(roomId, draft, null, stop, $"{job.JobId} {eventId}");
            if (sent.IsOk) redacted++;
            else if (failed.Count < MostFailed) failed[eventId] = sent.Failure.Message;
        }

        return StepOf(
            progress with
            {
                Before = found[^1].Nid.Value,
                InRoom = progress.InRoom + found.Count,
                Redacted = progress.Redacted + redacted,
                Failed = failed,
            },
            hasEnded: false);
    }

    private static JobStep StepOf(UserRedactionProgress progress, bool hasEnded) =>
        new(progress.Redacted, 0, JsonSerializer.SerializeToUtf8Bytes(progress), hasEnded);

    private async ValueTask<IReadOnlyList<string>> SharedAsync(string userId, CancellationToken stop)
    {
        var shared = await membershipsTable.SharedRoomsAsync([userId], stop);
        var rows = await roomsTable.FindManyAsync([.. shared.Select(static row => row.Room)], stop);
        return [.. rows.Select(static row => row.RoomId)];
    }
}
