using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Transactions;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Transactions;
using Matrix.Host.Users;
using Matrix.Host.Users.ToDevice;

namespace Matrix.Host;

/// <summary>Messages to devices are remembered with the requests of rooms, so that all together have one bound.</summary>
internal sealed class SentOnce(TransactionLog log) : ISentOnce
{
    /// <inheritdoc/>
    public async ValueTask<UserFailure?> OnceAsync(
        TransactionKey transaction, Func<TransactionRecorded, ValueTask<UserFailure?>> act, CancellationToken stop)
    {
        UserFailure? mine = null;
        var result = await log.OnceAsync(
            transaction,
            async once =>
            {
                mine = await act(once.Record()).ConfigureAwait(false);
                return mine is null ? "" : new RoomFailure(RoomFailureKind.Busy, mine.Message);
            },
            stop).ConfigureAwait(false);

        // The request that was joined failed for the only reason there is.
        return result.IsOk ? null : mine ?? new UserFailure(UserFailureKind.InboxFull, result.Failure.Message);
    }
}
