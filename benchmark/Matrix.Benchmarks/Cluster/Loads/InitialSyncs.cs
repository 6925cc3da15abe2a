using Matrix.Benchmarks.Cluster.Servers;
using Matrix.ClusterNodes;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;

namespace Matrix.Benchmarks.Cluster.Loads;

/// <summary>Users in forty rooms each make their first sync, again and again.</summary>
internal sealed class InitialSyncs : IClusterLoad
{
    private const int Users = 24;
    private const int RoomsOfEach = 40;
    private const int MessagesOfEach = 3;

    public string Name => "initial";

    public string Operations => "initial syncs of 40 rooms";

    public double Target => 2.7;

    public double SprayedTarget => 2.7;

    public Task<IPreparedLoad> PrepareAsync(ClusterStage stage, CancellationToken stop) => Task.Run<IPreparedLoad>(
        () =>
        {
            var users = Enumerable.Range(0, Users).Select(_ => stage.Population.Fresh()).ToList();
            foreach (var user in users)
            {
                stop.ThrowIfCancellationRequested();
                for (var i = 0; i < RoomsOfEach; i++)
                {
                    var room = Uri.EscapeDataString(user.CreateRoom($"initial {i}"));
                    for (var j = 0; j < MessagesOfEach; j++) user.Send(room);
                }
            }

            return new Repeating(new[] { Balancing.Token, Balancing.Turns }.ToDictionary(
                static route => route,
                route => (stage.Server(route), (Exchange[])
                [
                    .. users.Select(user => Syncing(stage.Account(user, route))),
                ])));
        },
        stop);

    private static Exchange Syncing(Account user) => new(
        user.Connection,
        () => user.Connection.BeginGet("/_matrix/client/v3/sync?timeout=0"),
        () =>
        {
            var status = user.Connection.End();
            if (status != 200) throw new InvalidDataException($"An initial sync: {status} {user.Connection.BodyText}");
        });
}
