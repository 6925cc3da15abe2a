using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.RoomRows;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// The bytes of the events that wait in all rooms, and those of each server that sent them: of strangers together.
/// Thread-safe.
/// </summary>
internal sealed class StagedBytes(RoomsTable roomsTable, ReceivingOptions options) : IRestoredConsumer
{
    private readonly Lock _gate = new();
    private readonly Dictionary<RoomNid, (string Server, long Bytes)[]> _rooms = [];
    private readonly Dictionary<string, long> _servers = new(StringComparer.Ordinal);
    private long _all;

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        // The room's machine ends with the room, and says no more what waits.
        if (change is RoomDeleted deleted) Set(deleted.Room.Nid, []);
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
    }

    /// <inheritdoc/>
    public async ValueTask RestoreAsync(long after, long through, CancellationToken stop)
    {
        RoomNid[] counted;
        lock (_gate) counted = [.. _rooms.Keys];
        var found = await roomsTable.FindManyAsync(counted, stop);
        foreach (var gone in counted.Except(found.Select(static room => room.Nid))) Set(gone, []);
    }

    /// <summary>Whether a further event of a server may wait.</summary>
    internal bool Allows(string server)
    {
        lock (_gate)
        {
            return _all < options.AllStagedBytes
                && _servers.GetValueOrDefault(server) < options.AllStagedBytesOfServer;
        }
    }

    /// <summary>Takes what waits in a room now.</summary>
    internal void Set(RoomNid room, (string Server, long Bytes)[] now)
    {
        lock (_gate)
        {
            if (_rooms.Remove(room, out var before)) Array.ForEach(before, each => Add(each.Server, -each.Bytes));
            if (now.Length == 0) return;
            _rooms.Add(room, now);
            Array.ForEach(now, each => Add(each.Server, each.Bytes));
        }
    }

    private void Add(string server, long bytes)
    {
        _all += bytes;
        var of = _servers.GetValueOrDefault(server) + bytes;
        if (of == 0) _servers.Remove(server);
        else _servers[server] = of;
    }
}
