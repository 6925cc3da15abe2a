using System.Collections.Concurrent;
using Matrix.Host.Outbound.Federation.Edus;
using Matrix.Host.Outbound.Queue;
using Matrix.Host.Outbound.Shards;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Destinations;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Outbound.Federation;

/// <summary>The servers that are owed events or do not answer, and some that were sent to lately.</summary>
internal sealed class Destinations : IEduDestinations
{
    private const int RowsAtOnce = 1000;

    /// <summary>The pages of a room in which its newest outbound event is looked for after a start.</summary>
    private const int PagesOfRoom = 20;

    private readonly ConcurrentDictionary<string, Destination> _byName = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Destination, bool> _unrecorded = new();
    private readonly SendQueue _queue;
    private readonly DestinationServices _services;
    private readonly IEventsTable _eventsTable;
    private readonly DestinationsTable _destinationsTable;
    private readonly HandledShards _shards = new();

    internal Destinations(
        SendQueue queue, DestinationServices services, IEventsTable eventsTable, DestinationsTable destinationsTable)
    {
        _queue = queue;
        _services = services;
        _eventsTable = eventsTable;
        _destinationsTable = destinationsTable;
        services.Changed = Changed;
        foreach (var source in services.Edus.All) source.Attach(this);
    }

    /// <summary>Called when something has to be recorded; it may not block.</summary>
    internal Action Unrecorded { get; set; } = static () => { };

    /// <summary>Whether something has to be recorded.</summary>
    internal bool IsUnrecorded => !_unrecorded.IsEmpty;

    /// <summary>The number of servers in memory.</summary>
    internal int Count => _byName.Count;

    /// <summary>The servers in memory, by name.</summary>
    internal IReadOnlyList<KnownServer> States =>
    [
        .. _byName.Values.Select(static each => each.State)
            .OrderBy(static state => state.ServerName, StringComparer.Ordinal),
    ];

    /// <summary>A server in memory; null if it is not.</summary>
    internal Destination? Find(string server) => _byName.GetValueOrDefault(server);

    /// <summary>The shards of the servers that are sent to from here, and from which change on.</summary>
    internal HandledShards Shards => _shards;

    /// <summary>
    /// Whether a server is sent a change at a position from here. What comes while its shard closes is, until it is
    /// recorded.
    /// </summary>
    internal bool Takes(string server, long position) =>
        _shards.Takes(Core.Cluster.Shards.OfServer(server), position);

    /// <inheritdoc/>
    public bool IsHere(string server) => _services.Gates.IsOpen(Authority.Server(server));

    /// <summary>Enqueues events of a room for a server.</summary>
    /// <param name="hasLeft">Whether later events of the room are not owed to it.</param>
    internal void Enqueue(string server, RoomNid room, IEnumerable<EventNid> events, long position, bool hasLeft)
    {
        while (true)
        {
            var destination = Get(server);
            if (!destination.Enqueue(room, events, position, hasLeft)) continue;
            MustRecord(destination);
            _queue.Add(destination, destination.RetryAt);
            if (destination.NewsAt(_services.Now()) is { } at) _queue.WaitUntil(destination, at);
            return;
        }
    }

    /// <inheritdoc/>
    public void Notify(string server)
    {
        while (IsHere(server))
        {
            var destination = Get(server);
            if (!destination.HasEdus()) continue;
            _queue.Add(destination, destination.RetryAt);
            if (destination.NewsAt(_services.Now()) is { } at) _queue.WaitUntil(destination, at);
            return;
        }
    }

    /// <inheritdoc/>
    public bool IsFailing(string server) =>
        _byName.TryGetValue(server, out var known) && known.RetryAt > _services.Now();

    /// <summary>A server left a room by an event that is not sent to it.</summary>
    internal void Left(string server, RoomNid room)
    {
        if (!_byName.TryGetValue(server, out var destination)) return;
        destination.Left(room);
        MustRecord(destination);
    }

    /// <summary>A server sent an authenticated request.</summary>
    internal void Wake(string server)
    {
        if (!_byName.TryGetValue(server, out var destination)) return;
        if (destination.Woken(_services.Now()) is { } at) _queue.WaitUntil(destination, at);
    }

    /// <summary>
    /// Wakes a server that is not tried before a time. Returns why the attempt failed, "" if it succeeded; null if no
    /// attempt was waiting.
    /// </summary>
    internal async Task<string?> RetryAsync(string server, CancellationToken stop)
    {
        if (Find(server)?.AttemptAsync(_services.Now()) is not { } attempt) return null;
        Wake(server);
        return await attempt.WaitAsync(stop);
    }

    /// <summary>
    /// Reads from the database what servers are owed that are sent to from here from now on, and begins to send it.
    /// </summary>
    /// <param name="shards">The shards of the servers, with the positions up to which their changes were handled:
    /// later ones come from the feed.</param>
    /// <param name="maySendTo">Whether the configuration allows a server.</param>
    internal async ValueTask LoadAsync(
        IReadOnlyDictionary<int, long> shards, Func<string, bool> maySendTo, CancellationToken stop)
    {
        await LoadDestinationsAsync(IsAmong, stop);
        await LoadPendingAsync(IsAmong, shards, stop);
        foreach (var (shard, position) in shards) _shards.Begin(shard, position);
        foreach (var source in _services.Edus.All) await source.LoadAsync(IsAmong, stop);
        foreach (var destination in _byName.Values)
        {
            if (destination.Pending > 0 && IsAmong(destination.Name)) _queue.Add(destination, destination.RetryAt);
        }

        bool IsAmong(string server) =>
            shards.ContainsKey(Core.Cluster.Shards.OfServer(server)) && maySendTo(server);
    }

