using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;

namespace Matrix.Host.Users.Caching;

/// <summary>One type of global account data of all users, parsed, in memory.</summary>
/// <param name="parse">Parses a user's content; null if the user has none.</param>
/// <param name="sizeOf">The size of a parsed value in bytes.</param>
internal sealed class AccountDataCache<T>(
    IAccountDataTable accountData,
    string type,
    Func<string, AccountDataRow?, T> parse,
    long cacheBytes,
    Func<T, long> sizeOf) : IChangeConsumer
    where T : class
{
    private readonly ByteCache<string, T> _values = new(cacheBytes, sizeOf);

    /// <summary>
    /// Counts changes, by a stripe of users: values that were read while the count moved may be stale.
    /// </summary>
    private readonly int[] _changes = new int[256];

    /// <summary>The user's value.</summary>
    public ValueTask<T> OfAsync(string userId, CancellationToken stop) =>
        _values.TryGet(userId, out var known) ? new(known) : ReadAsync(userId, stop);

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        string? changed = change switch
        {
            AccountDataPut put when put.Room is null && put.Type == type => put.UserId,
            AccountDataDeleted deleted => deleted.UserId,
            _ => null,
        };
        if (changed is null) return;
        Interlocked.Increment(ref Changes(changed));
        _values.Remove(changed);
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        for (var i = 0; i < _changes.Length; i++) Interlocked.Increment(ref _changes[i]);
        _values.Clear();
    }

    private async ValueTask<T> ReadAsync(string userId, CancellationToken stop)
    {
        int before = Volatile.Read(ref Changes(userId));
        var row = await accountData.FindAsync(userId, null, type, stop);
        var value = parse(userId, row);
        _values.Put(userId, value);
        if (Volatile.Read(ref Changes(userId)) != before) _values.Remove(userId);
        return value;
    }

    private ref int Changes(string userId) =>
        ref _changes[(uint)string.GetHashCode(userId, StringComparison.Ordinal) % _changes.Length];
}
