using Matrix.Benchmarks.Cluster.Servers;
using Matrix.ClusterNodes;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;

namespace Matrix.Benchmarks.Cluster.Loads;

/// <summary>A hundred users send at once, each in three rooms of its own by turns.</summary>
internal sealed class Sends : IClusterLoad
{
    private const int Users = 100;
    private const int RoomsOfEach = 3;

    public string Name => "sends";

    public string Operations => "sends in 300 rooms";

    public double Target => 2.0;

    public double SprayedTarget => 2.0;

    public Task<IPreparedLoad> PrepareAsync(ClusterStage stage, CancellationToken stop) => Task.Run<IPreparedLoad>(
        () =>
        {
            var rooms = SentRooms.Of(stage, Users, RoomsOfEach);
            return new Repeating(new[] { Balancing.Token, Balancing.Turns }.ToDictionary(
                static route => route,
                route => (stage.Server(route), (Exchange[])[.. rooms.Select(each => Sending(stage, route, each))])));
        },
        stop);

    private static Exchange Sending(ClusterStage stage, Balancing route, (Account User, string[] Rooms) each)
    {
        var sent = 0;
        return stage.Account(each.User, route).Sending(
            () => (Uri.EscapeDataString(each.Rooms[sent++ % each.Rooms.Length]), SentRooms.Content));
    }
}
