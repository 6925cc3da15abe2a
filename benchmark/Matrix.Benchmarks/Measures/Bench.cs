using Matrix.Benchmarks.Floor;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;
using Matrix.LoadGen.Workloads;
using Matrix.Processes;

namespace Matrix.Benchmarks.Measures;

/// <summary>A homeserver and a floor on databases of the same kind, side by side.</summary>
internal sealed class Bench(Stage homeserver, Stage floor)
{
    /// <summary>
    /// Runs a workload; returns the homeserver's figures, and the floor's if it supports the workload.
    /// </summary>
    public (Figures Homeserver, Figures? Floor) Run(string workload)
    {
        var figures = Catalogue.Run(Catalogue.Named(workload), [homeserver, floor]);
        return (figures[0].Figures, figures.Count > 1 ? figures[1].Figures : null);
    }

    /// <summary>The homeserver as a stage of the load generator.</summary>
    public static Stage StageOf(HomeserverProcess server, Settings settings)
    {
        var seen = new Server(
            "homeserver", ServerKind.Homeserver, Target.Parse(server.Url), server.Secret, [], server.ProcessId,
            server.DataFolder);
        return new Stage(seen, new Population(seen), settings);
    }

    /// <summary>The floor as a stage of the load generator.</summary>
    public static Stage StageOf(FloorProcess floor, Settings settings)
    {
        var seen = new Server(
            "floor",
            ServerKind.Floor,
            Target.Parse(floor.Url),
            Secret: null,
            [new GivenToken("@floor:floor.test", FloorServer.Token)],
            floor.ProcessId,
            DataFolder: null);
        return new Stage(seen, new Population(seen), settings);
    }
}
