using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Streams.Notifying;

/// <summary>Fills streams from the memberships.</summary>
internal sealed class StreamSource(IMembershipsTable memberships) : IStreamSource
{
    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<MemberRoom>> RoomsAsync(string userId, CancellationToken stop)
    {
        var rows = await memberships.RoomsOfAsync(userId, MembershipSet.Join | MembershipSet.Invite, stop).ConfigureAwait(false);
        return
        [
            .. rows.OrderByDescending(row => row.Position).Select(row => new MemberRoom(
                row.Room, row.Membership == Membership.Join ? ShownMembership.Joined : ShownMembership.Invited, row.Position)),
        ];
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> SharingWithAsync(string userId, CancellationToken stop) =>
        memberships.LocalUsersSharingWithAsync(userId, stop);
}
