using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>
/// Incremental sync with nothing new, by a few users of some rooms each. With one user alone, an idle processor's time
/// to wake up would exceed the sync's.
/// </summary>
internal sealed class IdleSync : IWorkload
{
    private const int Users = 4;
    private const int RoomsOfEach = 20;

    public string Name => "sync-idle";

    public string Sentence =>
        "incremental sync with nothing new, by 4 users at once (floor: an authenticated request that reads nothing)";

    public IRun Prepare(Stage stage) =>
        new RepeatedByMany(stage, [.. Enumerable.Range(0, Users).Select(_ => Client(stage))]);

    private static Exchange Client(Stage stage)
    {
        if (stage.Server.Kind == ServerKind.Floor)
        {
            return Floor.Read(stage.Server);
        }

        var user = stage.Population.Fresh();
        for (var i = 0; i < RoomsOfEach; i++)
        {
            user.CreateRoom($"idle {i}");
        }

        return user.Syncing(user.SyncToken());
    }
}
