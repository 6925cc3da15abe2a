namespace Matrix.Host.Crypto;

/// <summary>The user and address that a password is hashed for. Each has a share of the queue.</summary>
/// <param name="UserId">The user whose token or browser session the request has; null for none.</param>
/// <param name="Address">The address, or the block of addresses that counts as one; null to count none.</param>
public readonly record struct HashRequester(string? UserId, string? Address)
{
    /// <summary>The operator or an administrator, who may fill the whole queue.</summary>
    public static HashRequester Operator => default;
}

/// <summary>Hashes passwords with Argon2id, a bounded number at once. RFC 9106.</summary>
public sealed class PasswordHasher : IDisposable
{
    private readonly PasswordHashCost _cost;
    private readonly SemaphoreSlim _slots;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _byUser = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _byAddress = new(StringComparer.Ordinal);
    private int _admitted;

    /// <summary>Creates a hasher with this cost.</summary>
    public PasswordHasher(PasswordHashCost cost)
    {
        _cost = cost;
        _slots = new SemaphoreSlim(cost.Concurrency, cost.Concurrency);
    }

    /// <summary>Hashes a password with a new salt; null if too many computations are already waiting.</summary>
    public Task<string?> HashAsync(string password, HashRequester by, CancellationToken stop) =>
        ComputeAsync<string?>(() => PasswordHash.Of(password, _cost).ToString(), null, by, stop);

    /// <summary>
    /// Whether the password has this hash; false for a hash of another form. Null if too many computations are already
    /// waiting.
    /// </summary>
    public Task<bool?> VerifyAsync(string hash, string password, HashRequester by, CancellationToken stop) =>
        ComputeAsync<bool?>(() => PasswordHash.Parse(hash)?.IsOf(password) ?? false, null, by, stop);

    /// <summary>Takes as long as a verification, so that an unknown user and a wrong password look the same.</summary>
    public Task<bool?> VerifyNobodyAsync(string password, HashRequester by, CancellationToken stop) =>
        ComputeAsync<bool?>(
            () =>
            {
                _ = PasswordHash.Of(password, _cost);
                return false;
            },
            null,
            by,
            stop);

    /// <summary>Whether the hash was made at another cost than the configured one.</summary>
    public bool IsOutdated(string hash) => PasswordHash.Parse(hash) is not { } known || !known.IsAt(_cost);

    /// <inheritdoc/>
    public void Dispose() => _slots.Dispose();

    private async Task<T> ComputeAsync<T>(Func<T> compute, T refused, HashRequester by, CancellationToken stop)
    {
        if (!Admit(by)) return refused;
        try
        {
            await _slots.WaitAsync(stop);
            try
            {
                return await Task.Run(compute, stop);
            }
            finally
            {
                _slots.Release();
            }
        }
        finally
        {
            Leave(by);
        }
    }

    /// <summary>Takes a place of the queue, unless it is full or the requester has its share.</summary>
    private bool Admit(HashRequester by)
    {
        lock (_gate)
        {
            if (_admitted >= _cost.Concurrency + _cost.Waiting) return false;
            if (by.UserId is { } user && _byUser.GetValueOrDefault(user) >= _cost.OfUser) return false;
            if (by.Address is { } address && _byAddress.GetValueOrDefault(address) >= _cost.OfAddress) return false;
            _admitted++;
            Count(_byUser, by.UserId, 1);
            Count(_byAddress, by.Address, 1);
            return true;
        }
    }

    private void Leave(HashRequester by)
    {
        lock (_gate)
        {
            _admitted--;
            Count(_byUser, by.UserId, -1);
            Count(_byAddress, by.Address, -1);
        }
    }

    private static void Count(Dictionary<string, int> counts, string? key, int change)
    {
        if (key is null) return;
        var count = counts.GetValueOrDefault(key) + change;
        if (count == 0) counts.Remove(key);
        else counts[key] = count;
    }
}
