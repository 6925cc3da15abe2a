using Matrix.Core.Json;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>Takes events of rooms that users of this server know only by an invite or knock.</summary>
public interface IStrippedRoomEvents
{
    /// <summary>Takes an event that ends a user's invite or knock.</summary>
    /// <returns>The event's id, and the reason why it was not taken (empty if it was); null if it ends none.</returns>
    ValueTask<(string EventId, string Reason)?> ReceiveAsync(string roomId, JsonObject pdu, CancellationToken stop);
}
