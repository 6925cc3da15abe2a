using Matrix.Host.Storage.Tables.Pushers;

namespace Matrix.Host.Outbound.Push;

/// <summary>
/// The users with pushers, in memory: about 150 bytes for each pusher, of which a user has a bounded number. A pusher
/// that was deleted stays until its sender finds that it is gone; nothing is stored for it meanwhile. It has the users
/// of shards that are pushed to from here.
/// </summary>
internal sealed class PusherIndex(PushersTable table)
{
    private const int PageSize = 1000;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, PusherName[]> _byUser = new(StringComparer.Ordinal);
    private readonly HashSet<int> _shards = [];

    /// <summary>The number of users.</summary>
    internal int Users
    {
        get
        {
            lock (_gate) return _byUser.Count;
        }
    }

    /// <summary>Keeps pushers of users of these shards from now on.</summary>
    internal void Begin(IEnumerable<int> shards)
    {
        lock (_gate) _shards.UnionWith(shards);
    }

    /// <summary>Forgets the users of these shards, and keeps none of them any more.</summary>
    internal void End(IReadOnlyCollection<int> shards)
    {
        lock (_gate)
        {
            _shards.ExceptWith(shards);
            foreach (var userId in _byUser.Keys.Where(user => !IsHere(user)).ToArray()) _byUser.Remove(userId);
        }
    }

    /// <summary>Reads all pushers of its users. Those that are set meanwhile are kept.</summary>
    internal async ValueTask LoadAsync(CancellationToken stop)
    {
        for (long after = 0; ;)
        {
            var page = await table.NamesAsync(after, PageSize, stop);
            foreach (var pusher in page) Add(pusher);
            if (page.Count < PageSize) return;
            after = page[^1].PusherId;
        }
    }

    /// <summary>A pusher was set.</summary>
    internal void Add(PusherName pusher)
    {
        lock (_gate)
        {
            if (!IsHere(pusher.UserId)) return;
            var others = _byUser.GetValueOrDefault(pusher.UserId, []);
            _byUser[pusher.UserId] = [.. others.Where(other => other.PusherId != pusher.PusherId), pusher];
        }
    }

    /// <summary>A pusher is gone.</summary>
    internal void Remove(string userId, long pusherId)
    {
        lock (_gate)
        {
            if (!_byUser.TryGetValue(userId, out var pushers)) return;
            PusherName[] left = [.. pushers.Where(other => other.PusherId != pusherId)];
            if (left.Length == 0) _byUser.Remove(userId);
            else _byUser[userId] = left;
        }
    }

    /// <summary>Whether a user has pushers.</summary>
    internal bool Has(string userId)
    {
        lock (_gate) return _byUser.ContainsKey(userId);
    }

    /// <summary>A user's pushers.</summary>
    internal IReadOnlyList<PusherName> Of(string userId)
    {
        lock (_gate) return _byUser.GetValueOrDefault(userId, []);
    }

    /// <summary>All pushers of a kind.</summary>
    internal IReadOnlyList<PusherName> OfKind(PusherKind kind)
    {
        lock (_gate) return [.. _byUser.Values.SelectMany(pushers => pushers.Where(pusher => pusher.Kind == kind))];
    }

    /// <summary>Those of these users who have pushers.</summary>
    internal List<string> Among(IReadOnlyList<string> users)
    {
        var found = new List<string>();
        lock (_gate)
        {
            if (_byUser.Count == 0) return found;
            for (var i = 0; i < users.Count; i++)
            {
                if (_byUser.ContainsKey(users[i])) found.Add(users[i]);
            }
        }

        return found;
    }

    private bool IsHere(string userId) => _shards.Contains(Core.Cluster.Shards.OfUser(userId));
}
