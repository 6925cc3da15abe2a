using Matrix.Host.Storage.Tables.Transactions;

namespace Matrix.Host.Users.ToDevice;

/// <summary>
/// Carries a request out once, however often it comes. Client-Server API, "Transaction identifiers". The requests of
/// rooms and of users are remembered in one place, which is outside of both.
/// </summary>
public interface ISentOnce
{
    /// <summary>Does it, unless the same request was carried out before; one that is under way is joined.</summary>
    /// <param name="transaction">What makes two requests the same.</param>
    /// <param name="act">Does it, and writes in the same set that it was done.</param>
    /// <param name="stop">Cancels waiting, not what is under way.</param>
    /// <returns>Why it was not done; null if it was, now or before.</returns>
    ValueTask<UserFailure?> OnceAsync(
        TransactionKey transaction, Func<TransactionRecorded, ValueTask<UserFailure?>> act, CancellationToken stop);
}
