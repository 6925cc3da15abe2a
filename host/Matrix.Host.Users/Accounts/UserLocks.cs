namespace Matrix.Host.Users.Accounts;

/// <summary>
/// Lets one request at a time read, change and write back something of a user (tags, push rules, a profile). Users share locks by
/// stripe: their number is fixed.
/// </summary>
public sealed class UserLocks
{
    private const int Stripes = 1024;

    private readonly SemaphoreSlim[] _stripes = [.. Enumerable.Range(0, Stripes).Select(_ => new SemaphoreSlim(1, 1))];

    /// <summary>Waits for the user's turn; disposing ends it.</summary>
    public async ValueTask<Turn> TakeAsync(string userId, CancellationToken stop)
    {
        var stripe = _stripes[(uint)userId.GetHashCode(StringComparison.Ordinal) % Stripes];
        await stripe.WaitAsync(stop).ConfigureAwait(false);
        return new Turn(stripe);
    }

    /// <summary>A user's turn.</summary>
    public readonly struct Turn(SemaphoreSlim stripe) : IDisposable
    {
        /// <inheritdoc/>
        public void Dispose() => stripe.Release();
    }
}
