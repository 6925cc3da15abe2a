using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.State;
using Matrix.Import.Runs;

namespace Matrix.Import.Rooms;

/// <summary>What is known of a room before its events are carried.</summary>
internal sealed class KnownRoom
{
    private const int Few = 1_000;

    private KnownRoom(string roomId, RoomRules rules, EventIndex events) =>
        (RoomId, Rules, Events) = (roomId, rules, events);

    public string RoomId { get; }

    public RoomRules Rules { get; }

    public EventIndex Events { get; }

    /// <summary>The create event.</summary>
    public required Pdu Create { get; init; }

    /// <summary>The power levels of the present state; null if there are none.</summary>
    public Pdu? PowerLevels { get; private init; }

    /// <summary>The members who are joined at the end.</summary>
    public int Joined { get; private init; }

    /// <summary>The ids of its redaction events.</summary>
    public required IReadOnlyList<string> Redactions { get; init; }

    /// <summary>Whether it has, or had, members of other servers.</summary>
    public bool IsFederated { get; private init; }

    /// <summary>When Synapse got the first event, in milliseconds; null if that is not known.</summary>
    public long? CreatedAt { get; private init; }

    /// <summary>The forward extremities, by id.</summary>
    public required IReadOnlyList<string> Extremities { get; init; }

    /// <summary>The transaction ids of recent sends, by event.</summary>
    public required IReadOnlyDictionary<string, (string Device, string Transaction)> Sends { get; init; }

    /// <summary>The entries of Synapse's current state; empty if no local user is in the room.</summary>
    public required IReadOnlyList<(string Type, string Key, string EventId)> Current { get; init; }

    /// <summary>Reads a room. The text says why it cannot be carried; empty if it has no events of its own.</summary>
    public static async Task<(KnownRoom? Room, string Reason)> ReadAsync(
        ImportContext context, string roomId, IReadOnlySet<string> partial, CancellationToken stop)
    {
        var source = context.Source;
        if (partial.Contains(roomId)) return (null, "Synapse has not got its whole state yet.");
        var current = await source.ListAsync(
            "SELECT type, state_key, event_id FROM current_state_events WHERE room_id = $1",
            static row => (row.Text(0), row.Text(1), row.Text(2)),
            stop,
            roomId);
        var selection = await EventSelection.ReadAsync(context, roomId, current, stop);
        if (!selection.HasPlaces) return (null, "");
        var createId = current.Find(static entry => entry is (EventTypes.Create, "", _)).Item3 ?? selection.CreateId;
        if (createId is null) return (null, "Its create event is missing.");
        var claimed = "";
        await foreach (var row in source.RowsAsync("SELECT room_version FROM rooms WHERE room_id = $1", stop, roomId))
        {
            claimed = row.Text(0);
        }

        var version = claimed.Length > 0 ? claimed : await VersionAsync(context, createId, stop);
        if (RoomRules.FindUnstable(version) is not { } rules) return (null, $"Its version {version} is not known.");
        var create = await EventAsync(context, rules, roomId, createId, stop);
        if (create.Pdu is not { Type: EventTypes.Create } createPdu)
        {
            return (null, $"Its create event cannot be read: {create.Fault}");
        }

        var levelsId = current.Find(static entry => entry is (EventTypes.PowerLevels, "", _)).Item3;
        var extremities = await source.ListAsync(
            "SELECT event_id FROM event_forward_extremities WHERE room_id = $1", static row => row.Text(0), stop,
            roomId);
        return (
            new KnownRoom(roomId, rules, selection.Events)
            {
                Create = createPdu,
                PowerLevels = levelsId is null ? null : (await EventAsync(context, rules, roomId, levelsId, stop)).Pdu,
                Joined = (int)await source.NumberAsync(
                    "SELECT COUNT(*) FROM current_state_events WHERE room_id = $1 AND membership = 'join'", stop,
                    roomId),
                Redactions = selection.Redactions,
                IsFederated = extremities.Count > 1 || await HasOthersAsync(context, roomId, stop),
                CreatedAt = selection.FirstReceivedAt,
                Extremities = extremities,
                Sends = await SendsAsync(context, roomId, stop),
                Current = current,
            },
            "");
    }

    /// <summary>The state of these entries, as far as the room has their events.</summary>
    public StateTree StateOf(IEnumerable<(string Type, string Key, string EventId)> entries, Action<string> dangling)
    {
        var found = new List<StateEntry>();
        foreach (var (type, key, eventId) in entries)
        {
            if (Events.Find(eventId) is >= 0 and var at)
            {
                found.Add(StateEntry.Of(type, key, eventId, Events.Ordinal(at)));
            }
            else
            {
                dangling(eventId);
            }
        }

        return StateTree.OfEntries(found, false);
    }

    private static async Task<string> VersionAsync(ImportContext context, string createId, CancellationToken stop)
    {
        await foreach (var row in context.Source.RowsAsync(
            "SELECT json FROM event_json WHERE event_id = $1", stop, createId))
        {
            if (JsonText.TryParseStored(row.Bytes(0), out var create)
                && JsonText.TryGet(create, "content", out var value)
                && value is Core.Json.Json.Object content)
            {
                return content.Item.Text("room_version") ?? "1";
            }
        }

        return "1";
    }

    private static async Task<SourceEvent> EventAsync(
        ImportContext context, RoomRules rules, string roomId, string eventId, CancellationToken stop)
    {
        SourceEvent? found = null;
        await foreach (var row in context.Source.RowsAsync(
            $"{SourceEvent.Columns} WHERE e.event_id = $1 AND e.room_id = $2", stop, eventId, roomId))
        {
            found = SourceEvent.Of(row, 0);
            EventReader.Read(rules, roomId, found);
        }

        return found ?? new SourceEvent
        {
            EventId = eventId,
            At = 0,
            ReceivedAt = null,
            Metadata = "",
            StateGroup = 0,
            Rejection = null,
            Fault = "It is not there.",
        };
    }

    private static async Task<bool> HasOthersAsync(ImportContext context, string roomId, CancellationToken stop)
    {
        var found = await context.Source.ListAsync(
            "SELECT user_id FROM room_memberships WHERE room_id = $1 AND user_id NOT LIKE $2 LIMIT $3",
            static row => row.Text(0),
            stop,
            roomId,
            "%:" + context.ServerName,
            Few);
        return found.Exists(userId => !context.IsLocal(userId));
    }

    private static async Task<Dictionary<string, (string Device, string Transaction)>> SendsAsync(
        ImportContext context, string roomId, CancellationToken stop)
    {
        var sends = new Dictionary<string, (string, string)>(StringComparer.Ordinal);
        if (!context.Source.HasTable("event_txn_id_device_id")) return sends;
        await foreach (var row in context.Source.RowsAsync(
            "SELECT event_id, device_id, txn_id FROM event_txn_id_device_id WHERE room_id = $1", stop, roomId))
        {
            sends[row.Text(0)] = (row.Text(1), row.Text(2));
        }

        return sends;
    }
}
