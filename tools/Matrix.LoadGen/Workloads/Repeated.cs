using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>The usual run: some clients that repeat a request, for a number of times or for a while.</summary>
internal sealed class Repeated(Stage stage, IReadOnlyList<Action> clients) : IRun
{
    private readonly Crowd _crowd = new(stage.Server);

    public void WarmUp() => Ask(new Crowd(stage.Server));

    public void Slice() => Ask(_crowd);

    public Figures Finish() => _crowd.Figures();

    public void Dispose()
    {
    }

    private void Ask(Crowd asked)
    {
        if (clients.Count == 1)
        {
            asked.Repeat(clients, stage.Settings.RequestsPerSlice);
        }
        else
        {
            asked.RepeatFor(clients, stage.Settings.SecondsPerSlice);
        }
    }
}
