using Matrix.Core.Json;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;

namespace Matrix.Host.Sync.EventStream;

/// <summary>A request for the events after a token.</summary>
/// <param name="Reader">The user and device.</param>
/// <param name="From">The token; null for what comes from now on.</param>
/// <param name="Timeout">The longest wait for events.</param>
public sealed record EventsRequest(UserDevice Reader, string? From, TimeSpan Timeout)
{
    /// <summary>Whether the user's account data is among the events of all rooms.</summary>
    public bool WithAccountData { get; init; } = true;
}

/// <summary>The presence of those whom a user sees. v1.19 client-server-api#presence</summary>
public interface IPresentUsers
{
    /// <summary>The presence events of the user, and of the present users who share a room with them.</summary>
    ValueTask<IReadOnlyList<Json>> OfAsync(string userId, CancellationToken stop);
}

/// <summary>
/// The event stream of clients that do not sync, and of those that look into a room without joining it. Client-Server
/// API, `GET /events` and "Room Previews".
/// </summary>
public interface IEventFeed
{
    /// <summary>
    /// Writes the next events of all rooms of the user, with typing users, receipts and presence, at once or as soon as
    /// there are some.
    /// </summary>
    /// <returns>Why nothing was written; null if it was.</returns>
    ValueTask<RoomFailure?> OfUserAsync(EventsRequest request, ResponseWriter response, CancellationToken stop);

    /// <summary>The same of one room that the user may read.</summary>
    ValueTask<RoomFailure?> OfRoomAsync(
        EventsRequest request, string roomId, ResponseWriter response, CancellationToken stop);
}

/// <summary>
/// Rooms as they are now, with their latest messages. v1.19 client-server-api#get_matrixclientv3initialsync,
/// v1.19 client-server-api#get_matrixclientv3roomsroomidinitialsync
/// </summary>
public interface IInitialSync
{
    /// <summary>Writes all rooms of the user.</summary>
    /// <param name="limit">The most messages of each room; null for the usual number.</param>
    /// <param name="archived">Whether left rooms are included.</param>
    ValueTask OfUserAsync(
        UserDevice reader, long? limit, bool archived, ResponseWriter response, CancellationToken stop);

    /// <summary>Writes one room that the user may read.</summary>
    /// <returns>Why nothing was written; null if it was.</returns>
    ValueTask<RoomFailure?> OfRoomAsync(
        UserDevice reader, string roomId, long? limit, ResponseWriter response, CancellationToken stop);
}
