using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;

namespace Matrix.Host.Api.Admin.Server;

/// <summary>
/// The nodes of a server of several, for `mx cluster`. The node that is asked answers from what it knows, also while it
/// is cut off from the others.
/// </summary>
internal sealed class Cluster(IClusterControl? cluster = null) : IEndpoints
{
    private static readonly Answer _alone = Answer.NotFound(
        "This server is not one of several nodes: cluster.listen is not set.");

    private static readonly Answer _noNode = Answer.NotFound("No other node that is alive has this name.");

    public void Map(ClientRoutes routes)
    {
        var admin = routes.Admin(1).Of(RouteOwner.Process);
        admin.Get("cluster", Get);
        admin.Post("cluster/drain", DrainAsync);
        admin.Delete("cluster/nodes/{node}", RemoveAsync);
    }

    private ValueTask<Answer> Get(Call call, CancellationToken stop) =>
        ValueTask.FromResult(cluster is null ? _alone : Answer.Json(cluster, static (json, cluster) =>
        {
            json.WriteNumber("shards_without_node", cluster.ShardsWithoutNode);
            json.WriteStartArray("nodes");
            foreach (var node in cluster.Nodes)
            {
                json.WriteStartObject();
                json.WriteString("node", node.Name);
                json.WriteBoolean("this", node.IsThis);
                json.WriteString("state", node.State);
                json.WriteNumber("shards", node.Shards);
                AdminCalls.WriteNumberOrNull(json, "position", node.Position);
                AdminCalls.WriteNumberOrNull(json, "behind", node.Behind);
                json.WriteString("version", node.Version);
                AdminCalls.WriteNumberOrNull(json, "clock_ms", node.ClockAhead);
                json.WriteString("settings_differ", string.Join(", ", node.Differing));
                json.WriteEndObject();
            }

            json.WriteEndArray();
        }));

    private async ValueTask<Answer> DrainAsync(Call call, CancellationToken stop)
    {
        if (cluster is null) return _alone;
        await cluster.DrainAsync(stop);
        return Answer.Empty;
    }

    private async ValueTask<Answer> RemoveAsync(Call call, CancellationToken stop) =>
        cluster is null ? _alone
        : await cluster.RemoveAsync(call["node"], stop) ? Answer.Empty
        : _noNode;
}
