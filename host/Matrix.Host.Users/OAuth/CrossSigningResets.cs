namespace Matrix.Host.Users.OAuth;

/// <summary>
/// Users who confirmed on a page that their cross-signing keys may be replaced, each for a limited time and one
/// replacement. v1.19 client-server-api#oauth-authentication
/// </summary>
public sealed class CrossSigningResets(OAuthOptions options, TimeProvider clock)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, DateTimeOffset> _until = new(StringComparer.Ordinal);

    /// <summary>The user confirms.</summary>
    public void Allow(string userId)
    {
        var now = clock.GetUtcNow();
        lock (_lock)
        {
            foreach (var (user, until) in _until.ToArray())
            {
                if (until <= now) _until.Remove(user);
            }

            // A signed-in browser confirms, so the same bound holds.
            if (_until.Count < options.SignIns) _until[userId] = now + options.ResetLifetime;
        }
    }

    /// <summary>Whether the user confirmed, and it is not too long ago.</summary>
    public bool IsAllowed(string userId)
    {
        lock (_lock) return _until.TryGetValue(userId, out var until) && until > clock.GetUtcNow();
    }

    /// <summary>Uses the confirmation up, before the keys are replaced; false if there is none any more.</summary>
    public bool TryUse(string userId)
    {
        lock (_lock) return _until.Remove(userId, out var until) && until > clock.GetUtcNow();
    }
}
