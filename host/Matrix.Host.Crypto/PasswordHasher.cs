using System.Text;

namespace Matrix.Host.Crypto;

/// <summary>The cost of one password hash, and the bounds on concurrent computations.</summary>
/// <param name="MemoryBytes">Memory of one computation; at least 8,192.</param>
/// <param name="Operations">Passes over that memory; at least 1.</param>
/// <param name="Concurrency">Computations at once; others wait.</param>
/// <param name="Waiting">The most computations that wait; more are refused.</param>
public sealed record PasswordHashCost(long MemoryBytes, int Operations, int Concurrency, int Waiting)
{
    /// <summary>The most computations of one user, those that wait included.</summary>
    public int OfUser { get; init; } = 4;

    /// <summary>The most computations of one address, those that wait included.</summary>
    public int OfAddress { get; init; } = 100;
}

/// <summary>Who wants a password to be hashed: the shares of the queue are counted by it.</summary>
/// <param name="UserId">The user whose token or browser session it is; null for none.</param>
/// <param name="Address">The address, or the block of addresses that counts as one; null to count none.</param>
public readonly record struct HashRequester(string? UserId, string? Address)
{
    /// <summary>The operator or an administrator: only the whole queue bounds them.</summary>
    public static HashRequester Operator => default;
}

/// <summary>Argon2id hashes in the `$argon2id$…` form, which includes the parameters. RFC 9106.</summary>
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
        ComputeAsync<string?>(() => Hash(password), null, by, stop);

    /// <summary>Whether the password has this hash; null if too many computations are already waiting.</summary>
    public Task<bool?> VerifyAsync(string hash, string password, HashRequester by, CancellationToken stop) =>
        ComputeAsync<bool?>(() => Verify(hash, password), null, by, stop);

    /// <summary>Takes as long as a verification, so that an unknown user and a wrong password look the same.</summary>
    public Task<bool?> VerifyNobodyAsync(string password, HashRequester by, CancellationToken stop) =>
        ComputeAsync<bool?>(
            () =>
            {
                _ = Hash(password);
                return false;
            },
            null,
            by,
            stop);

    /// <summary>Whether the hash was made at another cost than the configured one.</summary>
    public unsafe bool IsOutdated(string hash)
    {
        fixed (byte* h = Terminated(hash))
        {
            return Native.crypto_pwhash_str_needs_rehash(h, (ulong)_cost.Operations, (nuint)_cost.MemoryBytes) != 0;
        }
    }

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

    private unsafe string Hash(string password)
    {
        var secret = Encoding.UTF8.GetBytes(password);
        var text = new byte[Native.PasswordStringBytes];
        fixed (byte* to = text, from = secret)
        {
            var failed = Native.crypto_pwhash_str_alg(
                to, from, (ulong)secret.Length, (ulong)_cost.Operations, (nuint)_cost.MemoryBytes, Native.Argon2Id13);
            SecretBytes.Wipe(secret);
            if (failed != 0) throw new InsufficientMemoryException("There is not enough memory to hash a password.");
        }

        return Encoding.ASCII.GetString(text, 0, Array.IndexOf(text, (byte)0));
    }

    private static unsafe bool Verify(string hash, string password)
    {
        var secret = Encoding.UTF8.GetBytes(password);
        fixed (byte* h = Terminated(hash), from = secret)
        {
            var same = Native.crypto_pwhash_str_verify(h, from, (ulong)secret.Length) == 0;
            SecretBytes.Wipe(secret);
            return same;
        }
    }

    private static byte[] Terminated(string hash)
    {
        // The library reads up to the terminating zero, at most this many bytes.
        var text = new byte[Math.Max(Native.PasswordStringBytes, Encoding.UTF8.GetByteCount(hash) + 1)];
        Encoding.UTF8.GetBytes(hash, text);
        return text;
    }
}
