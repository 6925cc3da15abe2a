using Matrix.Host.Rooms.Sending;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Accounts;

/// <summary>Shows changes of accounts in the rooms that their users are in, one room after the other.</summary>
public sealed class RoomAccounts : IAccountObserver
{
    private readonly RoomMemberships _memberships;
    private readonly MemberContents _contents;
    private readonly IMembershipsTable _table;

    internal RoomAccounts(RoomMemberships memberships, MemberContents contents, IMembershipsTable table)
    {
        _memberships = memberships;
        _contents = contents;
        _table = table;
    }

    /// <inheritdoc/>
    public async ValueTask ProfileChangedAsync(string userId, CancellationToken stop)
    {
        var profile = await _contents.OfAsync(userId, "join", null, stop).ConfigureAwait(false);
        foreach (var row in await _table.RoomsOfAsync(userId, MembershipSet.Join, stop).ConfigureAwait(false))
        {
            await _memberships.ShowProfileAsync(userId, row.RoomId, profile, stop).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DeactivatedAsync(string userId, CancellationToken stop)
    {
        var rooms = await _table.RoomsOfAsync(
            userId, MembershipSet.Join | MembershipSet.Invite | MembershipSet.Knock, stop).ConfigureAwait(false);
        foreach (var row in rooms) await _memberships.LeaveAsync(userId, row.RoomId, null, stop).ConfigureAwait(false);
    }
}
