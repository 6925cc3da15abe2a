using Matrix.Host.Storage;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Outbound.Federation.Edus;

/// <summary>
/// The other servers that share a room with a local user now. Read once for many destinations, and again after a user
/// joined or left. Thread-safe.
/// </summary>
internal sealed class SharingServers(IStorage storage, OutboundOptions options) : IChangeConsumer, IDisposable
{
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _oneRead = new(1, 1);
    private readonly ByteCache<string, IReadOnlyDictionary<string, int>> _ofUser = new(
        options.RoomServersCacheBytes,
        static servers => 200 + servers.Keys.Sum(static name => 60L + (2 * name.Length)));

    private long _changes;

    /// <summary>Whether a server shares a room with a local user.</summary>
    internal async ValueTask<bool> ShareAsync(string server, string localUser, CancellationToken stop)
    {
        if (_ofUser.TryGet(localUser, out var known)) return known.ContainsKey(server);
        await _oneRead.WaitAsync(stop).ConfigureAwait(false);
        try
        {
            if (_ofUser.TryGet(localUser, out known)) return known.ContainsKey(server);
            long changes;
            lock (_gate) changes = _changes;
            var read = await storage.Memberships.ServersSharingWithAsync(localUser, stop).ConfigureAwait(false);
            lock (_gate)
            {
                if (changes == _changes) _ofUser.Put(localUser, read);
            }

            return read.ContainsKey(server);
        }
        finally
        {
            _oneRead.Release();
        }
    }

    /// <inheritdoc/>
    public void Take(Change change, long position)
    {
        if (change is not MembershipChanged changed) return;
        if (changed.Before == Membership.Join == (changed.After == Membership.Join)) return;
        lock (_gate)
        {
            _changes++;
            if (changed.IsLocal) _ofUser.Remove(changed.UserId);
            else _ofUser.Clear();
        }
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        lock (_gate)
        {
            _changes++;
            _ofUser.Clear();
        }
    }

    public void Dispose() => _oneRead.Dispose();
}
