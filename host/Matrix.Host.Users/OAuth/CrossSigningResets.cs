using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Users.OAuth;

/// <summary>
/// Users who confirmed on a page that their cross-signing keys may be replaced, each for a limited time and one
/// replacement. One whose user's shard was given away is gone. v1.19 client-server-api#oauth-authentication
/// </summary>
public sealed class CrossSigningResets(ShardGates gates, OAuthOptions options, TimeProvider clock)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (DateTimeOffset At, long Opening)> _until = new(StringComparer.Ordinal);

    /// <summary>The user confirms.</summary>
    /// <exception cref="StorageException">Another node has the user.</exception>
    public void Allow(string userId)
    {
        using var visit = gates.Enter(Authority.User(userId));
        var now = clock.GetUtcNow();
        lock (_lock)
        {
            foreach (var (user, until) in _until.ToArray())
            {
                if (until.At <= now) _until.Remove(user);
            }

            // A signed-in browser confirms, so the same bound holds.
            if (_until.Count < options.SignIns)
            {
                _until[userId] = (now + options.ResetLifetime, visit.Opening);
            }
        }
    }

    /// <summary>Whether the user confirmed, and it is not too long ago.</summary>
    /// <exception cref="StorageException">Another node has the user.</exception>
    public bool IsAllowed(string userId)
    {
        using var visit = gates.Enter(Authority.User(userId));
        lock (_lock) return _until.TryGetValue(userId, out var until) && Counts(until, visit);
    }

    /// <summary>Uses the confirmation up, before the keys are replaced; false if there is none any more.</summary>
    /// <exception cref="StorageException">Another node has the user.</exception>
    public bool TryUse(string userId)
    {
        using var visit = gates.Enter(Authority.User(userId));
        lock (_lock) return _until.Remove(userId, out var until) && Counts(until, visit);
    }

    private bool Counts((DateTimeOffset At, long Opening) until, ShardVisit visit) =>
        until.At > clock.GetUtcNow() && until.Opening == visit.Opening;
}
