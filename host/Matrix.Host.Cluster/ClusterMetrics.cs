using System.Diagnostics;
using System.Diagnostics.Metrics;
using Matrix.Core.Cluster;
using Matrix.Host.Cluster.Flushes;
using Matrix.Host.Cluster.Routing;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Shards;

namespace Matrix.Host.Cluster;

/// <summary>The metrics of a node that serves with others: meter `Matrix.Cluster`.</summary>
public sealed class ClusterMetrics : IDisposable
{
    private readonly Meter _meter = new("Matrix.Cluster");
    private readonly Counter<long> _forwarded;
    private readonly Counter<long> _commands;
    private readonly Histogram<double> _held;

    /// <summary>Creates the instruments that count.</summary>
    public ClusterMetrics()
    {
        _forwarded = _meter.CreateCounter<long>(
            "matrix_cluster_forwarded_requests", "{request}", "Requests of other nodes' shards, by outcome.");
        _commands = _meter.CreateCounter<long>(
            "matrix_cluster_commands", "{command}", "Commands to shards of other nodes, by kind and outcome.");
        _held = _meter.CreateHistogram<double>(
            "matrix_cluster_held_seconds", "s", "Time for which requests and commands waited, by gate.");
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    /// <summary>Registers the instruments that are read.</summary>
    internal void Watch(
        ClusterNode node, ShardOwners owners, AppliedPositions positions, ShardKeeper keeper, NodeLink link)
    {
        var members = node.Members;
        _meter.CreateObservableGauge(
            "matrix_cluster_nodes", () => members.Alive.Count, "{node}", "Nodes that are alive.");
        _meter.CreateObservableGauge(
            "matrix_cluster_ready", () => members.View.Ready.Contains(node.Self) ? 1 : 0, null,
            "Whether this node should have shards.");
        _meter.CreateObservableGauge(
            "matrix_cluster_shards",
            () => ShardGates.All.Count(shard => Has(node.Self, owners.Of(shard))),
            "{shard}", "Shards of this node.");
        _meter.CreateObservableGauge(
            "matrix_cluster_shards_without_node",
            () => ShardGates.All.Count(shard => !members.Alive.Any(one => Has(one, owners.Of(shard)))),
            "{shard}", "Shards that no node has which is alive.");
        _meter.CreateObservableGauge(
            "matrix_cluster_positions_behind",
            () => Math.Max(
                0, members.Others.Select(one => positions.Of(one) ?? 0).DefaultIfEmpty().Max() - positions.Position),
            null, "Positions that another node has read and this one has not.");
        _meter.CreateObservableGauge(
            "matrix_cluster_clock_ahead_seconds",
            () => (members.ClockOf(node.Self) ?? 0) / 1000.0,
            "s", "How far the clock of this node is ahead of the database's.");
        _meter.CreateObservableCounter(
            "matrix_cluster_flushes",
            () => (Measurement<long>[])
            [
                new(link.Follower.FlushesTold, new KeyValuePair<string, object?>("outcome", "told")),
                new(link.Follower.FlushesRead, new KeyValuePair<string, object?>("outcome", "read")),
                new(link.Follower.FlushesMissed, new KeyValuePair<string, object?>("outcome", "missed")),
            ],
            "{flush}", "Flushes of other nodes that were read, or could not be.");
        _meter.CreateObservableCounter(
            "matrix_cluster_takeovers", () => keeper.TakeOvers, "{shard}", "Shards taken from nodes that had ended.");
    }

    internal void Forwarded(ForwardOutcome outcome) => _forwarded.Add(
        1, new KeyValuePair<string, object?>("outcome", outcome switch
        {
            ForwardOutcome.Sent => "answered",
            ForwardOutcome.Here => "moved_here",
            _ => "no_owner",
        }));

    internal void Asked(ShardCallKind kind, string outcome) => _commands.Add(
        1,
        new KeyValuePair<string, object?>("kind", kind switch
        {
            ShardCallKind.Room => "room",
            ShardCallKind.User => "user",
            _ => "server",
        }),
        new KeyValuePair<string, object?>("outcome", outcome));

    internal void Held(string gate, long since) => _held.Record(
        Stopwatch.GetElapsedTime(since).TotalSeconds, new KeyValuePair<string, object?>("gate", gate));

    private static bool Has(NodeIncarnation node, ShardOwner owner) =>
        owner.Node == node.Node && owner.Incarnation == node.Incarnation;
}
