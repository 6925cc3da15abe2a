using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Reports;

namespace Matrix.Host.Rooms.Reports;

/// <summary>Stores what users report to the operators. v1.19 client-server-api#reporting-content</summary>
public sealed class ContentReports(
    RoomSnapshots rooms,
    RoomAccess access,
    EventPages pages,
    ILocalUsers users,
    IMembershipsTable membershipsTable,
    IStorageWriter writer,
    RoomsOptions options)
{
    /// <summary>Reports an event. The reporter must be joined to its room, and see the event.</summary>
    public async ValueTask<RoomFailure?> ReportEventAsync(
        string reporter, string roomId, string eventId, string reason, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } snapshot
            || !snapshot.Local.IsJoined(reporter))
        {
            return _noEvent;
        }

        var readable = await access.OfAsync(reporter, roomId, stop);
        if (!readable.IsOk
            || await pages.FindAsync(readable.Value, eventId, stop) is not { } reported)
        {
            return _noEvent;
        }

        await StoreAsync(reporter, new(ReportKind.Event, roomId, eventId, reported.Row.Sender, reason), stop);
        return null;
    }

    /// <summary>
    /// Reports a room. It may be one that this server does not know, as a room of another server's directory: unless
    /// the configuration refuses such reports, the response tells nothing about the room.
    /// </summary>
    public async ValueTask<RoomFailure?> ReportRoomAsync(
        string reporter, string roomId, string reason, CancellationToken stop)
    {
        if (options.RefusesUnknownReports && await rooms.FindAsync(roomId, stop) is null)
        {
            return _noRoom;
        }

        await StoreAsync(reporter, new(ReportKind.Room, roomId, null, null, reason), stop);
        return null;
    }

    /// <summary>Reports a user. As with rooms, the user may be unknown here.</summary>
    public async ValueTask<RoomFailure?> ReportUserAsync(
        string reporter, string userId, string reason, CancellationToken stop)
    {
        if (options.RefusesUnknownReports && !await IsKnownAsync(userId, stop)) return _noUser;
        await StoreAsync(reporter, new(ReportKind.User, null, null, userId, reason), stop);
        return null;
    }

    /// <summary>Whether there is such a local user, or one of another server who shares a room with one.</summary>
    private async ValueTask<bool> IsKnownAsync(string userId, CancellationToken stop)
    {
        if (RoomNames.ServerOf(userId) == options.ServerName)
        {
            return await users.UnknownAsync(userId, stop) is null;
        }

        var shared = await membershipsTable.SharedRoomsAsync([userId], stop);
        return shared.Count > 0;
    }

    private async ValueTask StoreAsync(string reporter, ReportedContent content, CancellationToken stop)
    {
        var report = new ContentReported(reporter, content, options.MaxReportsOfUser, options.MaxReports);
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(report), stop);
    }

    private static readonly RoomFailure _noRoom = new(RoomFailureKind.NotFound, "This server has no such room.");

    private static readonly RoomFailure _noUser = new(RoomFailureKind.NotFound, "This server knows no such user.");

    private static readonly RoomFailure _noEvent = new(
        RoomFailureKind.NotFound, "There is no such event, or you are not joined to its room.");
}
