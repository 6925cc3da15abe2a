using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.Jobs;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Administration;

/// <summary>
/// The parts of a deletion that members see: local members leave or move to a new room, and aliases move or go.
/// </summary>
internal sealed class RoomEviction(
    RoomSnapshots rooms,
    RoomCreator creator,
    RoomSender sender,
    RoomMemberships memberships,
    IMembershipsTable membershipsTable,
    AliasesTable aliasesTable,
    IStorageWriter writer,
    TimeProvider time)
{
    private const int MembersAtOnce = 10;
    private const string UsualName = "Content Violation Notification";

    private const string UsualMessage =
        "Sharing illegal content on this server is not permitted and rooms in violation will be blocked.";

    /// <summary>Members of the new room may read only.</summary>
    private const long MemberLevel = -10;

    /// <summary>Creates the room to which the members move. Null if the room to delete is not known.</summary>
    internal async ValueTask<RoomDeletionProgress?> BeginAsync(
        JobRow job, RoomDeletionWish wish, RoomDeletionProgress progress, CancellationToken stop)
    {
        if (await rooms.FindAsync(job.Subject, stop) is not { } room) return null;
        progress = progress with { Nid = room.Room.Nid.Value };
        if (wish.NewRoomUserId is { } userId)
        {
            var made = await CreateAsync(userId, wish, stop);
            if (!made.IsOk) throw new JobFailedException($"The new room cannot be made: {made.Failure.Message}");
            progress = progress with { NewRoomId = made.Value };
        }

        return progress.At(DeletionStage.Members, time);
    }

    private async ValueTask<RoomResult<string>> CreateAsync(
        string userId, RoomDeletionWish wish, CancellationToken stop)
    {
        var made = await creator.CreateAsync(
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
        var sent = await sender.SendOwnAsync(
            made.Value, new Draft(EventTypes.Message, null, userId, content, null), null, stop);
        return sent.IsOk ? made : sent;
    }

    internal async ValueTask<RoomDeletionProgress> LeaveSomeAsync(
        string roomId, RoomDeletionWish wish, RoomDeletionProgress progress, CancellationToken stop)
    {
        const MembershipSet There = MembershipSet.Join | MembershipSet.Invite | MembershipSet.Knock;
        var members = await membershipsTable.LocalMembersAsync(new RoomNid(progress.Nid), There, stop);
        var failed = progress.NotLeft.ToHashSet(StringComparer.Ordinal);
        var some = members.Where(member => !failed.Contains(member.UserId)).Take(MembersAtOnce).ToArray();
        if (some.Length == 0) return progress.At(DeletionStage.Aliases, time);
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
            var failure = await memberships.LeaveAsync(member.UserId, roomId, null, stop, isDeparture: true);
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
        if (await memberships.InviteAsync(sender, roomId, userId, null, stop) is null)
        {
            _ = await memberships.JoinAsync(userId, roomId, null, stop);
        }
    }

    internal async ValueTask<RoomDeletionProgress> MoveAliasesAsync(
        RoomDeletionProgress progress, CancellationToken stop)
    {
        var nid = new RoomNid(progress.Nid);
        var aliases = await aliasesTable.OfRoomAsync(nid, stop);
        var batch = new WriteBatch(JobList.Duty, aliases.Count + 1);
        if (progress.NewRoomId is { } newRoom
            && await rooms.FindAsync(newRoom, stop) is { } target)
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

        await writer.WriteAsync(batch, stop);
        progress = progress with { Aliases = aliases.Count > 0 ? aliases : progress.Aliases };
        return progress.At(DeletionStage.Departures, time);
    }
}
