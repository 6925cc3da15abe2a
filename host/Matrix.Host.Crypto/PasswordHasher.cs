namespace Matrix.Host.Crypto;

/// <summary>The user and address that a password is hashed for. Each has a share of the queue.</summary>
/// <param name="UserId">The user whose token or browser session the request has; null for none.</param>
/// <param name="Address">The address, or the block of addresses that counts as one; null to count none.</param>
public readonly record struct HashRequester(string? UserId, string? Address)
{
    /// <summary>The operator or an administrator, who may fill the whole queue.</summary>
    public static HashRequester Operator => default;
}

/// <summary>
/// Hashes passwords with Argon2id, a bounded number at once, and verifies those of Synapse too. RFC 9106.
/// </summary>
public sealed class PasswordHasher : IDisposable
{
    private readonly PasswordHashCost _cost;
    private readonly SemaphoreSlim _slots;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _byUser = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _byAddress = new(StringComparer.Ordinal);
    private readonly string _pepper;
    private int _admitted;
    private volatile int _importedCost;

    /// <summary>Creates a hasher with this cost.</summary>
    public PasswordHasher(PasswordHashCost cost, ImportedPasswordOptions? imported = null)
    {
        _cost = cost;
        _pepper = imported?.Pepper ?? "";
        _slots = new SemaphoreSlim(cost.Concurrency, cost.Concurrency);
    }

    /// <summary>Hashes a password with a new salt; null if too many computations are already waiting.</summary>
    public Task<string?> HashAsync(string password, HashRequester by, CancellationToken stop) =>
        ComputeAsync<string?>(() => PasswordHash.Of(password, _cost).ToString(), null, by, stop);

    /// <summary>
    /// Whether the password has this hash; false for a hash of another form. Null if too many computations are already
    /// waiting. A wrong password takes as long for any hash of the cost that is configured or expected.
    /// </summary>
    public Task<bool?> VerifyAsync(string hash, string password, HashRequester by, CancellationToken stop) =>
        ComputeAsync<bool?>(() => Verify(hash, password), null, by, stop);

    /// <summary>Takes as long as a verification, so that an unknown user and a wrong password look the same.</summary>
    public Task<bool?> VerifyNobodyAsync(string password, HashRequester by, CancellationToken stop) =>
        ComputeAsync<bool?>(() => Refuse(password, argon2: true, bcrypt: 0), null, by, stop);

    /// <summary>
    /// Says that users have hashes of Synapse, and their greatest cost: since then a wrong password takes as long as
    /// that of such a user, so that the time does not show whose account came from Synapse.
    /// </summary>
    /// <param name="greatestCost">At most <see cref="ImportedPasswords.MostCost"/>; 0 for none.</param>
    public void ExpectImported(int greatestCost) =>
        _importedCost = Math.Clamp(greatestCost, 0, ImportedPasswords.MostCost);

    /// <summary>Whether the hash was made at another cost than the configured one.</summary>
    public bool IsOutdated(string hash) => PasswordHash.Parse(hash) is not { } known || !known.IsAt(_cost);

    /// <inheritdoc/>
    public void Dispose() => _slots.Dispose();

    private bool Verify(string hash, string password)
    {
        if (PasswordHash.Parse(hash) is { } ours)
        {
            return ours.IsOf(password) || Refuse(password, argon2: false, bcrypt: 0);
        }

        return ImportedPassword.Parse(hash) is { Hash.Cost: <= ImportedPasswords.MostCost } imported
            ? imported.IsOf(password, _pepper) || Refuse(password, argon2: true, imported.Hash.Cost)
            : Refuse(password, argon2: true, bcrypt: 0);
    }

    /// <summary>False, after the rest of the computations that any wrong password takes.</summary>
    /// <param name="argon2">Whether our own hash is still to be computed.</param>
    /// <param name="bcrypt">The cost of the hash of Synapse that was computed; 0 for none.</param>
    private bool Refuse(string password, bool argon2, int bcrypt)
    {
        if (argon2) _ = PasswordHash.Of(password, _cost);
        var expected = _importedCost;
        if (expected > 0 && bcrypt == 0) BcryptHash.Spend(expected);

        // A cost is twice the one below it: what is left of it is each of those from the computed cost up.
        for (var cost = bcrypt; bcrypt > 0 && cost < expected; cost++) BcryptHash.Spend(cost);
        return false;
    }

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
