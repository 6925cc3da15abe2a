using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Writing;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams;

/// <summary>Joins, invites and departures of local users: which rooms are in whose list.</summary>
internal sealed class MembershipStream(SyncBoard board) : IChangeConsumer
{
    /// <inheritdoc/>
    public void Take(WriteOperation change, long position)
    {
        if (change is not MembershipChanged { IsLocal: true } changed || board.Touched(changed.UserId) is not { } feed) return;
        var standing = changed.After switch
        {
            Membership.Join => Standing.Joined,
            Membership.Invite => Standing.Invited,
            _ => Standing.Left,
        };
        board.Stand(feed, changed.Room, standing, position, board.ToWake);
    }

    /// <inheritdoc/>
    public void Missed(long through) => board.ForgetAll(through);
}
