using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Users;

/// <summary>
/// Serialises requests that read, change and write back data of a user (tags, push rules, a profile). A fixed number of
/// locks is shared by stripe.
/// </summary>
/// <param name="authorityOf">What has authority over a user.</param>
public sealed class UserLocks(ShardGates gates, Func<string, Authority> authorityOf)
{
    private const int Stripes = 1024;

    private readonly SemaphoreSlim[] _stripes = [.. Enumerable.Range(0, Stripes).Select(_ => new SemaphoreSlim(1, 1))];

    /// <summary>Enters the user's shard, and waits for the lock of the user; disposing releases it.</summary>
    /// <exception cref="StorageException">Another node has the user.</exception>
    public async ValueTask<HeldLock> TakeAsync(string userId, CancellationToken stop)
    {
        var visit = gates.Enter(authorityOf(userId));
        try
        {
            var stripe = _stripes[(uint)userId.GetHashCode(StringComparison.Ordinal) % Stripes];
            await stripe.WaitAsync(stop);
            return new HeldLock(stripe, visit);
        }
        catch
        {
            visit.Dispose();
            throw;
        }
    }

    /// <summary>A held lock.</summary>
    public readonly struct HeldLock(SemaphoreSlim stripe, ShardVisit visit) : IDisposable
    {
        /// <inheritdoc/>
        public void Dispose()
        {
            stripe.Release();
            visit.Dispose();
        }
    }
}
