using System.Diagnostics;
using Matrix.Benchmarks.Clients.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.Benchmarks.Clients.Measures;

/// <summary>What many requests at once cost one who sends messages, by turns with the messages alone.</summary>
internal sealed class BesideSender
{
    private const int MessagesBefore = 400;

    private readonly Account _sender;
    private readonly string _room;
    private readonly Durations _before = new();
    private readonly Durations _during = new();
    private readonly List<double> _seconds = [];

    public BesideSender(ClientServer server)
    {
        _sender = server.Population.Fresh();
        _room = Uri.EscapeDataString(_sender.CreateRoom("beside others"));
        for (var i = 0; i < MessagesBefore; i++) Send(new Durations());
    }

    /// <summary>The seconds of each turn, until the last request is answered.</summary>
    public IReadOnlyList<double> Seconds => _seconds;

    /// <summary>Sends messages alone, and then while all requests run at once.</summary>
    public void Turn(IReadOnlyList<Action> requests)
    {
        for (var i = 0; i < MessagesBefore; i++) Send(_before);
        var threads = requests.Select(request => new Thread(() => request())).ToList();
        var watch = Stopwatch.StartNew();
        threads.ForEach(thread => thread.Start());
        while (threads.Exists(thread => thread.IsAlive)) Send(_during);
        _seconds.Add(watch.Elapsed.TotalSeconds);
    }

    /// <summary>Compares the messages' durations.</summary>
    public void Report(MeasureContext bench, string measure, int atOnce, double target)
    {
        bench.Add(Outcome.Reported($"{measure}: p50 of a send before", _before.Percentile(50), "ms"));
        bench.Add(Outcome.AtMost(
            $"{measure}: p50 of a send beside {atOnce} at once, multiple of before", target,
            _during.Percentile(50) / _before.Percentile(50), "times"));
    }

    private void Send(Durations into)
    {
        var start = Stopwatch.GetTimestamp();
        _sender.Send(_room);
        into.Add(Stopwatch.GetTimestamp() - start);
    }
}
