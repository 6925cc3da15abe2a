using System.Text.Json;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Jobs;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Administration;

/// <summary>
/// Deletes messages of a room before an event, as jobs. State events and forward extremities stay, so that the room
/// goes on; so do roots of threads that go on, and redactions of events that stay.
/// </summary>
public sealed class HistoryPurge(
    RoomSnapshots rooms,
    EventStore events,
    EventTimes times,
    HistoryPurger purger,
    JobList jobs,
    RoomsTable roomsTable) : IJobKind
{
    /// <summary>The kind of these jobs.</summary>
    public const string Kind = "history.purge";

    private sealed record Input(long Before, bool DeletesLocal);

    private sealed record Progress(long After, long Purged);

    /// <inheritdoc/>
    public string Name => Kind;

    /// <summary>Begins the purge of the events before one.</summary>
    /// <param name="who">The administrator.</param>
    /// <param name="eventId">The first event that stays.</param>
    /// <param name="deletesLocal">Whether events of this server's users are deleted too.</param>
    /// <param name="record">The record of the act, written with the job.</param>
    public async ValueTask<RoomResult<JobRow>> BeginAsync(
        string who, string roomId, string eventId, bool deletesLocal, ConditionalChange record, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } room) return _unknownRoom;
        if (await events.ByIdAsync(room.Room, eventId, stop) is not { } stored
            || stored.Nid.IsOutlier)
        {
            return new RoomFailure(RoomFailureKind.NotFound, "The room's timeline has no such event.");
        }

        return await BeginAsync(who, room, stored.Nid, deletesLocal, record, stop);
    }

    /// <summary>Begins the purge of the events up to a time.</summary>
    /// <param name="time">Milliseconds since the epoch.</param>
    public async ValueTask<RoomResult<JobRow>> BeginAsync(
        string who, string roomId, long time, bool deletesLocal, ConditionalChange record, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } room) return _unknownRoom;
        await foreach (var page in times.FromAsync(room.Room, room.LastEvent, time, forwards: false, stop))
        {
            if (page.Count == 0) continue;
            var last = page.Max(static each => each.Nid.Value);
            return await BeginAsync(who, room, new EventNid(last + 1), deletesLocal, record, stop);
        }

        return new RoomFailure(RoomFailureKind.NotFound, "The room has no event of that time or before.");
    }

    /// <inheritdoc/>
    public async ValueTask<JobStep> StepAsync(JobRow job, CancellationToken stop)
    {
        var input = JsonSerializer.Deserialize<Input>(job.Input.Span)!;
        var before = new EventNid(input.Before);
        var progress = job.Progress.IsEmpty
            ? new Progress(0, 0)
            : JsonSerializer.Deserialize<Progress>(job.Progress.Span)!;
        if (await rooms.FindAsync(before.Room, stop) is not { } room)
        {
            throw new JobFailedException("The room does not exist any more.");
        }

        var after = progress.After == 0 ? HistoryPurger.StartOf(room.Room.Nid) : new EventNid(progress.After);
        var page = await purger.StepAsync(room, after, before, input.DeletesLocal, null, stop);
        progress = new Progress(page.Through.Value, progress.Purged + page.Purged);
        if (page.IsLast) await purger.EndAsync(room.Room.Nid, before, stop);
        return new JobStep(progress.Purged, 0, JsonSerializer.SerializeToUtf8Bytes(progress), page.IsLast);
    }

    private static readonly RoomFailure _unknownRoom = new(
        RoomFailureKind.NotFound, "This server has no such room.");

    private async ValueTask<RoomResult<JobRow>> BeginAsync(
        string who, RoomSnapshot room, EventNid before, bool deletesLocal, ConditionalChange record,
        CancellationToken stop)
    {
        // The room's row says where new events continue: its last event stays.
        var row = await roomsTable.FindAsync(room.Room.Nid, stop);
        var last = EventNid.Of(room.Room.Nid, row?.Header.LastOrdinal ?? room.LastEvent.Ordinal);
        var input = new Input(Math.Min(before.Value, last.Value), deletesLocal);
        return await jobs.BeginAsync(
            Kind, room.Room.RoomId, who, JsonSerializer.SerializeToUtf8Bytes(input), [record], stop);
    }
}
