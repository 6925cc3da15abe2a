using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.BlockedRooms;
using Matrix.Host.Storage.Tables.Jobs;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.RoomRows;

namespace Matrix.Host.Rooms.Administration;

/// <summary>
/// Deletes rooms, as jobs: local members leave or move to a new room, aliases move or go, and then everything that is
/// stored of the room is deleted, table by table.
/// </summary>
public sealed class RoomDeletion : IJobKind
{
    /// <summary>The kind of these jobs.</summary>
    public const string Kind = "room.delete";

    private const int MembersAtOnce = 10;
    private const int UsersAtOnce = 20;
    private const string UsualName = "Content Violation Notification";

    private const string UsualMessage =
        "Sharing illegal content on this server is not permitted and rooms in violation will be blocked.";

    /// <summary>Members of the new room may read only.</summary>
    private const long MemberLevel = -10;

    private static readonly TimeSpan _look = TimeSpan.FromMilliseconds(200);

    private static readonly RoomFailure _unknown = new(RoomFailureKind.NotFound, "This server has no such room.");

    private readonly RoomLanes _lanes;
    private readonly RoomSnapshots _rooms;
    private readonly RoomCreator _creator;
    private readonly RoomSender _sender;
    private readonly RoomMemberships _memberships;
    private readonly JobList _jobs;
    private readonly ILocalUsers _users;
    private readonly IMembershipsTable _membershipsTable;
    private readonly AliasesTable _aliasesTable;
    private readonly RoomRowsTable _roomRowsTable;
    private readonly IStorageWriter _writer;
    private readonly RoomsOptions _options;
    private readonly JobOptions _jobOptions;
    private readonly TimeProvider _time;

