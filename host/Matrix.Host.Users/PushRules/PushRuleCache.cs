using Matrix.Core.Push;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;

namespace Matrix.Host.Users.PushRules;

/// <summary>Users' push rules, parsed, in memory. Most users have not changed the defaults.</summary>
public sealed class PushRuleCache(IAccountDataTable accountData, long cacheBytes) : IChangeConsumer
{
    private readonly ByteCache<string, Rules> _rules = new(cacheBytes, static rules => rules.Own is null ? 50 : 4096);

    /// <summary>
    /// Counts changes, by a stripe of users: rules that were read while the count moved may be stale.
    /// </summary>
    private readonly int[] _changes = new int[256];

    /// <summary>The user's rules; null if the user has not changed the defaults.</summary>
    public async ValueTask<Ruleset?> OfAsync(string userId, CancellationToken stop)
    {
        if (_rules.TryGet(userId, out var known)) return known.Own;
        int before = Volatile.Read(ref Changes(userId));
        var row = await accountData.FindAsync(userId, null, UserPushRules.Type, stop).ConfigureAwait(false);
        var own = row is null ? null : UserPushRules.Parse(userId, row.Content);
        _rules.Put(userId, new Rules(own));
        if (Volatile.Read(ref Changes(userId)) != before) _rules.Remove(userId);
        return own;
    }

    /// <inheritdoc/>
    public void Take(Change change, long position)
    {
        if (change is not AccountDataPut { Type: UserPushRules.Type } put) return;
        Interlocked.Increment(ref Changes(put.UserId));
        _rules.Remove(put.UserId);
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        for (var i = 0; i < _changes.Length; i++) Interlocked.Increment(ref _changes[i]);
        _rules.Clear();
    }

    private ref int Changes(string userId) =>
        ref _changes[(uint)string.GetHashCode(userId, StringComparison.Ordinal) % _changes.Length];

    private sealed record Rules(Ruleset? Own);
}
