using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.SlidingConnections;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Sync.Sliding;

/// <summary>
/// The connections of all devices. They are in memory; one that was idle for long, and all when the server stops in
/// order, are in the database. After a crash clients start new connections. MSC4186, "Connections".
/// </summary>
/// <remarks>
/// Where several nodes serve, any of them answers any request. A connection is written before an answer with news,
/// unless another node has answered meanwhile; memory counts only while the database has the same.
/// </remarks>
public sealed partial class SlidingConnections : IHostedService, IRestoredConsumer, IDisposable
{
    private static readonly TimeSpan _sweepEvery = TimeSpan.FromMinutes(1);

    /// <summary>The connections that are written in one batch when the server stops.</summary>
    private const int SavedAtOnce = 32;

    /// <summary>How often a connection is looked for that other requests replace meanwhile.</summary>
    private const int Attempts = 3;

    /// <summary>Responses of one start of a node are numbered below this bit.</summary>
    private const int BitsOfNumber = 40;

    /// <summary>Numbers of nodes have this bit: they differ from those of a server that was alone.</summary>
    private const long OfNode = 1L << 62;

    private readonly Lock _gate = new();
    private readonly Dictionary<UserDevice, List<SlidingConnection>> _devices = [];
    private readonly SlidingConnectionsTable _slidingConnectionsTable;
    private readonly IAccountsTable _accountsTable;
    private readonly IStorageWriter _writer;
    private readonly TokenPositions _tokens;
    private readonly SyncOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<SlidingConnections> _log;
    private readonly ITimer _sweep;
    private readonly bool _isNode;
    private long _number;
    private long _bytes;

    internal SlidingConnections(
        SlidingConnectionsTable slidingConnectionsTable,
        IAccountsTable accountsTable,
        IStorageWriter writer,
        TokenPositions tokens,
        NodeShards node,
        SyncOptions options,
        TimeProvider time,
        ILogger<SlidingConnections> log)
    {
        _log = log;
        _slidingConnectionsTable = slidingConnectionsTable;
        _accountsTable = accountsTable;
        _writer = writer;
        _tokens = tokens;
        _options = options;
        _time = time;

        // Of a server that is alone: greater than those of an earlier process, which gave fewer than a thousand in a
        // millisecond.
        _isNode = node.IsNode;
        _number = _isNode
            ? OfNode | (node.Self.Incarnation << BitsOfNumber & (OfNode - 1))
            : time.GetUtcNow().ToUnixTimeMilliseconds() * 1000;
        _sweep = time.CreateTimer(
            static connections => ((SlidingConnections)connections!).Sweep(), this, _sweepEvery, _sweepEvery);
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        // A device of the same name that is added later begins anew, and nothing is saved of one that is gone.
        switch (change)
        {
            case DeviceDeleted gone:
                End(owner => owner == new UserDevice(gone.UserId, gone.DeviceId));
                break;
            case OtherDevicesDeleted gone:
                End(owner => owner.UserId == gone.UserId && owner.DeviceId != gone.Except);
                break;
        }
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
    }

    /// <inheritdoc/>
    public async ValueTask RestoreAsync(long after, long through, CancellationToken stop)
    {
        // Callers without a device, such as services, have connections too.
        UserDevice[] owners;
        lock (_gate) owners = [.. _devices.Keys.Where(static owner => owner.DeviceId.Length > 0)];
        foreach (var owner in owners)
        {
            if (await _accountsTable.FindDeviceAsync(owner.UserId, owner.DeviceId, stop) is null)
            {
                End(other => other == owner);
            }
        }
    }

    /// <summary>Whether each answer is written to the database, because other nodes may be asked next.</summary>
    internal bool WritesAnswers => _isNode;

    /// <summary>A number for a response.</summary>
    internal long NextNumber() => Interlocked.Increment(ref _number);

    /// <summary>Estimated bytes of the connections in memory, as of the last responses.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>
    /// The connection of that name that knows the position; for no position a new one, which takes the place of the one
    /// of the same name. Null if the position is unknown.
    /// </summary>
    internal async ValueTask<SlidingConnection.Lease?> OpenAsync(
        UserDevice device, string name, SlidingPos? pos, CancellationToken stop)
    {
        if (pos is not { } given)
        {
            var former = Find(device, name);
            var made = new SlidingConnection(device, name);
            Add(made, replaces: true);
            if (former is not null) await former.EndAsync();
            return await made.EnterAsync(stop);
        }

        if (_isNode) return await OpenAtNodeAsync(device, name, given, stop);
        if (given.Token.Position > _writer.PublishedPosition) return null;
        var connection = Find(device, name) ?? await LoadAsync(device, name, stop);

        // A wrong position does not end the request that is being answered.
        if (connection is null || !connection.Knows(given)) return null;
        var turn = await connection.EnterAsync(stop);
        if (connection.IsClosed || !connection.Knows(given))
        {
            turn.Dispose();
            return null;
        }

        connection.UsedAt = Now;
        connection.Return(given);
        return turn;
    }