    /// <summary>Forgets the servers of shards: another node sends to them, once everything is recorded.</summary>
    internal void Drop(IEnumerable<int> shards)
    {
        var some = shards.ToHashSet();
        foreach (var shard in some) _shards.End(shard);
        foreach (var destination in _byName.Values)
        {
            if (!some.Contains(Core.Cluster.Shards.OfServer(destination.Name))) continue;
            destination.Retire();
            _unrecorded.TryRemove(destination, out _);
            _byName.TryRemove(KeyValuePair.Create(destination.Name, destination));
        }

        foreach (var source in _services.Edus.All)
        {
            source.Drop(server => some.Contains(Core.Cluster.Shards.OfServer(server)));
        }
    }

    /// <summary>Adds what changed since the last record to a batch.</summary>
    /// <returns>The greatest position that may be recorded with it, and the servers that it records.</returns>
    internal (long Through, IReadOnlyList<Destination> Recorded) Record(
        WriteBatch batch, long recordedThrough, bool all)
    {
        var through = long.MaxValue;
        var recorded = new List<Destination>();
        foreach (var destination in all ? _byName.Values : _unrecorded.Keys)
        {
            _unrecorded.TryRemove(destination, out _);
            if (!ReferenceEquals(Find(destination.Name), destination)) continue;
            through = Math.Min(through, destination.Record(batch, recordedThrough, all));
            recorded.Add(destination);
            if (destination.IsUnrecorded) _unrecorded.TryAdd(destination, true);
        }

        return (through, recorded);
    }

    /// <summary>Records servers again: a record was not written.</summary>
    internal void RecordAgain(IReadOnlyList<Destination> destinations)
    {
        foreach (var destination in destinations)
        {
            destination.RecordAgain();
            MustRecord(destination);
        }
    }

    private void MustRecord(Destination destination)
    {
        if (_unrecorded.TryAdd(destination, true)) Unrecorded();
    }

    private void Changed(Destination destination)
    {
        // Only a record removes it: otherwise events that come meanwhile would be overlooked.
        if (destination.IsUnrecorded) MustRecord(destination);
        if (_byName.Count > _services.Options.MaxIdleDestinations && destination.TryRetire())
        {
            _byName.TryRemove(KeyValuePair.Create(destination.Name, destination));
        }
    }

    private async ValueTask LoadDestinationsAsync(Func<string, bool> maySendTo, CancellationToken stop)
    {
        var after = "";
        while (true)
        {
            var rows = await _destinationsTable.ListAsync(after, RowsAtOnce, stop);
            foreach (var row in rows)
            {
                if (maySendTo(row.ServerName)) Get(row.ServerName).Restore(row, _services.Now());
            }

            if (rows.Count < RowsAtOnce) return;
            after = rows[^1].ServerName;
        }
    }

    private async ValueTask LoadPendingAsync(
        Func<string, bool> maySendTo, IReadOnlyDictionary<int, long> shards, CancellationToken stop)
    {
        var (server, room) = ("", default(RoomNid));
        var newest = new Dictionary<(RoomNid, long), EventNid>();
        while (true)
        {
            var rows = await _destinationsTable.PendingAsync(server, room, RowsAtOnce, stop);
            foreach (var row in rows)
            {
                // A server that is excluded keeps its rows for when it is allowed again.
                if (!maySendTo(row.ServerName)) continue;
                var at = (row.Room, shards[Core.Cluster.Shards.OfServer(row.ServerName)]);
                if (row.IsOpen && !newest.ContainsKey(at)) newest[at] = await NewestAsync(row.Room, at.Item2, stop);
                Get(row.ServerName).Restore(row, newest.GetValueOrDefault(at));
            }

            if (rows.Count < RowsAtOnce) return;
            (server, room) = (rows[^1].ServerName, rows[^1].Room);
        }
    }

    /// <summary>The newest outbound event of a room at a position, if it is not long ago.</summary>
    private async ValueTask<EventNid> NewestAsync(RoomNid room, long through, CancellationToken stop)
    {
        var from = EventNid.LastOf(room);
        for (var page = 0; page < PagesOfRoom; page++)
        {
            var rows = await _eventsTable.RangeAsync(
                room, from, EventNid.FirstLiveOf(room), Direction.Backward, RowsAtOnce, OutboundBatches.NotSent, stop);
            foreach (var row in rows)
            {
                if (row.Position <= through && OutboundBatches.IsOutbound(row, _services.Options.ServerName))
                {
                    return row.Nid;
                }
            }

            if (rows.Count < RowsAtOnce) break;
            from = rows[^1].Nid;
        }

        return EventNid.None;
    }

    private Destination Get(string server) => _byName.GetOrAdd(
        server, static (name, services) => new Destination(name, services), _services);
}
