using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.AccountData;

/// <summary>Account data, global or of a room.</summary>
internal sealed class AccountDataStream(Notifier notifier) : IChangeConsumer
{
    public void OnChange(Change change, long position)
    {
        if (change is AccountDataPut put)
        {
            notifier.Touched(put.UserId)?.TouchAccountData(put.Room, position, notifier.Ephemeral, notifier.ToWake);
        }
    }

    public void Missed(long through) => notifier.ForgetAll(through);
}
