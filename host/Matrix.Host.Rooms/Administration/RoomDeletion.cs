using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.BlockedRooms;
using Matrix.Host.Storage.Tables.Jobs;

namespace Matrix.Host.Rooms.Administration;

/// <summary>
/// Deletes rooms, as jobs: local members leave or move to a new room, aliases move or go, and then everything that is
/// stored of the room is deleted, table by table.
/// </summary>
public sealed class RoomDeletion : IJobKind
{
    /// <summary>The kind of these jobs.</summary>
    public const string Kind = "room.delete";

    private static readonly RoomFailure _unknown = new(RoomFailureKind.NotFound, "This server has no such room.");

    private readonly RoomSnapshots _rooms;
    private readonly ILocalUsers _users;
    private readonly JobList _jobs;
    private readonly RoomEviction _eviction;
    private readonly RoomRemoval _removal;
    private readonly IStorageWriter _writer;
    private readonly RoomsOptions _options;

    internal RoomDeletion(
        RoomSnapshots rooms,
        ILocalUsers users,
        JobList jobs,
        RoomEviction eviction,
        RoomRemoval removal,
        IStorageWriter writer,
        RoomsOptions options)
    {
        _rooms = rooms;
        _users = users;
        _jobs = jobs;
        _eviction = eviction;
        _removal = removal;
        _writer = writer;
        _options = options;
    }

    /// <inheritdoc/>
    public string Name => Kind;

    /// <summary>
    /// Begins the deletion of a room. A room that this server does not know can be blocked only: the job ends at once.
    /// </summary>
    /// <param name="who">The administrator.</param>
    /// <param name="blocks">Whether the room is blocked too.</param>
    /// <param name="records">Records of the acts, written with the job.</param>
    public async ValueTask<RoomResult<JobRow>> BeginAsync(
        string who,
        string roomId,
        bool blocks,
        RoomDeletionWish wish,
        IReadOnlyList<ConditionalChange> records,
        CancellationToken stop)
    {
        if (!blocks && await _rooms.FindAsync(roomId, stop) is null) return _unknown;
        if (wish.NewRoomUserId is { } userId)
        {
            if (RoomNames.ServerOf(userId) != _options.ServerName)
            {
                return new RoomFailure(RoomFailureKind.InvalidParam, "`new_room_user_id` must be a local user.");
            }

            if (await _users.UnknownAsync(userId, stop) is { } unknown) return unknown;
        }

        if (blocks)
        {
            await _writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(new RoomBlocked(roomId, who)), stop);
        }

        return await _jobs.BeginAsync(Kind, roomId, who, wish.ToJson(), records, stop);
    }

    /// <inheritdoc/>
    public async ValueTask<JobStep> StepAsync(JobRow job, CancellationToken stop)
    {
        var wish = RoomDeletionWish.Of(job);
        var before = RoomDeletionProgress.Of(job);
        var next = (DeletionStage)before.Stage switch
        {
            DeletionStage.Begin => await _eviction.BeginAsync(job, wish, before, stop),
            DeletionStage.Members => await _eviction.LeaveSomeAsync(job.Subject, wish, before, stop),
            DeletionStage.Aliases => Evicted(wish, await _eviction.MoveAliasesAsync(before, stop)),
            DeletionStage.Departures => await _removal.AwaitAsync(before, checks: true, stop),
            DeletionStage.Hide => await _removal.HideAsync(job.Subject, wish, before, stop),
            DeletionStage.Readers => await _removal.AwaitAsync(before, checks: false, stop),
            DeletionStage.Users => await _removal.DeleteOfUsersAsync(before, stop),
            _ => await _removal.DeleteSomeAsync(before, stop),
        };
        var tables = _removal.Tables;
        var total = tables + (int)DeletionStage.Tables;
        return next is null
            ? new JobStep(total, total, before.ToJson(), HasEnded: true)
            : new JobStep(next.Stage + next.Table, total, next.ToJson(), next.Table >= tables);
    }

    /// <summary>The progress after all have left: a job that only evicts has ended.</summary>
    private RoomDeletionProgress Evicted(RoomDeletionWish wish, RoomDeletionProgress progress) =>
        wish.Purges ? progress : progress with { Table = _removal.Tables };
}
