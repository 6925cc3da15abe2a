using Matrix.Core.Event;
using Matrix.Core.Federation;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Outbound.Federation;

/// <summary>The other servers of a room, with the number of their joined users. Not thread-safe.</summary>
internal sealed class ServersOfRoom
{
    private readonly Dictionary<string, int> _joined = new(StringComparer.Ordinal);

    internal IReadOnlyCollection<string> Names => _joined.Keys;

    internal bool IsEmpty => _joined.Count == 0;

    /// <summary>Bytes of memory, estimated.</summary>
    internal long Bytes => 100 + _joined.Sum(static each => 60L + (2 * each.Key.Length));

    internal bool Has(string server) => _joined.ContainsKey(server);

    internal void Add(string server, int users)
    {
        var now = _joined.GetValueOrDefault(server) + users;
        if (now > 0) _joined[server] = now;
        else _joined.Remove(server);
    }
}

/// <summary>
/// The servers of rooms at the position of a batch. They are counted from the memberships once, and then follow the
/// changes. If the room has moved on when they are counted, they are counted from its state at the position instead.
/// Not thread-safe.
/// </summary>
internal sealed class RoomServers(
    RoomsTable roomsTable,
    IMembershipsTable membershipsTable,
    EventStore events,
    StateStore states,
    ServerFilter filter,
    OutboundOptions options)
{
    private const int EventsAtOnce = 500;

    private readonly ByteCache<RoomNid, ServersOfRoom> _rooms = new(
        options.RoomServersCacheBytes, static room => room.Bytes);

    internal long CachedBytes => _rooms.Bytes;

    /// <summary>
    /// The room's servers before a batch. The caller passes the batches of a room in order, and applies each of them.
    /// </summary>
    internal async ValueTask<ServersOfRoom> BeforeAsync(OutboundBatch batch, CancellationToken stop)
    {
        if (_rooms.TryGet(batch.Room, out var known)) return known;

        var servers = await AfterAsync(batch.Room, batch.Position, stop);
        foreach (var changed in batch.Memberships) Count(servers, changed, undo: true);
        return servers;
    }

    /// <summary>Applies a batch to the room's servers.</summary>
    internal void Apply(ServersOfRoom servers, OutboundBatch batch)
    {
        foreach (var changed in batch.Memberships) Count(servers, changed, undo: false);

        // Put again because its weight may have changed.
        if (batch.Memberships.Count > 0 || !_rooms.TryGet(batch.Room, out _)) _rooms.Put(batch.Room, servers);
    }

    /// <summary>Whether events are sent to a server.</summary>
    internal bool MaySendTo(string server) => server != options.ServerName && filter.Allows(server);

    /// <summary>Drops a room, whose servers are then counted again.</summary>
    internal void Drop(RoomNid room) => _rooms.Remove(room);

    /// <summary>Drops all rooms.</summary>
    internal void Clear() => _rooms.Clear();

    private void Count(ServersOfRoom servers, MembershipChanged changed, bool undo)
    {
        var change = (changed.After == Membership.Join ? 1 : 0) - (changed.Before == Membership.Join ? 1 : 0);
        if (change == 0) return;
        var server = OutboundBatches.ServerOf(changed.UserId);
        if (MaySendTo(server)) servers.Add(server, undo ? -change : change);
    }

    private async ValueTask<ServersOfRoom> AfterAsync(RoomNid room, long position, CancellationToken stop)
    {
        var servers = new ServersOfRoom();
        var step = await roomsTable.CurrentStepAtAsync(room, position, stop);
        var joined = await membershipsTable.RemoteMembersAsync(room, stop);

        // Read last: if this is the same state, the memberships were those of the position.
        var now = await roomsTable.CurrentStepAtAsync(room, long.MaxValue, stop);
        if (now == step)
        {
            foreach (var (server, users) in joined)
            {
                if (MaySendTo(server)) servers.Add(server, users);
            }

            return servers;
        }

        await CountMembersAsync(servers, room, step, stop);
        return servers;
    }

    private async ValueTask CountMembersAsync(ServersOfRoom servers, RoomNid nid, int step, CancellationToken stop)
    {
        if (await roomsTable.FindAsync(nid, stop) is not { } row) return;
        var room = row.Identity;
        var state = await states.AtAsync(nid, step, stop);
        var remote = state.OfType(EventTypes.Member)
            .Where(entry => MaySendTo(OutboundBatches.ServerOf(entry.StateKey)))
            .Select(entry => EventNid.Of(nid, entry.Ordinal));
        foreach (var some in remote.Chunk(EventsAtOnce))
        {
            foreach (var member in await events.GetManyAsync(room, some, stop))
            {
                if (LaneState.MembershipOf(member.Pdu) != Membership.Join) continue;
                servers.Add(OutboundBatches.ServerOf(member.Pdu.StateKey!), 1);
            }
        }
    }
}
