using Matrix.Benchmarks.Cluster.Servers;
using Matrix.ClusterNodes;
using Matrix.LoadGen.Http;

namespace Matrix.Benchmarks.Cluster.Loads;

/// <summary>A hundred users in three rooms each sync at once, with nothing new.</summary>
internal sealed class IdleSyncs : IClusterLoad
{
    private const int Users = 100;
    private const int RoomsOfEach = 3;

    public string Name => "idle";

    public string Operations => "idle syncs";

    public double Target => 2.7;

    public double SprayedTarget => 2.2;

    public Task<IPreparedLoad> PrepareAsync(ClusterStage stage, CancellationToken stop) => Task.Run<IPreparedLoad>(
        () =>
        {
            var users = SentRooms.Of(stage, Users, RoomsOfEach);
            return new Repeating(new[] { Balancing.Token, Balancing.Turns }.ToDictionary(
                static route => route,
                route => (stage.Server(route), (Exchange[])
                [
                    .. users.Select(each => stage.Account(each.User, route).Syncing(each.User.SyncToken())),
                ])));
        },
        stop);
}
