using Matrix.Core.Json;
using Matrix.Host.Rooms.Snapshots;

namespace Matrix.Host.Rooms.Sending;

/// <summary>
/// Memberships that other servers take part in: invites of their users, and rooms that local users know only by an
/// invite or knock.
/// </summary>
internal interface IRemoteMemberships
{
    /// <summary>Why the room does not allow the invite, without a request to another server; null if it does.</summary>
    ValueTask<RoomFailure?> RefusedInviteAsync(
        RoomSnapshot room, string sender, string userId, CancellationToken stop);

    /// <summary>Invites a user of another server. Nothing changes if they are invited already.</summary>
    /// <param name="timestamp">Milliseconds since the epoch; null for now.</param>
    /// <returns>The event's id.</returns>
    ValueTask<RoomResult<string>> InviteAsync(
        RoomSnapshot room, string sender, string userId, JsonObject content, long? timestamp, CancellationToken stop);

    /// <summary>
    /// Leaves a room that the user knows only by an invite or knock. The user has left it in any case, also if no
    /// server could be reached. Nothing changes if they have left it already.
    /// </summary>
    /// <param name="who">The user or application service that causes the requests.</param>
    /// <param name="userId">The user.</param>
    /// <param name="roomId">The room.</param>
    /// <param name="reason">The event's `reason`; null for none.</param>
    /// <returns>Whether there was such a room.</returns>
    ValueTask<bool> LeaveAsync(string who, string userId, string roomId, string? reason, CancellationToken stop);

    /// <summary>Knocks on a room in which this server has no user, through one of these servers.</summary>
    ValueTask<RoomFailure?> KnockAsync(
        string who,
        string userId,
        string roomId,
        IReadOnlyList<string> servers,
        string? reason,
        CancellationToken stop);

    /// <summary>Forgets a room whose invite or knock ended.</summary>
    /// <returns>Whether there was such a room; the failure if it has not ended.</returns>
    ValueTask<RoomResult<bool>> ForgetAsync(string userId, string roomId, CancellationToken stop);
}
