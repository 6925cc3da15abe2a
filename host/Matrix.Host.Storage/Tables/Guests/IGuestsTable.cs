using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Guests;

/// <summary>
/// Guests, who are rows of users, and the rooms whose guest access changed. A room's row has 16 bytes and lasts until
/// its guests have left.
/// </summary>
public interface IGuestsTable
{
    /// <summary>Active guests who were registered before a time and not seen since, the oldest first.</summary>
    ValueTask<IReadOnlyList<string>> UnusedAsync(long since, int limit, CancellationToken stop);

    /// <summary>Those of these users who are active guests, in one query.</summary>
    ValueTask<IReadOnlyList<string>> AmongAsync(IReadOnlyCollection<string> userIds, CancellationToken stop);

    /// <summary>Rooms whose `m.room.guest_access` changed, by number: those after one.</summary>
    ValueTask<IReadOnlyList<GuestAccessChange>> ChangedRoomsAsync(RoomNid after, int limit, CancellationToken stop);
}

/// <summary>A room whose `m.room.guest_access` changed, and the position of the latest change.</summary>
public readonly record struct GuestAccessChange(RoomNid Room, long Position);

/// <summary>The guests of a room have left it, or may stay, unless its guest access changed again.</summary>
public sealed record GuestAccessHandled(GuestAccessChange Of) : Change;

/// <summary>Applies if there are fewer active guests than this; changes nothing.</summary>
public sealed record GuestsFewerThan(int Most) : ConditionalChange;

/// <summary>
/// Applies if the user is an active guest who was not seen since a time (milliseconds since the epoch); changes
/// nothing.
/// </summary>
public sealed record GuestIsUnused(string UserId, long Since) : ConditionalChange;

/// <summary>
/// Makes a guest an ordinary user. Not applied unless the token is one of an active guest of this name whose account is
/// not locked.
/// </summary>
/// <remarks>Other nodes do not get the token and the password.</remarks>
public sealed record GuestUpgraded(
    string UserId, ReadOnlyMemory<byte> AccessHash, string? PasswordHash, bool IsAdmin) : ConditionalChange;
