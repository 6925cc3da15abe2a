namespace Matrix.Benchmarks.Measures;

/// <summary>What named measures share: the machine's speed, the report and a database server.</summary>
/// <param name="scale">How much slower than the reference this machine is.</param>
/// <param name="output">The report.</param>
internal sealed class MeasureContext(double scale, TextWriter output) : IDisposable
{
    private readonly List<Outcome> _outcomes = [];
    private PostgresDatabase? _postgres;

    /// <summary>How much slower than the reference this machine is.</summary>
    public double Scale => scale;

    /// <summary>The time of one Ed25519 verification.</summary>
    public TimeSpan Verification => TimeSpan.FromMicroseconds(scale * 50);

    public IReadOnlyList<Outcome> Outcomes => _outcomes;

    /// <summary>A PostgreSQL server, started when it is first used.</summary>
    public PostgresDatabase Postgres => _postgres ??= new PostgresDatabase();

    /// <summary>Prints an outcome.</summary>
    public void Add(Outcome outcome)
    {
        _outcomes.Add(outcome);
        Say(outcome.ToString());
    }

    /// <summary>Prints a line.</summary>
    public void Say(string line)
    {
        output.WriteLine(line);
        output.Flush();
    }

    public void Dispose() => _postgres?.Dispose();
}

/// <summary>A measure that can be run alone, by its name.</summary>
internal interface IMeasure
{
    /// <summary>Its name on the command line.</summary>
    string Name { get; }

    /// <summary>What it measures, for the help page.</summary>
    string Sentence { get; }

    Task RunAsync(MeasureContext bench, CancellationToken stop);
}
