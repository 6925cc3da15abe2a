using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Outbound.Federation.Edus;

/// <summary>
/// The other servers that share a room with a local user now. Read once for many destinations, and again if a server
/// may share no room with the user any more, or the user joined or left. Unlike those of <see cref="CurrentServers"/>,
/// they include servers that the configuration denies. Thread-safe.
/// </summary>
internal sealed class SharingServers(
    IMembershipsTable membershipsTable, RoomSnapshots rooms, CurrentServers current, OutboundOptions options)
    : IChangeConsumer, IDisposable
{
    /// <summary>The most joins and leaves that are remembered. What was read before these is read again.</summary>
    private const int MaxMoves = 10_000;

    /// <summary>The most servers that are checked one by one before all are read again.</summary>
    private const int MaxNewcomers = 100;

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _oneRead = new(1, 1);
    private readonly ByteCache<string, Known> _ofUser = new(
        options.RoomServersCacheBytes,
        static known => 200 + known.Servers.Keys.Sum(static name => 60L + (2 * name.Length)));

    /// <summary>The joins and leaves of other servers' users.</summary>
    private readonly Queue<(string Server, Move Move)> _moves = new();
    private readonly Dictionary<string, Queue<Move>> _byServer = new(StringComparer.Ordinal);

    private long _latest;
    private long _forgotten;
    private string? _reading;

    /// <summary>Whether a server shares a room with a local user.</summary>
    internal async ValueTask<bool> ShareAsync(string server, string localUser, CancellationToken stop)
    {
        if (await KnownAsync(server, localUser, stop) is { } shares) return shares;
        await _oneRead.WaitAsync(stop);
        try
        {
            if (await KnownAsync(server, localUser, stop) is { } known) return known;
            return (await ReadAsync(localUser, stop)).ContainsKey(server);
        }
        finally
        {
            _oneRead.Release();
        }
    }

    /// <summary>
    /// The servers that share a room with a local user, and some that ceased to: <see cref="ShareAsync"/> knows.
    /// </summary>
    internal async ValueTask<IReadOnlyCollection<string>> OfAsync(string localUser, CancellationToken stop)
    {
        if (KnownOf(localUser) is not var (known, newcomers) || newcomers.Length > MaxNewcomers)
        {
            await _oneRead.WaitAsync(stop);
            try
            {
                return [.. (await ReadAsync(localUser, stop)).Keys];
            }
            finally
            {
                _oneRead.Release();
            }
        }

        List<string> servers = [.. known.Servers.Keys];
        foreach (var server in newcomers)
        {
            if (await ShareAsync(server, localUser, stop)) servers.Add(server);
        }

        return servers;
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (change is not MembershipChanged changed) return;
        var isJoin = changed.After == Membership.Join;
        if (changed.Before == Membership.Join == isJoin) return;
        lock (_gate)
        {
            if (changed.IsLocal)
            {
                _ofUser.Remove(changed.UserId);
                if (_reading == changed.UserId) _reading = null;
            }
            else
            {
                Remember(RoomNames.ServerOf(changed.UserId), new Move(++_latest, changed.Room, isJoin));
            }
        }
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        lock (_gate)
        {
            _reading = null;
            _ofUser.Clear();
        }
    }

    public void Dispose() => _oneRead.Dispose();

    /// <summary>The servers of a user as they were read, and those whose users have joined rooms since.</summary>
    private (Known Known, string[] Newcomers)? KnownOf(string localUser)
    {
        lock (_gate)
        {
            if (!_ofUser.TryGet(localUser, out var known) || known.At < _forgotten) return null;
            var joined = known.At == _latest
                ? []
                : _moves.Where(each => each.Move.Number > known.At && each.Move.IsJoin)
                    .Select(static each => each.Server).Distinct()
                    .Where(server => !known.Servers.ContainsKey(server)).ToArray();
            return (known, joined);
        }
    }

    /// <summary>Reads the servers of a user. One read at a time.</summary>
    private async ValueTask<IReadOnlyDictionary<string, int>> ReadAsync(string localUser, CancellationToken stop)
    {
        long at;
        lock (_gate) (_reading, at) = (localUser, _latest);
        var read = await membershipsTable.ServersSharingWithAsync(localUser, stop);
        lock (_gate)
        {
            if (_reading == localUser) _ofUser.Put(localUser, new Known(read, at));
        }

        return read;
    }

    /// <summary>Whether they share a room; null if that has to be read.</summary>
    private async ValueTask<bool?> KnownAsync(string server, string localUser, CancellationToken stop)
    {
        bool shares;
        RoomNid[] moved;
        lock (_gate)
        {
            if (!_ofUser.TryGet(localUser, out var known) || known.At < _forgotten) return null;
            shares = known.Servers.ContainsKey(server);

            // A join ends no sharing, and a leave begins none.
            moved = _byServer.TryGetValue(server, out var moves)
                ? [.. moves.Where(each => each.Number > known.At && each.IsJoin != shares).Select(each => each.Room)]
                : [];
        }

        foreach (var room in moved.Distinct())
        {
            if (await rooms.FindAsync(room, stop) is not { } snapshot
                || !snapshot.Local.IsJoined(localUser))
            {
                continue;
            }

            if (await current.OfAsync(room, stop) is { } now && now.Servers.Contains(server))
            {
                return true;
            }

            // The server left the room, and they may share others.
            if (shares) return null;
        }

        return shares;
    }

    private void Remember(string server, Move move)
    {
        _moves.Enqueue((server, move));
        if (!_byServer.TryGetValue(server, out var moves)) _byServer[server] = moves = new();
        moves.Enqueue(move);
        if (_moves.Count <= MaxMoves) return;

        (server, var oldest) = _moves.Dequeue();
        _forgotten = oldest.Number;
        moves = _byServer[server];
        moves.Dequeue();
        if (moves.Count == 0) _byServer.Remove(server);
    }

    /// <summary>The servers that share a room with a user.</summary>
    /// <param name="At">The number of the latest move before they were read.</param>
    private sealed record Known(IReadOnlyDictionary<string, int> Servers, long At);

    /// <summary>A user of another server joined or left a room.</summary>
    private readonly record struct Move(long Number, RoomNid Room, bool IsJoin);
}
