using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Writing;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams;

/// <summary>Account data, of a user or of a user in a room.</summary>
internal sealed class AccountDataStream(SyncBoard board) : IChangeConsumer
{
    /// <inheritdoc/>
    public void Take(WriteOperation change, long position)
    {
        if (change is PutAccountData put) board.Touched(put.UserId)?.TouchAccountData(put.Room, position, board.Ephemeral, board.ToWake);
    }

    /// <inheritdoc/>
    public void Missed(long through) => board.ForgetAll(through);
}
