using System.Diagnostics;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>Initial sync of an account with many rooms: what it costs the server.</summary>
internal sealed class InitialSync : IWorkload
{
    public string Name => "sync-initial";

    public string Sentence => "initial sync of an account in 200 rooms of 20 messages: server CPU (needs --pid)";

    public IRun? Prepare(Stage stage) => stage.Server.Kind == ServerKind.Homeserver ? new InitialSyncRun(stage) : null;
}

/// <summary>CPU time comes in ticks of 10 ms, so a slice is several syncs.</summary>
internal sealed class InitialSyncRun : IRun
{
    private const int SyncsPerSlice = 8;

    private readonly Stage stage;
    private readonly Account user;
    private readonly Durations durations = new();
    private double cpu;
    private long bytes;

    public InitialSyncRun(Stage stage)
    {
        this.stage = stage;
        user = stage.Population.Fresh();
        for (var i = 0; i < stage.Settings.JoinedRooms; i++)
        {
            var room = Uri.EscapeDataString(user.CreateRoom($"room {i}"));
            for (var j = 0; j < stage.Settings.MessagesPerRoom; j++)
            {
                user.Send(room);
            }
        }
    }

    public void WarmUp()
    {
        for (var i = 0; i < SyncsPerSlice; i++)
        {
            user.Sync(since: null, timeoutMilliseconds: 0);
        }
    }

    public void Slice()
    {
        var before = Cpu();
        for (var i = 0; i < SyncsPerSlice; i++)
        {
            var start = Stopwatch.GetTimestamp();
            user.Sync(since: null, timeoutMilliseconds: 0);
            durations.Add(Stopwatch.GetTimestamp() - start);
            bytes = user.Connection.Body.Length;
        }

        cpu += Cpu() - before;
    }

    public Figures Finish() => new Figures()
        .Add("server_cpu_ms", cpu / durations.Count)
        .AddDurations("", durations)
        .Add("kilobytes", bytes / 1024.0);

    public void Dispose()
    {
    }

    private double Cpu() => stage.Server.ProcessId is { } id ? ProcessFigures.CpuMilliseconds(id) : double.NaN;
}
