using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Reports;

namespace Matrix.Host.Rooms.Reports;

/// <summary>Stores what users report to the operators. Client-Server API, "Reporting Content".</summary>
public sealed class ContentReports(
    RoomSnapshots rooms, RoomAccess access, EventPages pages, IStorage storage, RoomsOptions options)
{
    /// <summary>Reports an event. The reporter must be joined to its room, and see the event.</summary>
    public async ValueTask<RoomFailure?> ReportEventAsync(
        string reporter, string roomId, string eventId, string reason, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop).ConfigureAwait(false) is not { } snapshot
            || !snapshot.Local.IsJoined(reporter))
        {
            return _noEvent;
        }

        var readable = await access.OfAsync(reporter, roomId, stop).ConfigureAwait(false);
        if (!readable.IsOk
            || await pages.FindAsync(readable.Value, eventId, stop).ConfigureAwait(false) is not { } reported)
        {
            return _noEvent;
        }

        await StoreAsync(
            reporter, new(ReportKind.Event, roomId, eventId, reported.Row.Sender, reason), stop).ConfigureAwait(false);
        return null;
    }

    /// <summary>
    /// Reports a room. It may be one that this server does not know, as a room of another server's directory: the
    /// report is stored in any case, so that the response tells nothing about the room.
    /// </summary>
    public ValueTask ReportRoomAsync(string reporter, string roomId, string reason, CancellationToken stop) =>
        StoreAsync(reporter, new(ReportKind.Room, roomId, null, null, reason), stop);

    /// <summary>Reports a user. As with rooms, the user may be unknown here.</summary>
    public ValueTask ReportUserAsync(string reporter, string userId, string reason, CancellationToken stop) =>
        StoreAsync(reporter, new(ReportKind.User, null, null, userId, reason), stop);

    private async ValueTask StoreAsync(string reporter, ReportedContent content, CancellationToken stop)
    {
        var report = new ContentReported(reporter, content, options.MaxReportsOfUser, options.MaxReports);
        await storage.Writer.WriteAsync(new WriteBatch(1).Add(report), stop).ConfigureAwait(false);
    }

    private static readonly RoomFailure _noEvent = new(
        RoomFailureKind.NotFound, "There is no such event, or you are not joined to its room.");
}
