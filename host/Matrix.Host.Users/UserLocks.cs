namespace Matrix.Host.Users;

/// <summary>
/// Lets one request at a time read, change and write back something of a user (tags, push rules, a profile). Users share locks by
/// stripe: their number is fixed.
/// </summary>
public sealed class UserLocks
{
    private const int Stripes = 1024;

    private readonly SemaphoreSlim[] _stripes = [.. Enumerable.Range(0, Stripes).Select(_ => new SemaphoreSlim(1, 1))];

    /// <summary>Waits for the lock of the user; disposing releases it.</summary>
    public async ValueTask<HeldLock> TakeAsync(string userId, CancellationToken stop)
    {
        var stripe = _stripes[(uint)userId.GetHashCode(StringComparison.Ordinal) % Stripes];
        await stripe.WaitAsync(stop).ConfigureAwait(false);
        return new HeldLock(stripe);
    }

    /// <summary>A held lock.</summary>
    public readonly struct HeldLock(SemaphoreSlim stripe) : IDisposable
    {
        /// <inheritdoc/>
        public void Dispose() => stripe.Release();
    }
}