    internal RoomDeletion(
        RoomLanes lanes,
        RoomSnapshots rooms,
        RoomCreator creator,
        RoomSender sender,
        RoomMemberships memberships,
        JobList jobs,
        ILocalUsers users,
        IMembershipsTable membershipsTable,
        AliasesTable aliasesTable,
        RoomRowsTable roomRowsTable,
        IStorageWriter writer,
        RoomsOptions options,
        JobOptions jobOptions,
        TimeProvider time)
    {
        _lanes = lanes;
        _rooms = rooms;
        _creator = creator;
        _sender = sender;
        _memberships = memberships;
        _jobs = jobs;
        _users = users;
        _membershipsTable = membershipsTable;
        _aliasesTable = aliasesTable;
        _roomRowsTable = roomRowsTable;
        _writer = writer;
        _options = options;
        _jobOptions = jobOptions;
        _time = time;
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
            await _writer.WriteAsync(new WriteBatch(1).Add(new RoomBlocked(roomId, who)), stop);
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
            DeletionStage.Begin => await BeginStageAsync(job, wish, before, stop),
            DeletionStage.Members => await LeaveSomeAsync(job.Subject, wish, before, stop),
            DeletionStage.Aliases => await MoveAliasesAsync(wish, before, stop),
            DeletionStage.Departures => await AwaitAsync(before, checks: true, stop),
            DeletionStage.Hide => await HideAsync(job.Subject, wish, before, stop),
            DeletionStage.Readers => await AwaitAsync(before, checks: false, stop),
            DeletionStage.Users => await DeleteOfUsersAsync(before, stop),
            _ => await DeleteSomeAsync(before, stop),
        };
        var tables = _roomRowsTable.Tables.Count;
        var total = tables + (int)DeletionStage.Tables;
        return next is null
            ? new JobStep(total, total, before.ToJson(), HasEnded: true)
            : new JobStep(next.Stage + next.Table, total, next.ToJson(), next.Table >= tables);
    }

    private RoomDeletionProgress After(RoomDeletionProgress progress, DeletionStage stage) => progress with
    {
        Stage = (int)stage,
        Since = _time.GetUtcNow().ToUnixTimeMilliseconds(),
    };

    private async ValueTask<RoomDeletionProgress?> BeginStageAsync(
        JobRow job, RoomDeletionWish wish, RoomDeletionProgress progress, CancellationToken stop)
    {
        if (await _rooms.FindAsync(job.Subject, stop) is not { } room) return null;
        progress = progress with { Nid = room.Room.Nid.Value };
        if (wish.NewRoomUserId is { } userId)
        {
            var made = await CreateAsync(userId, wish, stop);
            if (!made.IsOk) throw new JobFailedException($"The new room cannot be made: {made.Failure.Message}");
            progress = progress with { NewRoomId = made.Value };
        }

        return After(progress, DeletionStage.Members);
    }

    private async ValueTask<RoomResult<string>> CreateAsync(
        string userId, RoomDeletionWish wish, CancellationToken stop)
    {
        var made = await _creator.CreateAsync(
            new RoomRequest
            {
                Creator = userId,
                Preset = Preset.PrivateChat,
                Name = wish.RoomName ?? UsualName,
                PowerLevelOverride = JsonObject.OfSeq([("users_default", Json.Of(MemberLevel))]),
            },
            stop);
        if (!made.IsOk) return made;
        var content = JsonObject.OfSeq(
        [
            ("body", Json.Of(wish.Message ?? UsualMessage)), ("msgtype", Json.Of("m.text")),
        ]);
        var sent = await _sender.AppendAsync(
            made.Value, new Draft(EventTypes.Message, null, userId, content, null), null, null, null, stop);
        return sent.IsOk ? made : sent;
    }

    private async ValueTask<RoomDeletionProgress?> LeaveSomeAsync(
        string roomId, RoomDeletionWish wish, RoomDeletionProgress progress, CancellationToken stop)
    {
        const MembershipSet There = MembershipSet.Join | MembershipSet.Invite | MembershipSet.Knock;
        var members = await _membershipsTable.LocalMembersAsync(new RoomNid(progress.Nid), There, stop);
        var failed = progress.NotLeft.ToHashSet(StringComparer.Ordinal);
        var some = members.Where(member => !failed.Contains(member.UserId)).Take(MembersAtOnce).ToArray();
        if (some.Length == 0) return After(progress, DeletionStage.Aliases);
        var (left, notLeft) = (progress.Left.ToList(), progress.NotLeft.ToList());
        foreach (var member in some)
        {
            if (progress.NewRoomId is { } newRoom
                && member.Membership == Membership.Join
                && member.UserId != wish.NewRoomUserId)
            {
                await MoveAsync(wish.NewRoomUserId!, newRoom, member.UserId, stop);
            }

            // As if the account ended: an invite to the room of server notices is rejected too.
            var failure = await _memberships.LeaveAsync(member.UserId, roomId, null, stop, isDeparture: true);
            if (failure is not null)
            {
                notLeft.Add(member.UserId);
            }
            else if (left.Count < RoomDeletionProgress.MostListed)
            {
                left.Add(member.UserId);
            }
        }

        return progress with
        {
            Left = left,
            NotLeft = notLeft,
            CountLeft = progress.CountLeft + some.Length - (notLeft.Count - progress.NotLeft.Count),
        };
    }

    /// <summary>A user who cannot be moved, for instance because they block invites, leaves only.</summary>
    private async ValueTask MoveAsync(string sender, string roomId, string userId, CancellationToken stop)
    {
        if (await _memberships.InviteAsync(sender, roomId, userId, null, stop) is null)
        {
            _ = await _memberships.JoinAsync(userId, roomId, null, stop);
        }
    }

    private async ValueTask<RoomDeletionProgress?> MoveAliasesAsync(
        RoomDeletionWish wish, RoomDeletionProgress progress, CancellationToken stop)
    {
        var nid = new RoomNid(progress.Nid);
        var aliases = await _aliasesTable.OfRoomAsync(nid, stop);
        var batch = new WriteBatch(aliases.Count + 1);
        if (progress.NewRoomId is { } newRoom
            && await _rooms.FindAsync(newRoom, stop) is { } target)
        {
            batch.Add(new DirectoryMoved(nid, target.Room.Nid));

            // Only those who moved see the new room.
            batch.Add(new DirectoryVisibilityChanged(target.Room.Nid, Published: false));
        }
        else
        {
            foreach (var alias in aliases) batch.Add(new AliasDeleted(alias));
            batch.Add(new DirectoryVisibilityChanged(nid, Published: false));
        }

        await _writer.WriteAsync(batch, stop);
        progress = progress with { Aliases = aliases.Count > 0 ? aliases : progress.Aliases };
        var after = After(progress, DeletionStage.Departures);
        return wish.Purges ? after : after with { Table = _roomRowsTable.Tables.Count };
    }

    /// <summary>Waits a while for other servers and the user directory, or for readers.</summary>
    private async ValueTask<RoomDeletionProgress?> AwaitAsync(
        RoomDeletionProgress progress, bool checks, CancellationToken stop)
    {
        var waited = _time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(progress.Since);
        if (waited >= _jobOptions.Grace
            && (!checks
                || waited >= _jobOptions.LongestGrace
                || !await _roomRowsTable.IsAwaitedAsync(new RoomNid(progress.Nid), stop)))
        {
            return After(progress, (DeletionStage)progress.Stage + 1);
        }

        await Task.Delay(_look, _time, stop);
        return progress;
    }

    private async ValueTask<RoomDeletionProgress?> HideAsync(
        string roomId, RoomDeletionWish wish, RoomDeletionProgress progress, CancellationToken stop)
    {
        var nid = new RoomNid(progress.Nid);
        if (await _rooms.FindAsync(nid, stop) is { } room)
        {
            if (room.Local.Joined.Count > 0 && !wish.Forces)
            {
                throw new JobFailedException(
                    $"{room.Local.Joined.Count} local users are still joined to {roomId}; `force_purge` deletes it.");
            }

            var members = await _membershipsTable.LocalMembersAsync(nid, MembershipSet.Any, stop);
            var deleted = new RoomDeleted(
                room.Room,
                [.. members.Select(static member => member.UserId)],
                _time.GetUtcNow().ToUnixTimeMilliseconds());
            await _lanes.DeleteAsync(nid, new WriteBatch(1).Require(deleted), stop);
        }

        return After(progress, DeletionStage.Readers);
    }

    private async ValueTask<RoomDeletionProgress?> DeleteOfUsersAsync(
        RoomDeletionProgress progress, CancellationToken stop)
    {
        var nid = new RoomNid(progress.Nid);
        var users = await _roomRowsTable.UsersAsync(nid, UsersAtOnce, stop);
        if (users.Count == 0) return After(progress, DeletionStage.Tables);
        var batch = new WriteBatch(users.Count);
        foreach (var userId in users) batch.Add(new RoomRowsOfUserDeleted(nid, userId));
        await _writer.WriteAsync(batch, stop);
        return progress;
    }

    private async ValueTask<RoomDeletionProgress?> DeleteSomeAsync(
        RoomDeletionProgress progress, CancellationToken stop)
    {
        var nid = new RoomNid(progress.Nid);
        var tables = _roomRowsTable.Tables;
        for (var i = 0; i < tables.Count; i++)
        {
            // What came late to a table that was emptied, for instance a receipt, is deleted too.
            var table = (progress.Table + i) % tables.Count;
            if (!await _roomRowsTable.AnyAsync(tables[table], nid, stop)) continue;
            var rows = new RoomRowsDeleted(nid, tables[table], _jobOptions.Rows);
            await _writer.WriteAsync(new WriteBatch(1).Add(rows), stop);
            return progress with { Table = table };
        }

        return progress with { Table = tables.Count };
    }
}
