using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using Matrix.Core.Cluster;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host.Cluster.Flushes;

/// <summary>
/// How far each node has read the flushes of all. Nodes tell one another, and tell a flush of their own with what it
/// changed, so that others need not read it from the database. An answer to a client waits until all nodes have read
/// what it tells of, so that users read their own writes wherever they ask. It waits for a second at most: a node that
/// has read nothing for so long holds its requests by itself (<see cref="LevelGate"/>).
/// </summary>
public sealed class AppliedPositions : BackgroundService, INodeTellHandler
{
    /// <summary>How long an answer waits for another node to read what it tells of.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(1);

    /// <summary>Positions are told no more often than this, and again if nothing happens.</summary>
    private static readonly TimeSpan _tellsEvery = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan _repeatsEvery = TimeSpan.FromMilliseconds(500);

    /// <summary>The most bytes of changes that are told. Others read more from the database.</summary>
    private const int MostTold = 64 * 1024;

    /// <summary>How long a flush waits for other nodes to read the one before.</summary>
    private static readonly TimeSpan _longestPace = TimeSpan.FromMilliseconds(20);

    /// <summary>A node that has told nothing for so long, or that an answer has waited for so long, is looked after.
    /// </summary>
    private static readonly TimeSpan _silentAfter = TimeSpan.FromMilliseconds(700);
    private static readonly TimeSpan _lateAfter = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _endsEvery = TimeSpan.FromMilliseconds(50);

    private readonly ClusterNode _node;
    private readonly INodeTells _tells;
    private readonly IFlushFollower _follower;
    private readonly ConcurrentDictionary<NodeIncarnation, long> _applied = new();
    private readonly ConcurrentDictionary<NodeIncarnation, long> _heard = new();
    private readonly SemaphoreSlim _advanced = new(0, 1);
    private readonly PositionWaits _waiting = new();

    /// <summary>Follows the storage of a node that serves with others.</summary>
    public AppliedPositions(ClusterNode node, INodeTells tells, NodeLink link)
    {
        (_node, _tells, _follower) = (node, tells, link.Follower);
        _follower.OnAdvanced = OnAdvanced;
        _follower.OnFlushed = TellFlush;
        _follower.Pace = PaceAsync;
    }

    NodeTellKind INodeTellHandler.Kind => NodeTellKind.Applied;

    /// <summary>How far this node has read.</summary>
    public long Position => _follower.Position;

    /// <summary>How far another node has read; null if it has not told.</summary>
    public long? Of(NodeIncarnation node) => _applied.TryGetValue(node, out var position) ? position : null;

    /// <summary>
    /// Waits until all other nodes have read what this one has, so that what a client is answered holds everywhere.
    /// </summary>
    public ValueTask AppliedByAllAsync()
    {
        var position = Position;
        return position <= Through ? default : new ValueTask(_waiting.For(position, () => Through));
    }

    /// <summary>Waits until this node has read up to a position. False if it has not in time.</summary>
    public ValueTask<bool> ReachAsync(long position, TimeSpan most, CancellationToken stop) =>
        _follower.ReachAsync(position, most, stop);

    /// <inheritdoc/>
    public void OnTold(NodeIncarnation from, ReadOnlyMemory<byte> body)
    {
        if (body.Length < sizeof(long)) return;
        var position = NumberAt(body, 0);
        _heard[from] = Stopwatch.GetTimestamp();
        _applied.AddOrUpdate(from, position, (_, before) => Math.Max(before, position));
        if (body.Length > Told.Changes)
            _follower.Hear(new(NumberAt(body, Told.After), NumberAt(body, Told.Last), body[Told.Changes..]));
        else if (body.Length == Told.Changes) _follower.Look();
        else if (position > Position) _follower.Expect(position);
        _waiting.Reached(Through);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _advanced.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        _node.Members.Changed += Drop;
        try
        {
            await Task.WhenAll(TellAsync(stoppingToken), EndWaitsAsync(stoppingToken));
        }
        finally
        {
            _node.Members.Changed -= Drop;
        }
    }

    private async Task TellAsync(CancellationToken stop)
    {
        while (true)
        {
            var body = new byte[Told.After];
            BinaryPrimitives.WriteInt64LittleEndian(body, Position);
            _tells.TellAll(NodeTellKind.Applied, body);
            await Task.Delay(_tellsEvery, stop);
            await _advanced.WaitAsync(_repeatsEvery, stop);
            foreach (var (node, at) in _heard)
            {
                if (Stopwatch.GetElapsedTime(at) > _silentAfter) _node.Suspect(node);
            }
        }
    }

    private void TellFlush(FlushNews flush)
    {
        var changes = flush.Changes is { Length: <= MostTold } few ? few : default;
        var body = new byte[Told.Changes + changes.Length];
        BinaryPrimitives.WriteInt64LittleEndian(body, Position);
        BinaryPrimitives.WriteInt64LittleEndian(body.AsSpan(Told.After), flush.After);
        BinaryPrimitives.WriteInt64LittleEndian(body.AsSpan(Told.Last), flush.Last);
        changes.CopyTo(body.AsMemory(Told.Changes));
        _tells.TellAll(NodeTellKind.Applied, body);
    }

    private static long NumberAt(ReadOnlyMemory<byte> body, int at) =>
        BinaryPrimitives.ReadInt64LittleEndian(body.Span[at..]);

    /// <summary>The position that all other nodes have read; the greatest if there are none.</summary>
    private long Through
    {
        get
        {
            var through = long.MaxValue;
            foreach (var node in _node.Members.Others) through = Math.Min(through, Of(node) ?? 0);
            return through;
        }
    }

    /// <summary>Looks after nodes that answers wait for, and ends waits that are too long.</summary>
    private async Task EndWaitsAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(_endsEvery);
        while (await timer.WaitForNextTickAsync(stop))
        {
            if (_waiting.EndOlder(_lateAfter, LongestWait) is not { } late) continue;
            foreach (var node in _node.Members.Others)
            {
                if ((Of(node) ?? 0) < late) _node.Suspect(node);
            }
        }
    }

    private ValueTask PaceAsync()
    {
        var position = Position;
        return position <= Through ? default : new ValueTask(PaceAsync(position));
    }

    private async Task PaceAsync(long position) =>
        await _waiting.For(position, () => Through).WaitAsync(_longestPace)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private void OnAdvanced()
    {
        try
        {
            if (_advanced.CurrentCount == 0) _advanced.Release();
        }
        catch (Exception late) when (late is SemaphoreFullException or ObjectDisposedException)
        {
            // It is awake, or has ended.
        }
    }

    /// <summary>Forgets nodes that have ended.</summary>
    private void Drop()
    {
        var others = _node.Members.Others.ToHashSet();
        foreach (var node in _applied.Keys.Where(node => !others.Contains(node)))
        {
            _applied.TryRemove(node, out _);
            _heard.TryRemove(node, out _);
        }

        _waiting.Reached(Through);
    }

    /// <summary>
    /// What is told: how far the node has read, and then nothing, or a flush of the node: the position before it, its
    /// last one, and its changes, or nothing if they are too long.
    /// </summary>
    private static class Told
    {
        internal const int After = sizeof(long);
        internal const int Last = 2 * sizeof(long);
        internal const int Changes = 3 * sizeof(long);
    }
}
