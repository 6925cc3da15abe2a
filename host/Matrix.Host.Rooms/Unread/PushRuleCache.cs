using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Push;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;

namespace Matrix.Host.Rooms.Unread;

/// <summary>Users' push rules, made ready for evaluation. Most users have the server's rules untouched.</summary>
public sealed class PushRuleCache(IAccountDataTable accountData, long cacheBytes) : IChangeConsumer
{
    /// <summary>The type of account data that holds a user's push rules.</summary>
    public const string Type = "m.push_rules";

    private readonly ByteCache<string, Rules> _rules = new(cacheBytes, static rules => rules.Own is null ? 50 : 4096);

    /// <summary>Counts changes, by a stripe of users: what was read while its count moved may be stale.</summary>
    private readonly int[] _changes = new int[256];

    /// <summary>The user's rules; null if they are the server's, untouched.</summary>
    public async ValueTask<Ruleset?> OfAsync(string userId, CancellationToken stop)
    {
        if (_rules.TryGet(userId, out var known)) return known.Own;
        int before = Volatile.Read(ref Changes(userId));
        var row = await accountData.FindAsync(userId, null, Type, stop).ConfigureAwait(false);
        var own = row is null ? null : Parse(userId, row.Content);
        _rules.Put(userId, new Rules(own));
        if (Volatile.Read(ref Changes(userId)) != before) _rules.Remove(userId);
        return own;
    }

    /// <summary>The content of `m.push_rules` account data, the server's rules included.</summary>
    public static JsonObject ContentOf(string userId, ReadOnlyMemory<byte> stored) => (Parse(userId, stored) ?? Ruleset.Default(userId)).ToContent();

    /// <summary>The same for a user who changed nothing.</summary>
    public static JsonObject DefaultContent(string userId) => Ruleset.Default(userId).ToContent();

    /// <inheritdoc/>
    public void Take(Change change, long position)
    {
        if (change is not AccountDataPut { Type: Type } put) return;
        Interlocked.Increment(ref Changes(put.UserId));
        _rules.Remove(put.UserId);
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        for (var i = 0; i < _changes.Length; i++) Interlocked.Increment(ref _changes[i]);
        _rules.Clear();
    }

    private ref int Changes(string userId) => ref _changes[(uint)string.GetHashCode(userId, StringComparison.Ordinal) % _changes.Length];

    private static Ruleset? Parse(string userId, ReadOnlyMemory<byte> stored) =>
        JsonText.TryParseStored(stored.Span, out var content) ? Ruleset.Parse(userId, content) : null;

    private sealed record Rules(Ruleset? Own);
}
