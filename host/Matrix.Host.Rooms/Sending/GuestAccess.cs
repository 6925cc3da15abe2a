using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Lanes;

namespace Matrix.Host.Rooms.Sending;

/// <summary>
/// Whether a room admits guests: only if its `m.room.guest_access` says so. v1.19 client-server-api#guest-access
/// </summary>
internal static class GuestAccess
{
    internal const string EventType = EventTypes.GuestAccess;

    /// <summary>The failure of a guest who may not be in a room.</summary>
    internal static RoomFailure Closed { get; } = new(
        RoomFailureKind.GuestsForbidden, "The room does not admit guests.");

    /// <summary>Whether the content of the event admits guests; null for no event.</summary>
    internal static bool IsOpen(JsonObject? content) => content?.Text("guest_access") == "can_join";

    /// <summary>Whether the room of a session in its lane admits guests.</summary>
    internal static async ValueTask<bool> IsOpenAsync(LaneState state, LaneSession session, CancellationToken stop) =>
        IsOpen((await state.EventAsync(session, EventType, "", stop))?.Pdu.Content);
}
