namespace Matrix.Host.Users;

/// <summary>
/// Serialises requests that read, change and write back data of a user (tags, push rules, a profile). A fixed number of
/// locks is shared by stripe.
/// </summary>
public sealed class UserLocks
{
    private const int Stripes = 1024;

    private readonly SemaphoreSlim[] _stripes = [.. Enumerable.Range(0, Stripes).Select(_ => new SemaphoreSlim(1, 1))];

    /// <summary>Waits for the lock of the user; disposing releases it.</summary>
    public async ValueTask<HeldLock> TakeAsync(string userId, CancellationToken stop)
    {
        var stripe = _stripes[(uint)userId.GetHashCode(StringComparison.Ordinal) % Stripes];
        await stripe.WaitAsync(stop);
        return new HeldLock(stripe);
    }

    /// <summary>A held lock.</summary>
    public readonly struct HeldLock(SemaphoreSlim stripe) : IDisposable
    {
        /// <inheritdoc/>
        public void Dispose() => stripe.Release();
    }
}
