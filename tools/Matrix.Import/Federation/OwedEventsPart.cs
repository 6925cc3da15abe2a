using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Consumers;
using Matrix.Host.Storage.Tables.Destinations;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Federation;

/// <summary>
/// The events that other servers are owed: of each room the newest that Synapse had for a server, if the server had not
/// taken it. The server fetches what came between. Events that Synapse had not given to its queues yet are those after
/// its position, which becomes that of this server's sender.
/// </summary>
internal sealed class OwedEventsPart() : TablePart(
    "owed-events",
    "events that other servers are owed",
    "events owed to other servers",
    "destination_rooms",
    "destinations",
    "federation_stream_position")
{
    private const string Gone = "events owed of rooms that were not carried";
    private const int MostRooms = 10_000;

    private readonly Dictionary<string, RoomNid?> _rooms = new(StringComparer.Ordinal);

    protected override IReadOnlyList<object> Begin { get; } = ["", ""];

    protected override string Sql(SynapseSource source) => """
        SELECT r.destination, r.room_id, e.event_id FROM destination_rooms r
        LEFT JOIN destinations d ON d.destination = r.destination
        LEFT JOIN events e ON e.stream_ordering = r.stream_ordering
        WHERE r.stream_ordering > COALESCE(d.last_successful_stream_ordering, 0)
            AND (r.destination, r.room_id) > ($1, $2)
        ORDER BY r.destination, r.room_id
        """;

    protected override async ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        var (server, roomId, eventId) = (row.Text(0), row.Text(1), row.Text(2));
        if (row.IsNull(2))
        {
            progress.LeaveOut(Kind, $"{server} {roomId}", "The event was deleted.");
            return;
        }

        if (await RoomAsync(context, roomId, stop) is not { } room)
        {
            progress.Read(Gone);
            return;
        }

        var found = await context.Target.Events.NidsAsync(room, [eventId], stop);
        if (!found.TryGetValue(eventId, out var nid))
        {
            progress.LeaveOut(Kind, $"{server} {eventId}", "The event was not carried.");
            return;
        }

        progress.Add(new PendingEventsRecorded(server, room, [nid.Ordinal], IsOpen: false));
        progress.Written(Kind);
    }

    protected override async ValueTask EndAsync(
        ImportContext context, PartProgress progress, CancellationToken stop)
    {
        // Several processes that sent have one row each; one that never sent has -1.
        var handled = await context.Source.NumberAsync(
            "SELECT MIN(stream_id) FROM federation_stream_position WHERE type = 'events' AND stream_id >= 0", stop);
        if (handled == 0)
        {
            handled = await context.Source.NumberAsync("SELECT MAX(stream_ordering) FROM events", stop);
        }

        progress.Add(new ConsumerAdvanced("federation", handled));
    }

    private async ValueTask<RoomNid?> RoomAsync(ImportContext context, string roomId, CancellationToken stop)
    {
        if (_rooms.TryGetValue(roomId, out var known)) return known;
        if (_rooms.Count >= MostRooms) _rooms.Clear();
        return _rooms[roomId] = (await context.Target.Rooms.FindAsync(roomId, stop))?.Nid;
    }
}