    /// <summary>
    /// A request is answered: the client may have what the answer adds. Of several nodes this one has written it when
    /// this returns.
    /// </summary>
    /// <exception cref="OperationCanceledException">Another request of the connection was answered meanwhile.
    /// </exception>
    /// <exception cref="StorageException">It was not written.</exception>
    internal async ValueTask AnswersAsync(
        SlidingConnection connection, PendingAnswer answer, CancellationToken stop)
    {
        connection.Pending = answer;
        if (!_isNode) return;
        try
        {
            connection.UsedAt = Now;
            var batch = new WriteBatch(Authority.Nobody, 1);
            if (connection.Stored == 0)
            {
                // A new one takes the place of the one of its name, whoever has written that.
                if (connection.IsClosed) throw new OperationCanceledException("A newer one took its place.");
                await _writer.WriteAsync(batch.Add(Saved(connection)!), stop);
            }
            else
            {
                var advanced = new SlidingConnectionAdvanced(
                    connection.Owner, connection.Name, connection.UsedAt, ConnectionEncoding.Write(connection),
                    answer.Pos.Number, connection.Stored);
                await _writer.WriteAsync(batch.Add(advanced), stop);
                if (!advanced.Applied) throw new OperationCanceledException("Another node has answered.");
            }

            connection.Stored = answer.Pos.Number;
        }
        catch
        {
            connection.Pending = null;
            throw;
        }
    }

    /// <summary>A request ended: the connection may have grown.</summary>
    internal void Used(SlidingConnection connection)
    {
        connection.UsedAt = Now;
        bool isTooMuch;
        lock (_gate)
        {
            if (connection.IsClosed) return;
            Count(connection, connection.Bytes);
            isTooMuch = _bytes > _options.SlidingConnectionBytes;
        }

        if (isTooMuch) Shrink();
    }

