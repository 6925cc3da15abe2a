using Matrix.Benchmarks.Cluster.Loads;
using Matrix.Benchmarks.Cluster.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.ClusterNodes;

namespace Matrix.Benchmarks.Cluster.Measures;

/// <summary>A load on one node and on three, by turns.</summary>
/// <param name="make">Makes the load.</param>
/// <param name="name">Its name.</param>
/// <param name="sentence">What is measured.</param>
internal sealed class ScaleMeasure(
    string name, string sentence, Func<ClusterContext, CancellationToken, Task<IClusterLoad>> make) : IClusterMeasure
{
    /// <summary>What a send may cost with three nodes, as a multiple of one.</summary>
    private const double MostCost = 1.4;

    private const int Nodes = 3;

    private const double WarmUpSeconds = 5;
    private const int LeastWarmUps = 8;
    private const int MostWarmUps = 16;

    /// <summary>A node is warm when it does not do this many times as much as before, twice.</summary>
    private const double WarmerBy = 1.05;

    public string Name => name;

    public string Sentence => sentence;

    public async Task RunAsync(ClusterContext context, CancellationToken stop)
    {
        var load = await make(context, stop);
        var (one, three) = (await context.OneAsync(stop), await context.ThreeAsync(stop));
        using var onOne = await PrepareAsync(context, load, one, stop);
        using var onThree = await PrepareAsync(context, load, three, stop);
        var rounds = new List<(Phase One, Phase Three, Phase Sprayed)>();
        for (var i = 0; i < context.Sizes.Rounds; i++)
        {
            rounds.Add((
                await RunAsync(context, "one node", one, onOne, Balancing.Token, stop),
                await RunAsync(context, "three nodes", three, onThree, Balancing.Token, stop),
                await RunAsync(context, "three, sprayed", three, onThree, Balancing.Turns, stop)));
        }

        Report(context, load, rounds);
    }

    /// <summary>Makes what the load needs, and lets the cluster compile what it runs, without a bound.</summary>
    public static async Task<IPreparedLoad> PrepareAsync(
        ClusterContext context, IClusterLoad load, ClusterStage stage, CancellationToken stop)
    {
        stage.Loosen();
        var prepared = await load.PrepareAsync(stage, stop);
        var best = 0.0;
        for (var (runs, slower) = (0, 0); runs < LeastWarmUps || (runs < MostWarmUps && slower < 2); runs++)
        {
            // Code that is compiled better after a while costs a multiple before.
            var route = runs % 2 == 0 ? Balancing.Token : Balancing.Turns;
            var rate = (await prepared.RunAsync(route, WarmUpSeconds, stop)).PerSecond;
            slower = rate > WarmerBy * best ? 0 : slower + 1;
            best = Math.Max(best, rate);
        }

        stage.Bound();

        // Long enough that a first phase with the share does not begin with the rest of what is queued.
        await prepared.RunAsync(Balancing.Token, 1, stop);
        return prepared;
    }

    /// <summary>A phase, when nothing of what was before runs any more.</summary>
    public static async Task<Phase> RunAsync(
        ClusterContext context,
        string name,
        ClusterStage stage,
        IPreparedLoad load,
        Balancing route,
        CancellationToken stop)
    {
        GC.Collect();
        QuietMachine.Wait();
        var phase = await Phase.RunAsync(stage, load, route, context.Sizes.Seconds, stop);
        phase.Say(context.Bench, name);
        return phase;
    }

    private static void Report(
        ClusterContext context, IClusterLoad load, List<(Phase One, Phase Three, Phase Sprayed)> rounds)
    {
        var bench = context.Bench;
        var areBound = rounds[0].One.Stage.Processors is not null;
        var how = areBound ? "three nodes against one" : "three against one, by processor time";
        AddRatio(load.Target, $"{load.Name}: {load.Operations}, {how}", static each => each.Three);
        AddRatio(load.SprayedTarget, $"{load.Name}: the same, sprayed", static each => each.Sprayed);
        AddForwarded("kept at a node", static each => each.Three);
        AddForwarded("sprayed", static each => each.Sprayed);
        var costs = new Spread(rounds.Select(
            static each => each.Three.ServerMilliseconds / each.One.ServerMilliseconds));
        var sprayed = new Spread(rounds.Select(
            static each => each.Sprayed.ServerMilliseconds / each.One.ServerMilliseconds));
        bench.Say($"       processor time of one operation, nodes and PostgreSQL: one node "
            + $"{new Spread(rounds.Select(static each => each.One.ServerMilliseconds))} ms, three nodes "
            + $"{new Spread(rounds.Select(static each => each.Three.ServerMilliseconds))} ms, sprayed "
            + $"{new Spread(rounds.Select(static each => each.Sprayed.ServerMilliseconds))} ms");
        if (load is not Sends)
        {
            bench.Add(Outcome.Reported(
                $"{load.Name}: processor time of each, three against one", costs.Middle, "times"));
            return;
        }

        context.Peaks = (
            new Spread(rounds.Select(static each => each.One.Load.PerSecond)).Middle,
            new Spread(rounds.Select(static each => each.Three.Load.PerSecond)).Middle);
        bench.Add(Outcome.AtMost(
            $"{load.Name}: cost of a send, PostgreSQL too, three against one {costs}", MostCost, costs.Middle,
            "times"));
        bench.Add(Outcome.Reported(
            $"{load.Name}: cost of a send, sprayed {sprayed}", sprayed.Middle, "times"));

        void AddRatio(double least, string what, Func<(Phase One, Phase Three, Phase Sprayed), Phase> of)
        {
            var ratios = new Spread(rounds.Select(each => areBound
                ? of(each).Load.PerSecond / each.One.Load.PerSecond
                : Nodes * each.One.NodeMilliseconds / of(each).NodeMilliseconds));
            bench.Add(Outcome.AtLeast($"{what} {ratios}", least, ratios.Middle, "times"));
        }

        void AddForwarded(string how, Func<(Phase One, Phase Three, Phase Sprayed), Phase> of)
        {
            var shares = new Spread(rounds.Select(each => of(each).Forwarded * 100));
            bench.Add(Outcome.Reported($"{load.Name}: requests forwarded, {how}", shares.Middle, "%"));
        }
    }
}
