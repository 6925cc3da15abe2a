using System.Diagnostics;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.LoadGen.Workloads;

/// <summary>
/// Clients that each repeat a request, and the sum of their figures. The report includes the client's own CPU time:
/// both share the machine, and a figure that the client limits says nothing about the server. One thread runs all
/// clients, because a thread for each would also cost the server, which wakes them.
/// </summary>
internal sealed class Crowd(Server server)
{
    private const int PatienceMilliseconds = 60_000;

    private readonly Durations _durations = new();
    private double _seconds;
    private double _serverCpu;
    private double _clientCpu;

    /// <summary>The time of each request so far.</summary>
    public Durations Durations => _durations;

    /// <summary>Requests a second of the last measurement alone.</summary>
    public double LastPerSecond { get; private set; }

    /// <summary>One client repeats its request a number of times.</summary>
    public void Repeat(Action client, int times) => Measure(() =>
    {
        for (var i = 0; i < times; i++)
        {
            var start = Stopwatch.GetTimestamp();
            client();
            _durations.Add(Stopwatch.GetTimestamp() - start);
        }
    });

    /// <summary>All clients repeat their requests concurrently for a while.</summary>
    public void RepeatFor(IReadOnlyList<Exchange> clients, double forSeconds) => Measure(() =>
    {
        var end = Stopwatch.GetTimestamp() + (long)(forSeconds * Stopwatch.Frequency);
        RepeatWhile(clients, now => now < end);
    });

    /// <summary>All clients repeat their requests concurrently, so often in all.</summary>
    public void RepeatInAll(IReadOnlyList<Exchange> clients, int times) => Measure(() =>
    {
        var left = times - clients.Count;
        RepeatWhile(clients, _ => left-- > 0);
    });

    /// <param name="clients">Each begins a request.</param>
    /// <param name="goesOn">Whether a client whose request ended at this time begins another one.</param>
    private void RepeatWhile(IReadOnlyList<Exchange> clients, Func<long, bool> goesOn)
    {
        var begun = new long[clients.Count];
        using var readiness = new Readiness(clients.Count);
        for (var i = 0; i < clients.Count; i++)
        {
            Begin(i);
        }

        for (var waiting = clients.Count; waiting > 0;)
        {
            var ready = readiness.Wait(PatienceMilliseconds);
            for (var each = 0; each < ready; each++)
            {
                var i = readiness.Ready(each);
                clients[i].End();
                var now = Stopwatch.GetTimestamp();
                _durations.Add(now - begun[i]);
                if (goesOn(now))
                {
                    Begin(i);
                }
                else
                {
                    readiness.Forget(i);
                    waiting--;
                }
            }
        }

        void Begin(int i)
        {
            begun[i] = Stopwatch.GetTimestamp();
            clients[i].Begin();
            readiness.Watch(i, clients[i].Connection.Handle);
        }
    }

    public Figures Figures()
    {
        var figures = new Figures()
            .Add("per_second", _durations.Count / _seconds)
            .AddDurations("", _durations)
            .Add("client_cpu_us_each", _clientCpu * 1000 / _durations.Count);
        return server.ProcessId is null ? figures
            : figures.Add("server_cpu_us_each", _serverCpu * 1000 / _durations.Count);
    }

    private void Measure(Action run)
    {
        var client = ProcessFigures.CpuMilliseconds(Environment.ProcessId);
        var served = server.ProcessId is { } id ? ProcessFigures.CpuMilliseconds(id) : 0;
        var before = _durations.Count;
        var watch = Stopwatch.StartNew();
        run();
        var seconds = watch.Elapsed.TotalSeconds;
        _seconds += seconds;
        LastPerSecond = (_durations.Count - before) / seconds;
        _clientCpu += ProcessFigures.CpuMilliseconds(Environment.ProcessId) - client;
        _serverCpu += server.ProcessId is { } same ? ProcessFigures.CpuMilliseconds(same) - served : 0;
    }
}
