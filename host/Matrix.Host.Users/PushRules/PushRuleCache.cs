using Matrix.Core.Json;
using Matrix.Core.Push;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Users.Caching;

namespace Matrix.Host.Users.PushRules;

/// <summary>Users' push rules, parsed, in memory. Most users have not changed the defaults.</summary>
public sealed class PushRuleCache(IAccountDataTable accountData, long cacheBytes) : IChangeConsumer
{
    /// <summary>Bytes that a user's own rules take, with their patterns made ready, for each byte as JSON.</summary>
    private const long BytesPerStored = 16;

    private static readonly int _defaultBytes = CanonicalJson.Bytes(
        Json.Of(UserPushRules.DefaultContent(""))).Length;

    private readonly AccountDataCache<Rules> _rules = new(
        accountData,
        UserPushRules.Type,
        static (userId, row) => row is null
            ? new Rules(null, 0)
            : new Rules(UserPushRules.Parse(userId, row.Content), Math.Max(0, row.Content.Length - _defaultBytes)),
        cacheBytes,
        static rules => rules.Own is null ? 50 : 4096 + (BytesPerStored * rules.OwnBytes));

    /// <summary>The user's rules; null if the user has not changed the defaults.</summary>
    public async ValueTask<Ruleset?> OfAsync(string userId, CancellationToken stop) =>
        (await _rules.OfAsync(userId, stop)).Own;

    /// <inheritdoc/>
    public void OnChange(Change change, long position) => _rules.OnChange(change, position);

    /// <inheritdoc/>
    public void Missed(long through) => _rules.Missed(through);

    private sealed record Rules(Ruleset? Own, long OwnBytes);
}
