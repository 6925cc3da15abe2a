using Matrix.LoadGen.Http;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>A client that repeats a request for a number of times.</summary>
internal sealed class Repeated(Stage stage, Action client) : IRun
{
    private const int WarmUpSlices = 8;

    private readonly Crowd _crowd = new(stage.Server);

    /// <summary>
    /// Warms up until the server's code is compiled in its final form, after some thousands of calls.
    /// </summary>
    public void WarmUp()
    {
        for (var i = 0; i < WarmUpSlices; i++)
        {
            Ask(new Crowd(stage.Server));
        }
    }

    public void Slice() => Ask(_crowd);

    public Figures Finish() => _crowd.Figures();

    public void Dispose()
    {
    }

    private void Ask(Crowd asked) => asked.Repeat(client, stage.Settings.RequestsPerSlice);
}

/// <summary>Several clients that each repeat a request for a while.</summary>
internal sealed class RepeatedByMany(Stage stage, IReadOnlyList<Exchange> clients) : IRun
{
    private readonly Crowd _crowd = new(stage.Server);

    /// <summary>Requests a second of the last slice.</summary>
    public double LastPerSecond => _crowd.LastPerSecond;

    /// <summary>Warms up for one slice: several clients make enough calls in it.</summary>
    public void WarmUp() => new Crowd(stage.Server).RepeatFor(clients, stage.Settings.SecondsPerSlice);

    public void Slice() => _crowd.RepeatFor(clients, stage.Settings.SecondsPerSlice);

    public Figures Finish() => _crowd.Figures();

    public void Dispose()
    {
    }
}
