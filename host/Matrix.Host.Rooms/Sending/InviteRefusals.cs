using Matrix.Host.Rooms.Policies;

namespace Matrix.Host.Rooms.Sending;

/// <summary>Says why users cannot be invited, apart from the rules of rooms.</summary>
internal sealed class InviteRefusals(PolicyLists policies, ILocalUsers users, RoomsOptions options)
{
    /// <summary>Whether a user is a user of another server.</summary>
    internal bool IsRemote(string userId) => RoomNames.ServerOf(userId) != options.ServerName;

    /// <summary>
    /// Why a user cannot be invited, whatever the room's rules say; null if they can be. Another server decides whether
    /// its users accept invites.
    /// </summary>
    /// <param name="roomId">The room; null for one that is being created.</param>
    internal async ValueTask<RoomFailure?> OfAsync(
        string sender, string userId, string? roomId, CancellationToken stop)
    {
        if (await policies.RefusedInviteAsync(sender, userId, roomId, stop) is { } refused)
        {
            return refused;
        }

        if (IsRemote(userId)) return null;
        if (await users.UnknownAsync(userId, stop) is { } unknown) return unknown;

        return await users.BlocksInvitesAsync(userId, stop)
            ? new RoomFailure(RoomFailureKind.InviteBlocked, $"{userId} does not accept invites.")
            : null;
    }
}
