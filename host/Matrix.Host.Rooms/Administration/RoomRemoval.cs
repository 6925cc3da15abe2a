using Matrix.Host.Rooms.Commands;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.RoomRows;

namespace Matrix.Host.Rooms.Administration;

/// <summary>
/// The parts of a deletion after which nothing of a room is stored: those who need it are waited for, it is known no
/// more, and its rows are deleted table by table.
/// </summary>
internal sealed class RoomRemoval(
    RoomLanes lanes,
    RoomSnapshots rooms,
    RoomCommands commands,
    IMembershipsTable membershipsTable,
    RoomRowsTable roomRowsTable,
    IStorageWriter writer,
    JobOptions jobOptions,
    TimeProvider time)
{
    private const int UsersAtOnce = 20;

    private static readonly TimeSpan _look = TimeSpan.FromMilliseconds(200);

    /// <summary>How many tables have rows of rooms.</summary>
    internal int Tables => roomRowsTable.Tables.Count;

    /// <summary>Waits a while for other servers and the user directory, or for readers.</summary>
    internal async ValueTask<RoomDeletionProgress> AwaitAsync(
        RoomDeletionProgress progress, bool checks, CancellationToken stop)
    {
        var waited = time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(progress.Since);
        if (waited >= jobOptions.Grace
            && (!checks
                || waited >= jobOptions.LongestGrace
                || !await roomRowsTable.IsAwaitedAsync(new RoomNid(progress.Nid), stop)))
        {
            return progress.At((DeletionStage)progress.Stage + 1, time);
        }

        await Task.Delay(_look, time, stop);
        return progress;
    }

    internal async ValueTask<RoomDeletionProgress> HideAsync(
        string roomId, RoomDeletionWish wish, RoomDeletionProgress progress, CancellationToken stop)
    {
        var nid = new RoomNid(progress.Nid);
        if (await rooms.FindAsync(nid, stop) is not null
            && await commands.RunAsync(
                roomId,
                () => HideHereAsync(roomId, wish.Forces, stop),
                () => new HideRoom(roomId, wish.Forces),
                stop) is { } failure)
        {
            throw new JobFailedException(failure.Message);
        }

        return progress.At(DeletionStage.Readers, time);
    }

    /// <summary>Ends a room that is here. Null if it has ended.</summary>
    internal async ValueTask<RoomFailure?> HideHereAsync(string roomId, bool forces, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } room) return null;
        if (room.Local.Joined.Count > 0 && !forces)
        {
            return new RoomFailure(
                RoomFailureKind.BadState,
                $"{room.Local.Joined.Count} local users are still joined to {roomId}; `force_purge` deletes it.");
        }

        var nid = room.Room.Nid;
        var members = await membershipsTable.LocalMembersAsync(nid, MembershipSet.Any, stop);
        var deleted = new RoomDeleted(
            room.Room,
            [.. members.Select(static member => member.UserId)],
            time.GetUtcNow().ToUnixTimeMilliseconds());
        await lanes.DeleteAsync(nid, new WriteBatch(Authority.Room(roomId), 1).Require(deleted), stop);
        return null;
    }

    internal async ValueTask<RoomDeletionProgress> DeleteOfUsersAsync(
        RoomDeletionProgress progress, CancellationToken stop)
    {
        var nid = new RoomNid(progress.Nid);
        var users = await roomRowsTable.UsersAsync(nid, UsersAtOnce, stop);
        if (users.Count == 0) return progress.At(DeletionStage.Tables, time);
        var batch = new WriteBatch(JobList.Duty, users.Count);
        foreach (var userId in users) batch.Add(new RoomRowsOfUserDeleted(nid, userId));
        await writer.WriteAsync(batch, stop);
        return progress;
    }

    internal async ValueTask<RoomDeletionProgress> DeleteSomeAsync(
        RoomDeletionProgress progress, CancellationToken stop)
    {
        var nid = new RoomNid(progress.Nid);
        var tables = roomRowsTable.Tables;
        for (var i = 0; i < tables.Count; i++)
        {
            // What came late to a table that was emptied, for instance a receipt, is deleted too.
            var table = (progress.Table + i) % tables.Count;
            if (!await roomRowsTable.AnyAsync(tables[table], nid, stop)) continue;
            var rows = new RoomRowsDeleted(nid, tables[table], jobOptions.Rows);
            await writer.WriteAsync(new WriteBatch(JobList.Duty, 1).Add(rows), stop);
            return progress with { Table = table };
        }

        return progress with { Table = tables.Count };
    }
}
