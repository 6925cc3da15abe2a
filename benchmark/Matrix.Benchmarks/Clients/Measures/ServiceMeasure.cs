using System.Diagnostics;
using Matrix.Benchmarks.Clients.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Workloads;

namespace Matrix.Benchmarks.Clients.Measures;

/// <summary>
/// The rate at which an application service takes what waited while it was away, and how far it is behind while users
/// send as fast as they can.
/// </summary>
internal sealed class ServiceMeasure : IMeasure
{
    private const int Senders = 50;
    private const int Waiting = 40_000;
    private const int Live = 40_000;
    private const int WarmUp = 10_000;
    private const double Target = 5000;
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(2);

    public string Name => "services";

    public string Sentence => "events that an application service takes";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        await RunAsync(bench, "SQLite", null, stop);
        await RunAsync(bench, "PostgreSQL", bench.Postgres.New("services"), stop);
    }

    private static async Task RunAsync(MeasureContext bench, string database, string? url, CancellationToken stop)
    {
        await using var service = await ServiceListener.StartAsync(stop);
        using var registration = new ServiceRegistration(service.Url, "@.*");
        using var server = await ClientServer.StartAsync(url, registration.Settings, stop);
        var senders = server.Population.First(Senders)
            .Select(sender => sender.Sending(Uri.EscapeDataString(sender.CreateRoom("bridged")))).ToList();
        var crowd = new Crowd(server.Stage.Server);
        crowd.RepeatInAll(senders, WarmUp);
        await HasAsync(service, WarmUp, stop);

        service.Forget();
        service.IsAway = true;
        crowd.RepeatInAll(senders, Waiting);
        service.IsAway = false;
        await HasAsync(service, Waiting, stop);
        var rate = service.Messages / service.SinceFirst.TotalSeconds;
        bench.Add(Outcome.AtLeast(
            $"services: {database}, events taken of those that waited, scaled", Target, rate * bench.Scale,
            "per second"));

        service.Forget();
        crowd.RepeatInAll(senders, Live);
        bench.Add(Outcome.Reported($"services: {database}, events sent meanwhile", crowd.LastPerSecond, "per second"));
        var watch = Stopwatch.StartNew();
        await HasAsync(service, Live, stop);
        bench.Add(Outcome.Reported(
            $"services: {database}, the last of {Live} is taken after it was sent", watch.Elapsed.TotalMilliseconds,
            "ms"));
    }

    private static async Task HasAsync(ServiceListener service, int messages, CancellationToken stop)
    {
        var until = DateTime.UtcNow + _patience;
        while (service.Messages < messages)
        {
            if (DateTime.UtcNow > until)
            {
                throw new TimeoutException($"The service has {service.Messages} of {messages} events.");
            }

            await Task.Delay(1, stop);
        }
    }
}
