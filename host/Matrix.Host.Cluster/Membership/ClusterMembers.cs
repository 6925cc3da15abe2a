using System.Collections.Concurrent;
using System.Net;
using System.Threading.Channels;
using Matrix.Core.Cluster;
using Matrix.Host.Storage.Ownership;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace Matrix.Host.Cluster.Membership;

/// <summary>
/// The nodes that are alive, as this one knows them, and which of them should have shards. The view is only a hint for
/// the placement: what is written proves its right in the database.
/// </summary>
public sealed partial class ClusterMembers : IClusterMembers, IAsyncDisposable
{
    private readonly NodeIncarnation _self;
    private readonly IClusterMembershipService _membership;
    private readonly ILocalSiloDetails _silo;
    private readonly SilosTable _table;
    private readonly TimeSpan _lookEvery;
    private readonly IPEndPoint? _requests;
    private readonly NodeClock _clock;
    private readonly ILogger<ClusterMembers> _log;

    private readonly CancellationTokenSource _stopping = new();
    private readonly Channel<bool> _looks = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Lock _publishing = new();
    private readonly ConcurrentDictionary<NodeIncarnation, CancellationTokenSource> _lives = new();
    private readonly SemaphoreSlim _saying = new(1, 1);
    private volatile MemberList _members = MemberList.None;
    private Dictionary<SiloAddress, NodeSays> _says = [];
    private Task _following = Task.CompletedTask;

    /// <summary>Whether this node should have shards, if its clock is right.</summary>
    private Readiness _readiness = Readiness.Starting;
    private int _disposed;

    internal ClusterMembers(
        NodeIncarnation self,
        ClusterNodeOptions options,
        IClusterMembershipService membership,
        ILocalSiloDetails silo,
        SilosTable table,
        ILogger<ClusterMembers> log)
    {
        (_self, _membership, _silo, _table, _log) = (self, membership, silo, table, log);
        _lookEvery = options.LookEvery;
        _requests = options.RequestsAddress ?? options.Requests;
        _clock = new NodeClock(options);
    }

    /// <summary>The present view.</summary>
    public ClusterView View => _members.View;

    /// <summary>Called after the view has changed, one call after the other.</summary>
    public event Action? Changed;

    /// <summary>Called after this node said something of itself, so that others are told to look.</summary>
    internal event Action? Said;

    /// <summary>The other nodes that are alive.</summary>
    public IReadOnlyCollection<NodeIncarnation> Others => _members.Others;

    /// <summary>The nodes that are alive, this one included.</summary>
    public IReadOnlyCollection<NodeIncarnation> Alive => _members.Alive.Keys;

    /// <summary>
    /// Cancelled when a node is not alive any more: whoever waits for an answer of it gets none. A machine that is gone
    /// closes no connection.
    /// </summary>
    public CancellationToken LifeOf(NodeIncarnation node) =>
        _lives.TryGetValue(node, out var life) ? life.Token : new CancellationToken(canceled: true);

    /// <summary>What a node says of itself.</summary>
    public Readiness ReadinessOf(NodeIncarnation node) => _members.ReadinessOf(node);

    /// <summary>Where a node takes requests that others forward; null if that is not known.</summary>
    public IPEndPoint? RequestsOf(NodeIncarnation node) => _members.RequestsOf(node);

    /// <summary>
    /// Says of this node whether it should have shards. It is stored when this returns; others see it within a second.
    /// </summary>
    public async Task SayAsync(Readiness readiness, CancellationToken stop)
    {
        _readiness = readiness;
        await SayAsync(stop);
    }

    /// <summary>By how many milliseconds a node's clock is ahead of the database's; null if that is not known.
    /// </summary>
    public long? ClockOf(NodeIncarnation node) => _members.ClockOf(node);

    /// <summary>The address of a node that is alive; null for any other.</summary>
    internal SiloAddress? AddressOf(NodeIncarnation node) => _members.Alive.GetValueOrDefault(node);

    /// <summary>Whether this node is known to have ended, so that it will not come back.</summary>
    internal bool HasEnded(NodeIncarnation node) => _members.Ended.Contains(node);

    /// <summary>Looks into the table soon.</summary>
    internal void Look() => _looks.Writer.TryWrite(true);

    /// <summary>Reads what the table has, and follows the membership.</summary>
    /// <exception cref="IOException">The clock of this machine is too far from those of the others.</exception>
    internal async Task StartAsync(CancellationToken stop)
    {
        await ReadAsync(stop);
        await CompareFirstAsync(stop);
        _following = Task.WhenAll(Task.Run(FollowAsync, stop), Task.Run(LookAsync, stop));
    }

