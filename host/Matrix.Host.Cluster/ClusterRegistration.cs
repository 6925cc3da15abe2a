using Matrix.Core.Cluster;
using Matrix.Host.Cluster.Calls;
using Matrix.Host.Cluster.Flushes;
using Matrix.Host.Cluster.Joining;
using Matrix.Host.Cluster.Routing;
using Matrix.Host.Cluster.Shards;
using Matrix.Host.Parts;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Ownership;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Cluster;

/// <summary>Registers the parts of a node that serves with others.</summary>
public static class ClusterRegistration
{
    /// <summary>Adds them. They replace what a server by itself has.</summary>
    public static IServiceCollection AddCluster(
        this IServiceCollection services, ClusterNodeOptions options, OpenedStorage storage, NodeLink link)
    {
        services.AddHttpForwarder();
        return services
            .AddSingleton(options)
            .AddSingleton(link)
            .Add<ClusterMetrics>()
            .Add<OtherTerms>()
            .AddSingleton(parts => new ClusterNode(
                options,
                new NodeIncarnation(storage.NodeShards.Self.Node, storage.NodeShards.Self.Incarnation),
                link.Database,
                CallsOf(parts),
                TellsOf(parts),
                parts.Get<ILoggerFactory>()))
            .AddSingleton<IClusterMembers>(static parts => parts.Get<ClusterNode>().Members)
            .Add<INodeTells, NodeTells>()
            .Add<AppliedPositions>()
            .As<INodeTellHandler, AppliedPositions>()
            .Add<LevelGate>()
            .Add<IShardCalls, ShardCalls>()
            .Add<RequestForwarding>()
            .Add<ShardKeeper>()
            .Add<ClusterMember>();
    }

    // Handlers are read when the node starts: what they do may need calls to other nodes, so the node itself.
    private static IEnumerable<ICallHandler> CallsOf(IServiceProvider parts)
    {
        foreach (var handler in parts.GetServices<IShardCallHandler>())
        {
            yield return new OwnerHandler(handler, parts.Get<AppliedPositions>());
        }

        yield return new BriefRequestHandler(parts.Get<IForwardedRequestHandler>());
    }

    private static IEnumerable<ITellHandler> TellsOf(IServiceProvider parts)
    {
        foreach (var handler in parts.GetServices<INodeTellHandler>()) yield return new ToldFrom(handler);
    }
}
