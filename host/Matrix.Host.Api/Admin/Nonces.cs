using System.Security.Cryptography;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Api.Admin;

/// <summary>
/// Numbers that can be used once, within a minute. One whose shard was given away is used up.
/// </summary>
internal sealed class Nonces(ShardGates gates, TimeProvider clock)
{
    private const int Most = 1000;
    private static readonly TimeSpan _lifetime = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (DateTimeOffset At, long Opening)> _expiries = new(StringComparer.Ordinal);
    private readonly Queue<string> _byAge = new();

    /// <summary>Creates a nonce. If there are too many, the oldest become invalid.</summary>
    internal string New()
    {
        var nonce = MintedIds.Draw(
            gates, static () => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)), out var visit);
        using var inside = visit;
        lock (_lock)
        {
            while (_byAge.Count >= Most) _expiries.Remove(_byAge.Dequeue());
            _byAge.Enqueue(nonce);
            _expiries[nonce] = (clock.GetUtcNow() + _lifetime, visit.Opening);
        }

        return nonce;
    }

    /// <summary>Uses a nonce. False if it is unknown, used or expired.</summary>
    /// <exception cref="StorageException">Another node has the nonce, if there is one.</exception>
    internal bool Use(string nonce)
    {
        using var visit = gates.Enter(Authority.Minted(nonce));
        lock (_lock)
        {
            return _expiries.Remove(nonce, out var expiry)
                && expiry.At > clock.GetUtcNow()
                && expiry.Opening == visit.Opening;
        }
    }
}
