using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>Incremental sync with nothing new, by a user of some rooms.</summary>
internal sealed class IdleSync : IWorkload
{
    private const int RoomsOfTheUser = 20;

    // One takes some tens of microseconds: a slice is long enough to see more than how the threads happen to lie.
    private const int TimesAsMany = 10;

    public string Name => "sync-idle";

    public string Sentence => "incremental sync with nothing new (floor: an authenticated request that reads nothing)";

    public IRun Prepare(Stage stage)
    {
        if (stage.Server.Kind == ServerKind.Floor)
        {
            return new Repeated(stage, Floor.Read(stage.Server).Make, TimesAsMany);
        }

        var user = stage.Population.Fresh();
        for (var i = 0; i < RoomsOfTheUser; i++)
        {
            user.CreateRoom($"idle {i}");
        }

        var since = user.SyncToken();
        return new Repeated(stage, () => since = user.Sync(since, timeoutMilliseconds: 0), TimesAsMany);
    }
}
