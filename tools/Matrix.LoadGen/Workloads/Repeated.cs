using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>The usual run: some clients that repeat a request, for a number of times (more for requests of microseconds) or for a while.</summary>
internal sealed class Repeated(Stage stage, IReadOnlyList<Action> clients, int timesAsMany = 1) : IRun
{
    private const int WarmUpSlices = 8;

    private readonly Crowd _crowd = new(stage.Server);

    /// <summary>Long enough for the server's code to be compiled in its final form, which begins after some thousands of calls.</summary>
    public void WarmUp()
    {
        // Several clients at once make as many calls in one slice.
        for (var i = 0; i < (clients.Count == 1 ? WarmUpSlices : 1); i++)
        {
            Ask(new Crowd(stage.Server));
        }
    }

    public void Slice() => Ask(_crowd);

    public Figures Finish() => _crowd.Figures();

    public void Dispose()
    {
    }

    private void Ask(Crowd asked)
    {
        if (clients.Count == 1)
        {
            asked.Repeat(clients, stage.Settings.RequestsPerSlice * timesAsMany);
        }
        else
        {
            asked.RepeatFor(clients, stage.Settings.SecondsPerSlice);
        }
    }
}
