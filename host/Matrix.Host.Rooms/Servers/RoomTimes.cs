using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Servers;

/// <summary>
/// The event closest to a time that a user or a server may see.
/// v1.19 client-server-api#get_matrixclientv1roomsroomidtimestamp_to_event,
/// v1.19 server-server-api#get_matrixfederationv1timestamp_to_eventroomid
/// </summary>
public sealed class RoomTimes(
    EventTimes times,
    MissingTimes missing,
    Visibility visibility,
    ServerAccess access,
    ServerVisibility servers,
    ILocalUsers users)
{
    /// <summary>
    /// The closest event that a user may see; null if there is none. Where events are missing here, another server may
    /// have a closer one, which is fetched.
    /// </summary>
    /// <param name="who">The user or application service that causes requests to other servers.</param>
    /// <param name="readable">The part of the room that the user may read.</param>
    /// <param name="timestamp">The time.</param>
    /// <param name="forwards">Whether the event is at or after the time, rather than at or before it.</param>
    public async ValueTask<StoredEvent?> OfUserAsync(
        string who, Readable readable, long timestamp, bool forwards, CancellationToken stop)
    {
        var here = await HereAsync(readable, timestamp, forwards, stop);
        return await missing.FetchAsync(who, readable, here, timestamp, forwards, stop)
            ? await HereAsync(readable, timestamp, forwards, stop)
            : here;
    }

    /// <summary>The closest event that a server may see, if the server is in the room.</summary>
    public async ValueTask<RoomResult<StoredEvent?>> OfServerAsync(
        string server, string roomId, long timestamp, bool forwards, CancellationToken stop)
    {
        var entered = await access.ReadAsync(server, roomId, stop);
        if (!entered.IsOk) return entered.Failure;
        var room = entered.Value.Room;
        await foreach (var page in times.FromAsync(room, entered.Value.LastEvent, timestamp, forwards, stop))
        {
            foreach (var stored in page)
            {
                if (await servers.MaySeeAsync(room, server, stored, stop)) return stored;
            }
        }

        return default(StoredEvent);
    }

    private async ValueTask<StoredEvent?> HereAsync(
        Readable readable, long timestamp, bool forwards, CancellationToken stop)
    {
        var ignored = await users.IgnoredByAsync(readable.Viewer.UserId, stop);
        await foreach (var page in times.FromAsync(readable.Room, readable.Through, timestamp, forwards, stop))
        {
            var seen = await visibility.FilterAsync(readable.Room, page, readable.Viewer, stop);
            foreach (var stored in seen)
            {
                // Nor are their messages shown. v1.19 client-server-api#ignoring-users
                var isShown = !ignored.Contains(stored.Row.Sender) || (stored.Row.Marks & EventMarks.State) != 0;
                if (isShown) return stored;
            }
        }

        return null;
    }
}
