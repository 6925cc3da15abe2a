using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.Memberships;

/// <summary>Joins, invites and departures of local users: the rooms of each user's list.</summary>
internal sealed class MembershipStream(Notifier notifier) : IChangeConsumer
{
    public void OnChange(Change change, long position)
    {
        if (change is not MembershipChanged { IsLocal: true } changed
            || notifier.Touched(changed.UserId) is not { } stream)
        {
            return;
        }

        var membership = changed.After switch
        {
            Membership.Join => ShownMembership.Joined,
            Membership.Invite => ShownMembership.Invited,
            _ => ShownMembership.Left,
        };
        notifier.SetMembership(stream, changed.Room, membership, position, notifier.ToWake);
    }

    public void Missed(long through) => notifier.ForgetAll(through);
}
