using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Streams.Notifying;

/// <summary>A user's room, as read from storage when the user's stream is filled.</summary>
/// <param name="Membership">Joined or invited.</param>
/// <param name="Since">The position of the membership.</param>
internal readonly record struct MemberRoom(RoomNid Room, ShownMembership Membership, long Since);

/// <summary>Reads the initial content of a user's stream from storage.</summary>
internal interface IStreamSource
{
    /// <summary>The user's joined and invited rooms, those with the latest changes first.</summary>
    ValueTask<IReadOnlyList<MemberRoom>> RoomsAsync(string userId, CancellationToken stop);

    /// <summary>Local users who share a joined room with the user.</summary>
    ValueTask<IReadOnlyList<string>> SharingWithAsync(string userId, CancellationToken stop);
}

/// <summary>Reads from the memberships table.</summary>
internal sealed class StreamSource(IMembershipsTable memberships) : IStreamSource
{
    public async ValueTask<IReadOnlyList<MemberRoom>> RoomsAsync(string userId, CancellationToken stop)
    {
        var rows = await memberships.RoomsOfAsync(userId, MembershipSet.Join | MembershipSet.Invite, stop);
        return
        [
            .. rows.OrderByDescending(row => row.Position).Select(row => new MemberRoom(
                row.Room, row.Membership == Membership.Join ? ShownMembership.Joined : ShownMembership.Invited,
                row.Position)),
        ];
    }

    public ValueTask<IReadOnlyList<string>> SharingWithAsync(string userId, CancellationToken stop) =>
        memberships.LocalUsersSharingWithAsync(userId, stop);
}
