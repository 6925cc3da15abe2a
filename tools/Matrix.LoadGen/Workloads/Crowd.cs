using System.Diagnostics;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>
/// Clients that each repeat a request on a thread of their own, and the sum of what they saw. The client's own CPU time is
/// told beside it: both share the machine, and a figure that the client limits says nothing about the server.
/// </summary>
internal sealed class Crowd(Server server)
{
    private readonly Durations _durations = new();
    private double _seconds;
    private double _serverCpu;
    private double _clientCpu;

    /// <summary>Each action is repeated <paramref name="times"/> times; the clients run side by side.</summary>
    public void Repeat(IReadOnlyList<Action> actions, int times) => Measure(actions, (action, mine) =>
    {
        for (var i = 0; i < times; i++)
        {
            Timed(action, mine);
        }
    });

    /// <summary>Each action is repeated for a while; the clients run side by side.</summary>
    public void RepeatFor(IReadOnlyList<Action> actions, double forSeconds)
    {
        var watch = Stopwatch.StartNew();
        Measure(actions, (action, mine) =>
        {
            while (watch.Elapsed.TotalSeconds < forSeconds)
            {
                Timed(action, mine);
            }
        });
    }

    public Figures Figures()
    {
        var figures = new Figures()
            .Add("per_second", _durations.Count / _seconds)
            .AddDurations("", _durations)
            .Add("client_cpu_us_each", _clientCpu * 1000 / _durations.Count);
        return server.ProcessId is null ? figures : figures.Add("server_cpu_us_each", _serverCpu * 1000 / _durations.Count);
    }

    private static void Timed(Action action, Durations mine)
    {
        var start = Stopwatch.GetTimestamp();
        action();
        mine.Add(Stopwatch.GetTimestamp() - start);
    }

    private void Measure(IReadOnlyList<Action> actions, Action<Action, Durations> loop)
    {
        var client = ProcessFigures.CpuMilliseconds(Environment.ProcessId);
        var served = server.ProcessId is { } id ? ProcessFigures.CpuMilliseconds(id) : 0;
        var watch = Stopwatch.StartNew();
        foreach (var mine in SideBySide(actions, loop))
        {
            _durations.Add(mine);
        }

        _seconds += watch.Elapsed.TotalSeconds;
        _clientCpu += ProcessFigures.CpuMilliseconds(Environment.ProcessId) - client;
        _serverCpu += server.ProcessId is { } same ? ProcessFigures.CpuMilliseconds(same) - served : 0;
    }

    private static List<Durations> SideBySide(IReadOnlyList<Action> actions, Action<Action, Durations> loop)
    {
        var results = actions.Select(_ => new Durations()).ToList();
        if (actions.Count == 1)
        {
            loop(actions[0], results[0]);
            return results;
        }

        Exception? failure = null;
        var threads = actions.Select((action, i) => new Thread(
            () =>
            {
                try
                {
                    loop(action, results[i]);
                }
                catch (Exception problem) when (problem is IOException or InvalidDataException or System.Net.Sockets.SocketException)
                {
                    Interlocked.CompareExchange(ref failure, problem, null);
                }
            },
            maxStackSize: 256 * 1024)).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        return failure is null ? results : throw new InvalidDataException(failure.Message, failure);
    }
}