    /// <summary>Does nothing: a connection is read when its client comes back.</summary>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>
    /// Saves all connections, so that their clients can go on. The web server has stopped before: no request is
    /// running.
    /// </summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_isNode) return;
        try
        {
            await SaveAsync(cancellationToken);
        }
        catch (Exception fault) when (fault is StorageException or OperationCanceledException)
        {
            // Their clients start new ones.
            NotSaved(fault);
        }
    }

    private async ValueTask SaveAsync(CancellationToken stop)
    {
        foreach (var some in All().Chunk(SavedAtOnce))
        {
            var batch = new WriteBatch(Authority.Nobody, SavedAtOnce);
            foreach (var connection in some)
            {
                using var turn = await connection.EnterAsync(stop);
                if (Saved(connection) is { } saved) batch.Add(saved);
            }

            if (batch.Changes.Count > 0) await _writer.WriteAsync(batch, stop);
        }
    }

    /// <summary>Moves the connections that were idle for long to the database.</summary>
    internal void Sweep()
    {
        var idle = Now - (long)_options.IdleAfter.TotalMilliseconds;
        foreach (var connection in All().Where(connection => connection.UsedAt < idle)) _ = EvictAsync(connection);
    }

    /// <summary>Drops all connections from memory, as a crash does.</summary>
    internal void Forget()
    {
        foreach (var connection in All()) Remove(connection);
    }

    /// <inheritdoc/>
    public void Dispose() => _sweep.Dispose();

    private long Now => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private long KeptSince => Now - (long)_options.SlidingKept.TotalMilliseconds;

    private SlidingConnection[] All()
    {
        lock (_gate) return [.. _devices.Values.SelectMany(static connections => connections)];
    }

    private SlidingConnection? Find(UserDevice device, string name)
    {
        lock (_gate) return _devices.GetValueOrDefault(device)?.Find(connection => connection.Name == name);
    }

    private async ValueTask<SlidingConnection?> LoadAsync(UserDevice device, string name, CancellationToken stop) =>
        await ReadAsync(device, name, stop) is { } read ? Add(read, replaces: false) : null;

    private async ValueTask<SlidingConnection?> ReadAsync(UserDevice device, string name, CancellationToken stop)
    {
        if (await _slidingConnectionsTable.FindAsync(device, name, KeptSince, stop) is not { } saved) return null;
        var read = ConnectionEncoding.Read(device, name, saved.State);
        if (_isNode && read is not null) read.Stored = saved.Number;
        return read;
    }

    /// <summary>The same as for a server that is alone, but memory may be older than the database.</summary>
    private async ValueTask<SlidingConnection.Lease?> OpenAtNodeAsync(
        UserDevice device, string name, SlidingPos pos, CancellationToken stop)
    {
        if (!await _tokens.ReachAsync(pos.Token.Position, stop)) return null;
        for (var attempt = 1; ; attempt++)
        {
            var connection = await NewestAsync(device, name, pos, stop);

            // A wrong position does not end the request that is being answered.
            if (connection is null || !connection.Knows(pos)) return null;
            var turn = await connection.EnterAsync(stop);
            if (!connection.IsClosed && connection.Knows(pos))
            {
                connection.UsedAt = Now;
                connection.Return(pos);
                return turn;
            }

            turn.Dispose();
            if (attempt == Attempts) return null;
        }
    }

    /// <summary>The connection as the database has it; the one in memory if it is the same.</summary>
    private async ValueTask<SlidingConnection?> NewestAsync(
        UserDevice device, string name, SlidingPos pos, CancellationToken stop)
    {
        var former = Find(device, name);
        if (former is not null
            && await _slidingConnectionsTable.NumberAsync(device, name, KeptSince, stop) == former.Stored)
        {
            return former;
        }

        var read = await ReadAsync(device, name, stop);
        if (read?.Knows(pos) != true) return null;
        var newest = Add(read, replaces: true);
        if (former is not null && former != newest) await former.EndAsync();
        return newest;
    }

    /// <summary>
    /// Adds a connection, unless there is one of its name that it does not replace, or that was read of the same row.
    /// </summary>
    private SlidingConnection Add(SlidingConnection connection, bool replaces)
    {
        connection.UsedAt = Now;
        lock (_gate)
        {
            if (_devices.GetValueOrDefault(connection.Owner) is { } others)
            {
                var former = others.Find(each => each.Name == connection.Name);
                if (former is not null && (!replaces || IsSame(former, connection))) return former;
                if (former is not null) Remove(former);
                while (others.Count >= _options.MaxSlidingConnections) Remove(others.MinBy(each => each.UsedAt)!);
            }

            if (!_devices.TryGetValue(connection.Owner, out var mine)) _devices[connection.Owner] = mine = [];
            mine.Add(connection);
            Count(connection, connection.Bytes);
        }

        return connection;
    }

    private static bool IsSame(SlidingConnection one, SlidingConnection other) =>
        one.Stored != 0 && one.Stored == other.Stored;

    private void End(Func<UserDevice, bool> ofOwner)
    {
        lock (_gate)
        {
            var ended = _devices.Where(device => ofOwner(device.Key)).SelectMany(static device => device.Value);
            foreach (var connection in ended.ToArray()) Remove(connection);
        }
    }

    private void Remove(SlidingConnection connection)
    {
        lock (_gate)
        {
            if (_devices.GetValueOrDefault(connection.Owner) is not { } connections) return;
            if (!connections.Remove(connection)) return;
            if (connections.Count == 0) _devices.Remove(connection.Owner);
            Count(connection, 0);
            connection.IsClosed = true;
        }
    }

    private void Count(SlidingConnection connection, long bytes)
    {
        Volatile.Write(ref _bytes, _bytes + bytes - connection.CountedBytes);
        connection.CountedBytes = bytes;
    }

    /// <summary>Evicts the connections that were used longest ago, to nine tenths of the bound.</summary>
    private void Shrink()
    {
        var bytes = Bytes;
        foreach (var connection in All().OrderBy(connection => connection.UsedAt))
        {
            if (bytes <= _options.SlidingConnectionBytes * 9 / 10) return;
            bytes -= connection.CountedBytes;
            _ = EvictAsync(connection);
        }
    }

    /// <summary>Moves a connection to the database, unless it has a request.</summary>
    private async Task EvictAsync(SlidingConnection connection)
    {
        using var turn = await connection.TryEnterAsync();
        if (turn is null || connection.IsClosed) return;
        try
        {
            // If the client comes back before this is durable, it starts a new connection.
            if (!_isNode && Saved(connection) is { } saved)
            {
                _writer.Post(new WriteBatch(Authority.Nobody, 1).Add(saved));
            }
        }
        catch (StorageException)
        {
            // The client starts a new connection.
        }

        Remove(connection);
    }

    private SlidingConnectionSaved? Saved(SlidingConnection connection) =>
        connection.IsClosed || (connection.State.Pos is null && connection.Pending is null)
            ? null
            : new SlidingConnectionSaved(
                connection.Owner, connection.Name, connection.UsedAt, ConnectionEncoding.Write(connection),
                (connection.Pending?.Pos ?? connection.State.Pos!.Value).Number, _options.MaxSlidingConnections);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Connections of sliding sync were not saved")]
    private partial void NotSaved(Exception fault);
}
