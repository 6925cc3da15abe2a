using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>Resident memory at this point: as the first workload, that of the idle server (needs --pid).</summary>
internal sealed class Memory : IWorkload
{
    public string Name => "memory";

    public string Sentence => "resident memory at this point of the run (needs --pid)";

    public IRun? Prepare(Stage stage) => stage.Server.ProcessId is { } id ? new MemoryRun(id) : null;

    private sealed class MemoryRun(int processId) : IRun
    {
        public void WarmUp()
        {
        }

        public void Slice()
        {
        }

        public Figures Finish() => new Figures().Add("resident_mb", ProcessFigures.ResidentMegabytes(processId));

        public void Dispose()
        {
        }
    }
}
