namespace Matrix.Benchmarks.Measures;

/// <summary>What named measures share: the machine's speed, the report and a database server.</summary>
/// <param name="output">The report.</param>
internal sealed class MeasureContext(TextWriter output) : IDisposable
{
    private readonly List<Outcome> _outcomes = [];
    private PostgresDatabase? _postgres;

    /// <summary>How much slower than the reference this machine was when it was last measured.</summary>
    public double Scale { get; private set; } = 1;

    /// <summary>The time of one Ed25519 verification.</summary>
    public TimeSpan Verification => TimeSpan.FromMicroseconds(Scale * MachineSpeed.Reference);

    public IReadOnlyList<Outcome> Outcomes => _outcomes;

    /// <summary>A PostgreSQL server, started when it is first used.</summary>
    public PostgresDatabase Postgres => _postgres ??= new PostgresDatabase();

    /// <summary>
    /// Measures the machine's speed again. A run takes half an hour, in which the speed of a shared machine changes.
    /// </summary>
    public void MeasureSpeed() => Scale = MachineSpeed.Report(output);

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
