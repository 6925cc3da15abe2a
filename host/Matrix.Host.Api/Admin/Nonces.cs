using System.Security.Cryptography;

namespace Matrix.Host.Api.Admin;

/// <summary>Numbers that can be used once, within a minute.</summary>
internal sealed class Nonces(TimeProvider clock)
{
    private const int Most = 1000;
    private static readonly TimeSpan _lifetime = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, DateTimeOffset> _expiries = new(StringComparer.Ordinal);
    private readonly Queue<string> _byAge = new();

    /// <summary>Creates a nonce. If there are too many, the oldest become invalid.</summary>
    internal string New()
    {
        var nonce = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        lock (_lock)
        {
            while (_byAge.Count >= Most) _expiries.Remove(_byAge.Dequeue());
            _byAge.Enqueue(nonce);
            _expiries[nonce] = clock.GetUtcNow() + _lifetime;
        }

        return nonce;
    }

    /// <summary>Uses a nonce. False if it is unknown, used or expired.</summary>
    internal bool Use(string nonce)
    {
        lock (_lock) return _expiries.Remove(nonce, out var expiry) && expiry > clock.GetUtcNow();
    }
}
