using Matrix.Host.Storage;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Rooms;

/// <summary>Rooms with their events and states, one after the other by their ids.</summary>
internal sealed class RoomsPart : IImportPart
{
    public string Name => "rooms";

    public string Title => "rooms and their events";

    public IReadOnlyList<string> Tables { get; } =
    [
        "current_state_delta_stream", "current_state_events", "event_auth", "event_auth_chain_links",
        "event_auth_chain_to_calculate", "event_auth_chains", "event_backward_extremities", "event_edges",
        "event_failed_pull_attempts", "event_forward_extremities", "event_json", "event_relations",
        "event_to_state_groups", "event_txn_id", "event_txn_id_device_id", "events", "ex_outlier_stream",
        "local_current_membership", "partial_state_events", "partial_state_rooms", "partial_state_rooms_servers",
        "redactions", "rejections", "room_depth", "room_memberships", "rooms", "state_events", "state_group_edges",
        "state_groups", "state_groups_pending_deletion", "state_groups_persisting", "state_groups_state",
        "stream_ordering_to_exterm", "threads", "timeline_gaps",
    ];

    public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        context.Source.NumberAsync("SELECT COUNT(*) FROM events", stop);

    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var partial = await PartialAsync(context, stop);
        var reached = RoomsReached.Of(progress.Reached);
        var (nid, saved) = (reached.Room, reached.Calls);
        var roomId = saved == RoomsReached.All ? await NextAsync(context, reached.RoomId, stop) : reached.RoomId;
        if (saved == RoomsReached.All) nid++;
        while (roomId is not null)
        {
            var room = new RoomNid(nid);
            var changes = new RoomChanges(progress, room, roomId, Math.Max(0, saved));
            changes.Read("rooms");
            var (known, reason) = context.Choices.WithoutEmptyRooms && await IsEmptyAsync(context, roomId, stop)
                ? (null, "No local user is in it.")
                : await KnownRoom.ReadAsync(context, roomId, partial, stop);
            if (known is not null) await new RoomImport(context, known, room, changes).RunAsync(stop);
            else if (reason.Length > 0) await LeftOutRooms.TakeAsync(context, roomId, reason, changes, stop);
            if (known is null) nid--;
            await new RoomChanges(progress, new RoomNid(nid), roomId, 0).EndAsync(stop);
            (roomId, saved, nid) = (await NextAsync(context, roomId, stop), 0, nid + 1);
        }
    }

    /// <summary>The next room with events; null if there is none.</summary>
    private static async Task<string?> NextAsync(ImportContext context, string after, CancellationToken stop)
    {
        await foreach (var row in context.Source.RowsAsync(
            "SELECT MIN(room_id) FROM events WHERE room_id > $1", stop, after))
        {
            return row.TextOrNull(0);
        }

        return null;
    }

    private static async Task<HashSet<string>> PartialAsync(ImportContext context, CancellationToken stop) =>
        context.Source.HasTable("partial_state_rooms")
            ? [.. await context.Source.ListAsync(
                "SELECT room_id FROM partial_state_rooms", static row => row.Text(0), stop)]
            : [];

    private static async Task<bool> IsEmptyAsync(ImportContext context, string roomId, CancellationToken stop) =>
        await context.Source.NumberAsync(
            """
            SELECT COUNT(*) FROM local_current_membership
            WHERE room_id = $1 AND membership IN ('join', 'invite', 'knock')
            """,
            stop,
            roomId) == 0;
}
