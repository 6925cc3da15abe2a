using Matrix.Core.Federation;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Outbound.Federation.Edus;

/// <summary>
/// The other servers that have joined users in a room now, for EDUs, which have no position in the room. Read once, and
/// again after a membership of another server's user changed. Thread-safe.
/// </summary>
internal sealed class CurrentServers(
    RoomSnapshots rooms,
    IMembershipsTable membershipsTable,
    ServerFilter filter,
    OutboundOptions options) : IChangeConsumer
{
    private readonly Lock _gate = new();
    private readonly ByteCache<RoomNid, HashSet<string>> _servers = new(
        options.RoomServersCacheBytes, static servers => 200 + servers.Sum(static name => 60L + (2 * name.Length)));

    private long _changes;

    /// <summary>The room's id, and its other servers; null if there are none.</summary>
    internal async ValueTask<(string RoomId, IReadOnlySet<string> Servers)?> OfAsync(
        RoomNid room, CancellationToken stop)
    {
        if (await rooms.FindAsync(room, stop) is not { } snapshot
            || snapshot.JoinedCount <= snapshot.Local.Joined.Count)
        {
            return null;
        }

        if (!_servers.TryGet(room, out var servers)) servers = await ReadAsync(room, stop);
        return servers.Count == 0 ? null : (snapshot.Room.RoomId, servers);
    }

    /// <summary>The rooms among these in which a server has a joined user now.</summary>
    internal async ValueTask<IReadOnlySet<RoomNid>> RoomsWithAsync(
        string server, IEnumerable<RoomNid> rooms, CancellationToken stop)
    {
        var found = new HashSet<RoomNid>();
        foreach (var room in rooms.Distinct())
        {
            if (await OfAsync(room, stop) is { } known && known.Servers.Contains(server))
            {
                found.Add(room);
            }
        }

        return found;
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (change is not MembershipChanged { IsLocal: false } changed) return;
        lock (_gate)
        {
            _changes++;
            _servers.Remove(changed.Room);
        }
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        lock (_gate)
        {
            _changes++;
            _servers.Clear();
        }
    }

    private async ValueTask<HashSet<string>> ReadAsync(RoomNid room, CancellationToken stop)
    {
        long changes;
        lock (_gate) changes = _changes;
        var joined = await membershipsTable.RemoteMembersAsync(room, stop);
        var servers = joined.Keys.Where(server => server != options.ServerName && filter.Allows(server))
            .ToHashSet(StringComparer.Ordinal);
        lock (_gate)
        {
            if (changes == _changes) _servers.Put(room, servers);
        }

        return servers;
    }
}
