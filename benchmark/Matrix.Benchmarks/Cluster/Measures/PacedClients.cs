using Matrix.Benchmarks.Cluster.Loads;
using Matrix.Benchmarks.Cluster.Servers;
using Matrix.LoadGen.Http;

namespace Matrix.Benchmarks.Cluster.Measures;

/// <summary>The clients of a paced load: a hundred users with three rooms each.</summary>
internal sealed class PacedClients : IDisposable
{
    private const int Users = 100;
    private const int RoomsOfEach = 3;

    private readonly List<AsyncClient> _http;

    /// <param name="stage">The cluster.</param>
    /// <param name="addresses">Where requests go; each user has one.</param>
    public PacedClients(ClusterStage stage, IReadOnlyList<Uri> addresses)
    {
        _http = [.. addresses.Select(static each => new AsyncClient(Target.Parse(each.ToString())))];
        All =
        [
            .. SentRooms.Of(stage, Users, RoomsOfEach).SelectMany((each, i) => each.Rooms.Select(room => (
                    i, Client: new PacedClient(_http[i % _http.Count], "Bearer " + each.User.AccessToken, room))))
                .OrderBy(static each => each.Client.Room, StringComparer.Ordinal).Select(static each => each.Client),
        ];
    }

    /// <summary>A client for each room, in an order that has nothing to do with users.</summary>
    public IReadOnlyList<PacedClient> All { get; }

    /// <summary>A client for each room, by whichever address.</summary>
    public PacedClient Of(string room) => All.First(each => each.Room == room);

    public void Dispose() => _http.ForEach(static each => each.Dispose());
}
