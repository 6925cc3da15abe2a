using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Transactions;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Transactions;
using Matrix.Host.Users;
using Matrix.Host.Users.ToDevice;

namespace Matrix.Host.Adapters;

/// <summary>Remembers to-device requests in the log of room requests, so that one bound applies to both.</summary>
internal sealed class SentOnce(TransactionLog log) : ISentOnce
{
    public async ValueTask<UserFailure?> OnceAsync(
        TransactionKey transaction, Func<TransactionRecorded, ValueTask<UserFailure?>> act, CancellationToken stop)
    {
        UserFailure? mine = null;
        var result = await log.OnceAsync(
            Authority.User(transaction.UserId),
            transaction,
            async once =>
            {
                mine = await act(once.Record());
                return mine is null ? "" : new RoomFailure(RoomFailureKind.Busy, mine.Message);
            },
            stop);

        // The request that this one joined can have failed for one reason only.
        return result.IsOk ? null : mine ?? new UserFailure(UserFailureKind.InboxFull, result.Failure.Message);
    }
}
