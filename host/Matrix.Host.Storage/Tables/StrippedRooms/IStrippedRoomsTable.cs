using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Storage.Tables.StrippedRooms;

/// <summary>
/// Rooms of other servers that a local user knows only by an invite or knock, and those whose invite or knock ended. A
/// row ends when the user's membership in the room itself changes. A row takes the bytes of the member event and of the
/// stripped state; the changes bound the number of rows of each user.
/// </summary>
public interface IStrippedRoomsTable
{
    /// <summary>A user's room; null if there is none, or if the user forgot it.</summary>
    ValueTask<StrippedRoomRow?> FindAsync(string userId, string roomId, CancellationToken stop);

    /// <summary>
    /// A user's rooms that changed after one position and up to another, the earliest first; those that the user forgot
    /// are among them, and marked.
    /// </summary>
    ValueTask<IReadOnlyList<StrippedRoomRow>> OfUserAsync(
        string userId, long after, long through, CancellationToken stop);

    /// <summary>
    /// The rooms of all users that changed after one position and up to another, the earliest first; at most this many.
    /// </summary>
    ValueTask<IReadOnlyList<(string UserId, StrippedRoomRow Room)>> ChangedAsync(
        long after, long through, int limit, CancellationToken stop);
}

/// <summary>A room that a user knows by stripped state.</summary>
/// <param name="Server">A server in the room: that of the inviter, or the one that accepted the knock.</param>
/// <param name="Membership">Invite or knock; leave if it ended.</param>
/// <param name="Sender">The sender of the member event.</param>
/// <param name="EventId">The id of the member event; of the last invite or knock if it ended without an event.</param>
/// <param name="Event">The member event; empty if the invite or knock ended without one.</param>
/// <param name="State">
/// Stripped state events, the member event among them, as a JSON array; empty if the invite or knock ended.
/// </param>
/// <param name="Position">The position of the last change.</param>
public sealed record StrippedRoomRow(
    string RoomId,
    string Version,
    string Server,
    Membership Membership,
    string Sender,
    string EventId,
    ReadOnlyMemory<byte> Event,
    ReadOnlyMemory<byte> State,
    long Position)
{
    /// <summary>The id of the invite or knock that ended; null if none did.</summary>
    public string? EndedId { get; init; }

    /// <summary>
    /// When the invite or knock ended without an event, in milliseconds; 0 if it did not, or before this was recorded.
    /// </summary>
    public long EndedAt { get; init; }

    /// <summary>Whether the user forgot the room after the end of the invite or knock.</summary>
    public bool Forgotten { get; init; }

    /// <summary>Whether the user is still invited, or knocking.</summary>
    public bool IsOpen => Membership is Membership.Invite or Membership.Knock;
}

/// <summary>
/// A user was invited to a room of other servers, or knocked on one. Not applied if the user has as many such rooms as
/// are allowed, and this is one more; nor if the room itself has the event; nor if that invite or knock has ended.
/// </summary>
/// <param name="Room">The room. Its position is that of the batch.</param>
/// <param name="MostOpen">The most rooms by which the user is invited or knocking.</param>
public sealed record StrippedRoomEntered(string UserId, StrippedRoomRow Room, int MostOpen) : ConditionalChange
{
    internal override int Weight => 300 + Room.Event.Length + Room.State.Length;
}

/// <summary>The stripped state of a knock came, if the knock is still the last one and has not ended.</summary>
/// <param name="EventId">The id of the knock.</param>
/// <param name="State">The stripped state.</param>
public sealed record StrippedRoomDescribed(
    string UserId, string RoomId, string EventId, ReadOnlyMemory<byte> State) : Change
{
    internal override int Weight => 300 + State.Length;
}

/// <summary>An invite to a room of other servers, or a knock on one, ended, if it is still the last one.</summary>
/// <param name="EndedId">The id of the invite or knock.</param>
/// <param name="Sender">The sender of the event that ended it.</param>
/// <param name="EventId">The id of that event; the same as <paramref name="EndedId"/> if there is none.</param>
/// <param name="Event">The event; empty if there is none.</param>
/// <param name="MostEnded">The most ended rooms of the user that are kept; the earliest are deleted.</param>
public sealed record StrippedRoomLeft(
    string UserId,
    string RoomId,
    string EndedId,
    string Sender,
    string EventId,
    ReadOnlyMemory<byte> Event,
    int MostEnded) : Change
{
    /// <summary>The time in milliseconds, if there is no event that has it.</summary>
    public long EndedAt { get; init; }

    internal override int Weight => 300 + Event.Length;
}

/// <summary>
/// A user forgets a room whose invite or knock ended. Not applied while it is open. The row stays, so that the user's
/// other devices hear of the end.
/// </summary>
public sealed record StrippedRoomForgotten(string UserId, string RoomId) : ConditionalChange;
