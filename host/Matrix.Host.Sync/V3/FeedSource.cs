using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.V3;

/// <summary>Fills feeds from the memberships.</summary>
internal sealed class FeedSource(IMembershipsTable memberships) : IFeedSource
{
    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<RoomStanding>> StandingsAsync(string userId, CancellationToken stop)
    {
        var rows = await memberships.RoomsOfAsync(userId, MembershipSet.Join | MembershipSet.Invite, stop).ConfigureAwait(false);
        return
        [
            .. rows.OrderByDescending(row => row.Position).Select(row => new RoomStanding(
                row.Room, row.Membership == Membership.Join ? Standing.Joined : Standing.Invited, row.Position)),
        ];
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> SharingWithAsync(string userId, CancellationToken stop) =>
        memberships.LocalUsersSharingWithAsync(userId, stop);
}