    /// <summary>Reads the table, and has Orleans read it if it is newer than what Orleans knows.</summary>
    internal async Task ReadAsync(CancellationToken stop)
    {
        var asked = _clock.Now;
        var read = await _table.ReadAsync(stop);
        if (read.Now is { } now) _clock.Measured(asked, _clock.Now, now);
        lock (_publishing) _says = read.Rows.ToDictionary(row => row.Entry.SiloAddress, row => row.Says);
        if (_membership.CurrentSnapshot.Version.Value < read.Version)
            await _membership.Refresh(new MembershipVersion(read.Version), stop);
        Publish();
    }

    /// <summary>Stops following. The view stays as it is.</summary>
    internal async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await _following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // The container of the silo does so, and that of the server.
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await StopAsync();
        _stopping.Dispose();
        _saying.Dispose();
    }

    private async Task FollowAsync()
    {
        await foreach (var snapshot in _membership.MembershipUpdates.WithCancellation(_stopping.Token))
        {
            Publish();
            Look();
        }
    }

    private async Task LookAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            using (var soon = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token))
            {
                soon.CancelAfter(_lookEvery);
                Task woken = _looks.Reader.ReadAsync(soon.Token).AsTask();
                await woken.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            try
            {
                await ReadAsync(_stopping.Token);
                await CompareAsync(_stopping.Token);
            }
            catch (Exception fault) when (!_stopping.IsCancellationRequested)
            {
                NotRead(fault);
            }
        }
    }

    private long[] OtherClocks => [.. Others.Select(ClockOf).OfType<long>()];

    private async Task CompareFirstAsync(CancellationToken stop)
    {
        for (var times = 0; times < NodeClock.Repeats && !_clock.Compare(OtherClocks); times++) await ReadAsync(stop);
        if (_clock.IsApart)
        {
            throw new IOException(
                $"cluster.node: the clock of this machine is {_clock.Ahead} ms ahead of the database's, those of the "
                + $"other nodes {string.Join(", ", OtherClocks)} ms. Set it right first.");
        }
    }

    /// <summary>Compares this machine's clock with those of the others, and says what has changed.</summary>
    private async Task CompareAsync(CancellationToken stop)
    {
        var isChanged = _clock.Compare(OtherClocks);
        if (isChanged && _clock.IsApart) ClockIsApart(_clock.Ahead ?? 0, string.Join(", ", OtherClocks));
        else if (isChanged) ClockIsRight();
        if (isChanged) await SayAsync(stop);
        else if (_clock.HasNews) await StoreAsync(stop);
    }

    private async Task SayAsync(CancellationToken stop)
    {
        await StoreAsync(stop);
        Look();
        Said?.Invoke();
    }

    private async Task StoreAsync(CancellationToken stop)
    {
        // The last one that begins to say something says the newest.
        await _saying.WaitAsync(stop);
        try
        {
            var ahead = _clock.Ahead;
            var readiness = _readiness == Readiness.Ready && _clock.IsApart ? Readiness.ClockApart : _readiness;
            await _table.SayAsync(_silo.SiloAddress, new NodeSays(readiness, _requests, ahead), stop);
            _clock.Said(ahead);
        }
        finally
        {
            _saying.Release();
        }
    }

    private void Publish()
    {
        lock (_publishing)
        {
            var members = MemberList.Of(_self, _membership.CurrentSnapshot, _says);
            var isChanged = !members.IsLike(_members);
            foreach (var node in members.Alive.Keys) _lives.TryAdd(node, new CancellationTokenSource());
            _members = members;
            if (!isChanged) return;
            EndLives(members);
            try
            {
                Changed?.Invoke();
            }
            catch (Exception fault)
            {
                NotHandled(fault);
            }
        }
    }

    /// <summary>Ends the waits for nodes that are not alive any more.</summary>
    private void EndLives(MemberList members)
    {
        foreach (var node in _lives.Keys.Where(node => !members.Alive.ContainsKey(node)))
        {
            // Not on this thread, which has to tell of the change.
            if (_lives.TryRemove(node, out var life)) _ = life.CancelAsync();
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The clock of this machine is {Ahead} ms ahead of the database's, those of the other nodes {Others} "
            + "ms: this node is not ready until it is right.")]
    private partial void ClockIsApart(long ahead, string others);

    [LoggerMessage(Level = LogLevel.Information, Message = "The clock of this machine is right again.")]
    private partial void ClockIsRight();

    [LoggerMessage(Level = LogLevel.Warning, Message = "The table of silos could not be read.")]
    private partial void NotRead(Exception fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "A change of the members was not handled.")]
    private partial void NotHandled(Exception fault);
}
