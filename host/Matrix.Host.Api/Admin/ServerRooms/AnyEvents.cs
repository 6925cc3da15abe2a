using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Api.Admin.ServerRooms;

/// <summary>Events of all rooms, for administrators.</summary>
internal sealed class AnyEvents(RoomAccess access, EventPages pages)
{
    /// <summary>The event of that id; null if the room has none that is shown to members.</summary>
    internal async ValueTask<StoredEvent?> FindAsync(
        string adminId, string roomId, string eventId, CancellationToken stop)
    {
        var readable = await access.AllOfAsync(adminId, roomId, stop);
        return readable.IsOk ? await pages.FindAsync(readable.Value, eventId, stop) : null;
    }
}
