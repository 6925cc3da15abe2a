using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>All workloads by name, and how one runs on several servers.</summary>
internal static class Catalogue
{
    public static IReadOnlyList<IWorkload> All { get; } =
    [
        new Memory(), new SequentialSend(), new OneRoomSend(), new ManyRoomsSend(), new IdleSync(), new FanOut(),
        new InitialSync(), new Pages(), new BigRoom(), new MessageGrowth(), new StateGrowth(), new ManyRoomsClient(),
        new SlidingFanOut(), new SearchWorkload(), new Download(),
    ];

    public static IWorkload Named(string name) => All.FirstOrDefault(w => w.Name == name)
        ?? throw new UsageException(
            $"There is no workload '{name}'; there are: {string.Join(", ", All.Select(w => w.Name))}.");

    /// <summary>
    /// Runs a workload on every server that supports it, by turns. Each second round goes in reverse order, because a
    /// server's work continues after its turn (a checkpoint) and costs whichever server comes next.
    /// </summary>
    public static IReadOnlyList<(Server Server, Figures Figures)> Run(IWorkload workload, IReadOnlyList<Stage> stages)
    {
        var runs = new List<(Stage Stage, IRun Run)>();
        try
        {
            foreach (var stage in stages)
            {
                if (workload.Prepare(stage) is { } run)
                {
                    runs.Add((stage, run));
                    run.WarmUp();
                }
            }

            for (var i = 0; runs.Count > 0 && i < runs[0].Stage.Settings.Slices; i++)
            {
                foreach (var (_, run) in i % 2 == 0 ? runs : Enumerable.Reverse(runs))
                {
                    run.Slice();
                }
            }

            return [.. runs.Select(r => (r.Stage.Server, r.Run.Finish()))];
        }
        finally
        {
            runs.ForEach(r => r.Run.Dispose());
        }
    }
}
