using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.ThreadSubscriptions;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.Threads;

/// <summary>Subscriptions to threads.</summary>
internal sealed class ThreadSubscriptionStream(Notifier notifier) : IChangeConsumer
{
    public void OnChange(Change change, long position)
    {
        var userId = change switch
        {
            ThreadSubscribed subscribed => subscribed.UserId,
            ThreadUnsubscribed unsubscribed => unsubscribed.UserId,
            _ => null,
        };
        if (userId is null) return;
        notifier.Touched(userId)?.TouchThreads(position, notifier.Ephemeral, notifier.ToWake);
    }

    public void Missed(long through) => notifier.ForgetAll(through);
}
