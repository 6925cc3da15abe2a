using System.Diagnostics;
using Matrix.Host.Cluster.Flushes;
using Matrix.Host.Cluster.Membership;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Ownership;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Cluster;

/// <summary>
/// The life of this server in a cluster. It joins before it listens, should have shards once it does, and gives them
/// away before it stops: until then it answers requests. It ends when the others have declared it dead.
/// </summary>
public sealed partial class ClusterMember(
    ClusterNode node,
    OpenedStorage storage,
    ShardOwners owners,
    ShardKeeper keeper,
    AppliedPositions positions,
    NodeLink link,
    ClusterMetrics metrics,
    ILogger<ClusterMember> log)
    : BackgroundService, IHostedLifecycleService
{
    /// <summary>How long a node that stops waits until others have its shards.</summary>
    public static readonly TimeSpan LongestLeave = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan _lookAgain = TimeSpan.FromMilliseconds(20);

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await node.StartAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    /// <summary>The web server listens: this node should have shards.</summary>
    public Task StartedAsync(CancellationToken cancellationToken)
    {
        metrics.Watch(node, owners, positions, keeper, link);
        return node.Members.SayAsync(Readiness.Ready, cancellationToken);
    }

    /// <summary>Gives the shards away, while the web server still answers.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        // Others have its shards already, or will take them.
        if (node.Death.IsCompleted || storage.Lost.IsCompleted) return;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        over.CancelAfter(LongestLeave);
        try
        {
            await node.Members.SayAsync(Readiness.Leaving, over.Token);

            // The last node keeps what it has: nobody is there to take it.
            while (node.Members.View.Ready.Count > 0 && HasShards) await Task.Delay(_lookAgain, over.Token);
        }
        catch (Exception fault) when (fault is OperationCanceledException or System.Data.Common.DbException)
        {
            LogNotGiven(fault);
        }
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await node.StopAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <exception cref="InvalidOperationException">The node takes no part in the cluster any more.</exception>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var reason = await node.Death.WaitAsync(stoppingToken);
        throw new InvalidOperationException($"This node takes no part in the cluster any more: {reason}");
    }

    private bool HasShards => ShardGates.All.Any(
        shard => owners.Of(shard) is var owner
            && owner.Node == node.Self.Node && owner.Incarnation == node.Self.Incarnation);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Not all shards were given away; others take them later.")]
    private partial void LogNotGiven(Exception fault);
}
