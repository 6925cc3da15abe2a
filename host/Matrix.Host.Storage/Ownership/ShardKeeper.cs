using Matrix.Core.Cluster;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Shards;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Storage.Ownership;

/// <summary>
/// Moves shards to where they should be: this node takes those that should be its own and have no owner that is alive,
/// and gives those that should be another's, some at a time.
/// </summary>
public sealed partial class ShardKeeper(
    IClusterMembers members, ShardOwners owners, NodeShards node, ILogger<ShardKeeper> log) : BackgroundService
{
    /// <summary>The most shards that are given at once: requests for them wait meanwhile.</summary>
    private const int MostGiven = 32;

    /// <summary>How long those who are inside of a shard have to leave it.</summary>
    private static readonly TimeSpan _longestGive = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan _lookAgain = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _news = new(1, 1);

    private long _takeOvers;

    /// <summary>How many shards were taken from nodes that had ended.</summary>
    public long TakeOvers => Volatile.Read(ref _takeOvers);

    private NodeIncarnation Self { get; } = new(node.Self.Node, node.Self.Incarnation);

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _news.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        members.Changed += Wake;
        owners.Moved += Wake;
        try
        {
            while (true)
            {
                await _news.WaitAsync(_lookAgain, stoppingToken);
                try
                {
                    await MoveAsync(stoppingToken);
                }
                catch (Exception fault) when (
                    fault is StorageException or OperationCanceledException && !stoppingToken.IsCancellationRequested)
                {
                    LogNotMoved(fault);
                    await Task.Delay(_lookAgain, stoppingToken);
                }
            }
        }
        finally
        {
            members.Changed -= Wake;
            owners.Moved -= Wake;
        }
    }

    private async Task MoveAsync(CancellationToken stop)
    {
        await node.ReopenAsync(
            ShardGates.All.Where(shard => owners.Of(shard) == node.Self), owners.ReadAsync, stop);
        var moves = Placement.Of(members.View).Moves(owners.All);
        foreach (var taken in moves.Where(move => move.Kind == ShardMoveKind.Take && move.To.Equals(Self))
            .GroupBy(static move => move.From, static move => move.Shard))
        {
            // Somebody else may have been quicker; then its move is on its way.
            if (!await node.TakeAsync([.. taken], OwnerOf(taken.Key), stop)) continue;
            LogTaken(taken.Count());
            if (taken.Key is not null) Interlocked.Add(ref _takeOvers, taken.Count());
        }

        foreach (var given in moves
            .Where(move => move.Kind == ShardMoveKind.Give && move.From is { } from && from.Equals(Self))
            .GroupBy(static move => move.To, static move => move.Shard))
        {
            foreach (var some in given.Chunk(MostGiven)) await GiveAsync(some, OwnerOf(given.Key), stop);
        }
    }

    private async Task GiveAsync(int[] shards, ShardOwner to, CancellationToken stop)
    {
        using var timed = CancellationTokenSource.CreateLinkedTokenSource(stop);
        timed.CancelAfter(_longestGive);
        var given = await node.GiveAsync(shards, to, timed.Token);
        if (given > 0) LogGiven(given, to.Node);
    }

    private void Wake()
    {
        try
        {
            if (_news.CurrentCount == 0) _news.Release();
        }
        catch (Exception late) when (late is SemaphoreFullException or ObjectDisposedException)
        {
            // It is awake, or has ended.
        }
    }

    private static ShardOwner OwnerOf(NodeIncarnation? node) =>
        node is null ? ShardOwner.Nobody : new ShardOwner(node.Node, node.Incarnation);

    [LoggerMessage(Level = LogLevel.Information, Message = "This node has taken {Count} shards.")]
    private partial void LogTaken(int count);

    [LoggerMessage(Level = LogLevel.Information, Message = "This node has given {Count} shards to {Node}.")]
    private partial void LogGiven(int count, string node);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Shards could not be moved; the node will try again")]
    private partial void LogNotMoved(Exception fault);
}
