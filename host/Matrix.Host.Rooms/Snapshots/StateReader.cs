using Matrix.Core.Json;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Snapshots;

/// <summary>Reads state events of a snapshot.</summary>
public sealed class StateReader(EventStore events)
{
    /// <summary>The state event of a key; null if there is none.</summary>
    public ValueTask<StoredEvent?> EventAsync(
        RoomSnapshot snapshot, string eventType, string stateKey, CancellationToken stop) =>
        snapshot.State.Find(eventType, stateKey) is { } entry
            ? events.GetAsync(snapshot.Room, EventNid.Of(snapshot.Room.Nid, entry.Ordinal), stop)
            : ValueTask.FromResult<StoredEvent?>(null);

    /// <summary>
    /// Reads the state events of these types, with an empty state key, of several rooms into memory at once.
    /// </summary>
    internal ValueTask LoadAsync(
        IEnumerable<RoomSnapshot> snapshots, IReadOnlyList<string> types, CancellationToken stop) =>
        events.LoadAsync(
            from snapshot in snapshots
            from type in types
            let entry = snapshot.State.Find(type, "")
            where entry is not null
            select (snapshot.Room, EventNid.Of(snapshot.Room.Nid, entry.Ordinal)),
            stop);

    /// <summary>Its content; null if there is none.</summary>
    public async ValueTask<JsonObject?> ContentAsync(
        RoomSnapshot snapshot, string eventType, string stateKey, CancellationToken stop) =>
        (await EventAsync(snapshot, eventType, stateKey, stop))?.Pdu.Content;
}
