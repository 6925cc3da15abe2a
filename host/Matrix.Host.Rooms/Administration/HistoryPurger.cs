using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.RoomRows;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Administration;

/// <summary>A part of a purge.</summary>
/// <param name="Through">The last event that was looked at.</param>
/// <param name="Purged">The number of deleted events.</param>
/// <param name="Seen">The number of events that were looked at.</param>
/// <param name="IsLast">Whether there is no further event.</param>
public readonly record struct PurgedPart(EventNid Through, int Purged, int Seen, bool IsLast);

/// <summary>Deletes messages of a room, a few at a time.</summary>
public sealed class HistoryPurger(
    EventStore events,
    RoomsTable roomsTable,
    IEventsTable eventsTable,
    RoomRowsTable roomRowsTable,
    IStorageWriter writer,
    RoomsOptions options,
    JobOptions jobs)
{
    /// <summary>The number before those of a room's timeline.</summary>
    internal static EventNid StartOf(RoomNid room) => EventNid.Of(room, EventNid.FirstHistoryOrdinal - 1);

    /// <summary>Deletes some of the messages between two events.</summary>
    /// <param name="deletesLocal">Whether messages of this server's users are deleted too.</param>
    /// <param name="olderThan">Only messages that say they were sent before; null for all.</param>
    internal async ValueTask<PurgedPart> StepAsync(
        RoomSnapshot room, EventNid after, EventNid before, bool deletesLocal, long? olderThan, CancellationToken stop)
    {
        var page = await eventsTable.PurgeableAsync(after, before, jobs.Rows, stop);
        if (page.Count == 0) return new PurgedPart(before, 0, 0, IsLast: true);
        var row = await roomsTable.FindAsync(room.Room.Nid, stop);
        var ends = row?.Header.Extremities.Select(each => each.Nid(room.Room.Nid)).ToHashSet() ?? [];
        IEnumerable<PurgeableEvent> chosen = page.Where(each =>
            !ends.Contains(each.Nid)
            && (deletesLocal || RoomNames.ServerOf(each.Sender) != options.ServerName));
        if (olderThan is { } time)
        {
            var read = await events.ByNumberAsync(room.Room, [.. chosen.Select(each => each.Nid)], stop);
            chosen = chosen.Where(each => read.TryGetValue(each.Nid, out var it) && it.OriginServerTs < time);
        }

        EventNid[] purged = [.. chosen.Select(static each => each.Nid)];
        if (purged.Length > 0)
        {
            await writer.WriteAsync(new WriteBatch(JobList.Duty, 1).Add(new EventsPurged(room.Room.Nid, purged)), stop);
        }

        return new PurgedPart(page[^1].Nid, purged.Length, page.Count, page.Count < jobs.Rows);
    }

    /// <summary>Threads and unread counts after a purge of the events before one.</summary>
    internal async ValueTask EndAsync(RoomNid room, EventNid before, CancellationToken stop)
    {
        var users = await roomRowsTable.UsersAsync(room, int.MaxValue, stop);
        await writer.WriteAsync(new WriteBatch(JobList.Duty, 1).Add(new HistoryPurged(room, before, users)), stop);
    }
}
