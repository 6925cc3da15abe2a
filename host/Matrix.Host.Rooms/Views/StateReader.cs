using Matrix.Core.Json;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Views;

/// <summary>The state events of a room as readers see it.</summary>
public sealed class StateReader(EventStore events)
{
    /// <summary>The state event of a key; null if there is none.</summary>
    public ValueTask<StoredEvent?> EventAsync(RoomView view, string eventType, string stateKey, CancellationToken stop) =>
        view.State.Find(eventType, stateKey) is { } entry
            ? events.GetAsync(view.Room, EventNid.Of(view.Room.Nid, entry.Ordinal), stop)
            : ValueTask.FromResult<StoredEvent?>(null);

    /// <summary>Its content; null if there is none.</summary>
    public async ValueTask<JsonObject?> ContentAsync(RoomView view, string eventType, string stateKey, CancellationToken stop) =>
        (await EventAsync(view, eventType, stateKey, stop).ConfigureAwait(false))?.Pdu.Content;
}
