using Matrix.Host.Rooms.Sending;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Accounts;

/// <summary>Shows changes of accounts in the rooms that their users are in, one room after the other.</summary>
public sealed class RoomAccounts : IAccountObserver
{
    private readonly RoomMemberships _memberships;
    private readonly ShownProfiles _profiles;
    private readonly IMembershipsTable _table;

    internal RoomAccounts(RoomMemberships memberships, ShownProfiles profiles, IMembershipsTable table)
    {
        _memberships = memberships;
        _profiles = profiles;
        _table = table;
    }

    /// <inheritdoc/>
    public async ValueTask ProfileChangedAsync(string userId, CancellationToken stop) =>
        await _profiles.ShowAsync(userId).WaitAsync(stop).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask DeactivatedAsync(string userId, CancellationToken stop)
    {
        var rooms = await _table.RoomsOfAsync(
            userId, MembershipSet.Join | MembershipSet.Invite | MembershipSet.Knock, stop).ConfigureAwait(false);
        foreach (var row in rooms) await _memberships.LeaveAsync(userId, row.RoomId, null, stop).ConfigureAwait(false);
    }
}
