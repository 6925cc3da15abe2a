using System.Diagnostics;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>Measures the server's cost of an initial sync of an account with many rooms.</summary>
internal sealed class InitialSync : IWorkload
{
    public string Name => "sync-initial";

    public string Sentence => "initial sync of an account in 200 rooms of 20 messages: server CPU (needs --pid)";

    public IRun? Prepare(Stage _stage) => _stage.Server.Kind == ServerKind.Homeserver ? new InitialSyncRun(_stage)
        : null;
}

/// <summary>The kernel counts CPU time in ticks of 10 ms, so a slice is several syncs.</summary>
internal sealed class InitialSyncRun : IRun
{
    private const int SyncsPerSlice = 8;
    private const int WarmUpSyncs = 200;

    private readonly Stage _stage;
    private readonly Account _user;
    private readonly Durations _durations = new();
    private double _cpu;
    private long _bytes;

    public InitialSyncRun(Stage stage)
    {
        _stage = stage;
        _user = _stage.Population.Fresh();
        for (var i = 0; i < _stage.Settings.JoinedRooms; i++)
        {
            var room = Uri.EscapeDataString(_user.CreateRoom($"room {i}"));
            for (var j = 0; j < _stage.Settings.MessagesPerRoom; j++)
            {
                _user.Send(room);
            }
        }
    }

    /// <summary>
    /// Warms up until the server's code is compiled in its final form. The compiler's threads count, too.
    /// </summary>
    public void WarmUp()
    {
        for (var i = 0; i < WarmUpSyncs; i++)
        {
            _user.Sync(since: null, timeoutMilliseconds: 0);
        }
    }

    public void Slice()
    {
        var before = Cpu();
        for (var i = 0; i < SyncsPerSlice; i++)
        {
            var start = Stopwatch.GetTimestamp();
            _user.Sync(since: null, timeoutMilliseconds: 0);
            _durations.Add(Stopwatch.GetTimestamp() - start);
            _bytes = _user.Connection.Body.Length;
        }

        _cpu += Cpu() - before;
    }

    public Figures Finish() => new Figures()
        .Add("server_cpu_ms", _cpu / _durations.Count)
        .AddDurations("", _durations)
        .Add("kilobytes", _bytes / 1024.0);

    public void Dispose()
    {
    }

    private double Cpu() => _stage.Server.ProcessId is { } id ? ProcessFigures.CpuMilliseconds(id) : double.NaN;
}
