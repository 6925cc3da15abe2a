using Matrix.Host.Api.Http;
using Matrix.Host.Cluster;
using Matrix.Host.Cluster.Flushes;
using Matrix.Host.Cluster.Routing;
using Matrix.Host.Configuration;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Adapters;

/// <summary>The nodes of the cluster, for requests.</summary>
internal sealed class RequestNodes(
    HomeserverConfig config,
    ClusterNode node,
    ClusterNodeOptions options,
    LevelGate level,
    StorageLevel storage,
    ShardGates gates,
    RequestForwarding forwarding,
    AppliedPositions positions) : IRequestNodes
{
    private static readonly Answer _noOwner = Answer.Error(
        503, MatrixError.Unknown, "The node of this server that should answer could not be reached. Try again.");

    public string ServerName => config.ServerName;

    // A node that is only late holds its requests. Taken out of the balancer at once, a busy one would leave its load
    // to the others, and the last one to nobody.
    public bool IsReady => storage.IsCurrent && node.Members.View.Ready.Contains(node.Self);

    public TimeSpan LongestMove => options.MoveTime;

    public ValueTask<bool> EnterAsync(CancellationToken stop) => level.EnterAsync(stop);

    public bool IsHere(Authority owner) => gates.IsOpen(owner);

    public async ValueTask<Answer?> ForwardAsync(
        HttpContext http, Authority owner, string address, bool isBrief, CancellationToken stop)
    {
        var listener = http.Features.Get<AcceptedBy>()?.Listener ?? Listener.Client;
        return await forwarding.ForwardAsync(http, owner, listener.ToString(), address, isBrief, stop) switch
        {
            ForwardOutcome.Here => null,
            ForwardOutcome.Sent => Answer.Sent,
            _ => _noOwner,
        };
    }

    public ValueTask WrittenAsync() => positions.AppliedByAllAsync();
}
