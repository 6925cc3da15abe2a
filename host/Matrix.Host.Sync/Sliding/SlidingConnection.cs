using System.Diagnostics.CodeAnalysis;
using Matrix.Host.Storage;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.Sliding;

/// <summary>
/// A connection of a device. It has what the client is known to have, and what the last response adds to that: a client
/// that returns with the former position has lost the response, and gets it again. MSC4186, "Connections".
/// </summary>
[SuppressMessage(
    "Reliability", "CA1001", Justification = "Requests wait for a connection that is evicted; it has no handle.")]
internal sealed class SlidingConnection(UserDevice owner, string name)
{
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly Lock _lock = new();
    private CancellationTokenSource? _running;

    public UserDevice Owner => owner;

    /// <summary>The name that the client gave it.</summary>
    public string Name => name;

    public ConnectionState State { get; } = new();

    /// <summary>The last response, if the client is not known to have it.</summary>
    public PendingAnswer? Pending { get; set; }

    /// <summary>
    /// The number of the last response that the database has, as far as this node knows; 0 if it has none, or nobody
    /// else writes there.
    /// </summary>
    public long Stored { get; set; }

    /// <summary>The last use, in milliseconds since the epoch.</summary>
    public long UsedAt { get; set; }

    /// <summary>Whether it was replaced or evicted: nothing more is done with it.</summary>
    public bool IsClosed { get; set; }

    /// <summary>The bytes that it counts for in the bound of all connections.</summary>
    public long CountedBytes { get; set; }

    /// <summary>Estimated bytes of memory.</summary>
    public long Bytes => 1000 + (2L * Name.Length) + State.Bytes + (Pending?.BytesBeside(State) ?? 0);

    /// <summary>Whether the connection gave this position last, or the one before it that the client has.</summary>
    public bool Knows(SlidingPos pos) => State.Pos == pos || Pending?.Pos == pos;

    /// <summary>
    /// Goes on from a position: the client has what it had then, and nothing that it was sent later.
    /// </summary>
    public void Return(SlidingPos pos)
    {
        if (Pending is { } answer && answer.Pos == pos) State.Apply(answer);
        Pending = null;
    }

    /// <summary>
    /// Waits for its lease, and ends the request that is being answered: a connection has one request at a time.
    /// </summary>
    /// <returns>The turn. Its token is cancelled when another request comes, or with <paramref name="stop"/>.</returns>
    public async ValueTask<Lease> EnterAsync(CancellationToken stop)
    {
        var mine = CancellationTokenSource.CreateLinkedTokenSource(stop);
        try
        {
            CancellationTokenSource? former;
            lock (_lock) (former, _running) = (_running, mine);
            if (former is not null) await CancelAsync(former);
            await _gate.WaitAsync(stop);
            return new Lease(this, mine);
        }
        catch
        {
            Leave(mine);
            throw;
        }
    }

    /// <summary>Ends the request that is being answered, because a new connection takes its place.</summary>
    public ValueTask EndAsync()
    {
        CancellationTokenSource? running;
        lock (_lock) running = _running;
        return running is null ? ValueTask.CompletedTask : CancelAsync(running);
    }

    /// <summary>A lease if no request is being answered; otherwise null.</summary>
    public async ValueTask<Lease?> TryEnterAsync() =>
        await _gate.WaitAsync(0) ? new Lease(this, new CancellationTokenSource()) : null;

    private static async ValueTask CancelAsync(CancellationTokenSource former)
    {
        try
        {
            await former.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // It has just ended.
        }
    }

    private void Leave(CancellationTokenSource mine)
    {
        lock (_lock)
        {
            if (_running == mine) _running = null;
        }

        mine.Dispose();
    }

    /// <summary>The lease of one request. Disposing ends it.</summary>
    internal sealed class Lease(SlidingConnection connection, CancellationTokenSource source) : IDisposable
    {
        public SlidingConnection Connection => connection;

        public CancellationToken Stop => source.Token;

        public void Dispose()
        {
            connection._gate.Release();
            connection.Leave(source);
        }
    }
}
