using Matrix.Core.Push;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Users.Caching;

namespace Matrix.Host.Users.PushRules;

/// <summary>Users' push rules, parsed, in memory. Most users have not changed the defaults.</summary>
public sealed class PushRuleCache(IAccountDataTable accountData, long cacheBytes) : IChangeConsumer
{
    private readonly AccountDataCache<Rules> _rules = new(
        accountData,
        UserPushRules.Type,
        static (userId, row) => new Rules(row is null ? null : UserPushRules.Parse(userId, row.Content)),
        cacheBytes,
        static rules => rules.Own is null ? 50 : 4096);

    /// <summary>The user's rules; null if the user has not changed the defaults.</summary>
    public async ValueTask<Ruleset?> OfAsync(string userId, CancellationToken stop) =>
        (await _rules.OfAsync(userId, stop).ConfigureAwait(false)).Own;

    /// <inheritdoc/>
    public void Take(Change change, long position) => _rules.Take(change, position);

    /// <inheritdoc/>
    public void Missed(long through) => _rules.Missed(through);

    private sealed record Rules(Ruleset? Own);
}
