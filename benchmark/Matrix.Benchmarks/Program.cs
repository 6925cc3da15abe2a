using System.Globalization;
using BenchmarkDotNet.Running;
using Matrix.Benchmarks.Floor;
using Matrix.Benchmarks.Measures;
using Matrix.Benchmarks.Rules;

const string Help = """
    matrix-benchmarks measures [sqlite] [postgresql]     every measure, its target, its figure (default: both databases)
    matrix-benchmarks rules                              what decisions, reading events and state resolution cost: no server, no database
    matrix-benchmarks floor DATABASE-URL FOLDER PORT     the floor server
    matrix-benchmarks micro [BenchmarkDotNet options]    the core's functions, one by one
    """;

switch (args)
{
    case ["floor", var url, var folder, var port]:
        await FloorServer.ServeAsync(url, folder, int.Parse(port, CultureInfo.InvariantCulture), CancellationToken.None);
        return 0;
    case ["micro", .. var options]:
        BenchmarkSwitcher.FromAssembly(typeof(FloorServer).Assembly).Run(options);
        return 0;
    case ["rules"]:
        return MeasureRules();
    case ["measures", .. var names]:
        return await MeasuresAsync(names);
    default:
        Console.WriteLine(Help);
        return args.Contains("--help") ? 0 : 2;
}

static double TellScale()
{
    var scale = MachineSpeed.Measure();
    Console.WriteLine($"       one Ed25519 verification takes {scale * 50:0.0} us here: figures are scaled by {scale:0.00}");
    return scale;
}

static int TellOutcomes(IReadOnlyCollection<Outcome> outcomes)
{
    var held = outcomes.Count(o => o.Holds);
    Console.WriteLine($"{held} measures hold, {outcomes.Count - held} fall short");
    return held == outcomes.Count ? 0 : 1;
}

static int MeasureRules() => TellOutcomes(RulesRun.Run(TellScale(), Console.Out));

static async Task<int> MeasuresAsync(string[] names)
{
    var scale = TellScale();
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

    return TellOutcomes(outcomes);
}
