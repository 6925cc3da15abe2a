using System.Globalization;
using BenchmarkDotNet.Running;
using Matrix.Benchmarks.Clients;
using Matrix.Benchmarks.Cluster;
using Matrix.Benchmarks.Federation;
using Matrix.Benchmarks.Floor;
using Matrix.Benchmarks.Measures;
using Matrix.Benchmarks.Rules;
using Matrix.Benchmarks.Users;

const string Help = """
    matrix-benchmarks measures [sqlite] [postgresql]     prints every measure, its target and its figure (default: both)
    matrix-benchmarks rules                              measures decisions, reading events and state resolution alone
    matrix-benchmarks federation [MEASURE...]            prints the measures of federation (default: all)
    matrix-benchmarks clients [MEASURE...]               prints the measures of the client API (default: all)
    matrix-benchmarks cluster [--only NAME]... [--seconds N] [--rounds N] [--share N]
                                                         prints the measures of clusters (default: all)
    matrix-benchmarks users [--users N] [--seconds N] [--rounds N] [--seed N] [--pace N] [--share N] [--only NAME]...
                                                         lets people live on servers (docs/users-load.md)
    matrix-benchmarks floor DATABASE-URL FOLDER PORT     runs the floor server
    matrix-benchmarks micro [BenchmarkDotNet options]    benchmarks single functions
    """;

switch (args)
{
    case ["floor", var url, var folder, var port]:
        await FloorServer.ServeAsync(
            url, folder, int.Parse(port, CultureInfo.InvariantCulture), CancellationToken.None);
        return 0;
    case ["micro", .. var options]:
        BenchmarkSwitcher.FromAssembly(typeof(FloorServer).Assembly).Run(options);
        return 0;
    case ["rules"]:
        return MeasureRules();
    case ["federation", .. var names] when names.All(FederationRun.All.Select(each => each.Name).Contains):
        return await NamedAsync(FederationRun.All, names);
    case ["clients", .. var names] when names.All(ClientsRun.All.Select(each => each.Name).Contains):
        return await NamedAsync(ClientsRun.All, names);
    case ["cluster", .. var options] when ClusterRun.Parse(options) is { } cluster:
        return ReportOutcomes(await ClusterRun.RunAsync(cluster.Measures, cluster.Sizes, Console.Out));
    case ["users", .. var options] when UsersRun.Parse(options) is { } users:
        return await UsersRun.RunAsync(users, Console.Out);
    case ["measures", .. var names]:
        return await MeasuresAsync(names);
    default:
        Console.WriteLine(Help);
        foreach (var each in FederationRun.All) Console.WriteLine($"federation {each.Name,-12}  {each.Sentence}");
        foreach (var each in ClientsRun.All) Console.WriteLine($"clients    {each.Name,-12}  {each.Sentence}");
        foreach (var each in ClusterRun.All) Console.WriteLine($"cluster    {each.Name,-12}  {each.Sentence}");
        return args.Contains("--help") ? 0 : 2;
}

static int ReportOutcomes(IReadOnlyCollection<Outcome> outcomes)
{
    var met = outcomes.Count(o => o.Holds == true);
    var missed = outcomes.Count(o => o.Holds == false);
    Console.WriteLine($"{met} targets are met, {missed} are missed");
    return missed == 0 ? 0 : 1;
}

static int MeasureRules() => ReportOutcomes(RulesRun.Run(MachineSpeed.Report(Console.Out), Console.Out));

static async Task<int> NamedAsync(IReadOnlyList<IMeasure> all, string[] names) =>
    ReportOutcomes(await NamedMeasures.RunAsync(all, names, Console.Out));

static async Task<int> MeasuresAsync(string[] names)
{
    var scale = MachineSpeed.Report(Console.Out);
    var outcomes = new List<Outcome>();
    if (names.Length == 0) outcomes.AddRange(RulesRun.Run(scale, Console.Out));
    foreach (var make in (Func<Database>[])[() => new SqliteDatabase(), () => new PostgresDatabase()])
    {
        using var database = make();
        if (names.Length > 0 && !names.Contains(database.Name, StringComparer.OrdinalIgnoreCase))
        {
            continue;
        }

        var run = new MeasuresRun(database, scale, Console.Out);
        await run.RunAsync(CancellationToken.None);
        outcomes.AddRange(run.Outcomes);
    }

    return ReportOutcomes(outcomes);
}
