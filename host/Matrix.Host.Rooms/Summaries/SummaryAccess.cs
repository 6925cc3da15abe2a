using Matrix.Host.Rooms.Servers;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Summaries;

/// <summary>Who may see the summary of a room: those who may join it, knock on it or read it.</summary>
public sealed class SummaryAccess(RoomSnapshots rooms, ServerAccess servers)
{
    /// <summary>Whether a user may see a summary.</summary>
    /// <param name="userId">The user; null for somebody without an account.</param>
    /// <param name="membership">The user's membership of the room; null for none.</param>
    public async ValueTask<bool> MaySeeAsync(
        string? userId, RoomSummary summary, Membership? membership, CancellationToken stop) =>
        summary.IsOpen
            || membership is Membership.Join or Membership.Invite
            || (userId is not null
                && membership != Membership.Ban
                && summary.IsRestricted
                && await IsInAnyAsync(userId, summary.AllowedRooms, stop));

    /// <summary>Whether another server may see the summary of a room that is known here.</summary>
    public async ValueTask<bool> MayServerSeeAsync(
        string server, RoomSnapshot snapshot, RoomSummary summary, CancellationToken stop)
    {
        if (summary.IsOpen
            || await servers.IsJoinedAsync(server, snapshot, stop)
            || await servers.IsInvitedAsync(server, snapshot, stop))
        {
            return true;
        }

        if (!summary.IsRestricted) return false;
        foreach (var roomId in summary.AllowedRooms)
        {
            if (await rooms.FindAsync(roomId, stop) is { } allowed
                && await servers.IsJoinedAsync(server, allowed, stop))
            {
                return true;
            }
        }

        return false;
    }

    private async ValueTask<bool> IsInAnyAsync(
        string userId, IReadOnlyList<string> roomIds, CancellationToken stop)
    {
        foreach (var roomId in roomIds)
        {
            if (await rooms.FindAsync(roomId, stop) is { } room && room.Local.IsJoined(userId))
            {
                return true;
            }
        }

        return false;
    }
}
