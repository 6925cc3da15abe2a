using System.Diagnostics;
using Matrix.Benchmarks.Clients.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;
using Matrix.LoadGen.Workloads;

namespace Matrix.Benchmarks.Clients.Measures;

/// <summary>
/// What a message costs in a room of 10,000 local members, of whom 1 % have push rules of their own, beyond one in a
/// room with one member. It is an upper bound of evaluating the push rules: the rest of the send is in it too.
/// </summary>
internal sealed class PushMeasure : IMeasure
{
    private const int Members = 10_000;
    private const int WithRules = Members / 100;
    private const int WarmUp = 500;
    private const int Messages = 500;
    private const double Target = 5;

    public string Name => "push";

    public string Sentence => "a message in a room of 10,000 local members, 1 % of them with push rules of their own";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        await RunAsync(bench, "SQLite", null, stop);
        await RunAsync(bench, "PostgreSQL", bench.Postgres.New("push_rules"), stop);
    }

    private static async Task RunAsync(MeasureContext bench, string database, string? url, CancellationToken stop)
    {
        using var registration = new ServiceRegistration(null, "@_load_.*");
        using var server = await ClientServer.StartAsync(url, registration.Settings, stop);
        var users = new ServiceUsers(server.Stage.Server, ServiceRegistration.Token, "hybrid.test");
        var sender = server.Population.First(1)[0];
        var (alone, big) = (sender.CreateRoom("alone"), sender.CreateRoom("big"));
        users.Register(Members);
        users.Join(Members, _ => big);
        SetRules(users);

        var (small, large) = (new Durations(), new Durations());
        for (var i = -WarmUp; i < Messages; i++)
        {
            Send(sender, alone, i < 0 ? new Durations() : small);
            Send(sender, big, i < 0 ? new Durations() : large);
        }

        bench.Add(Outcome.Reported(
            $"push: {database}, send in a room with one member: p50", small.Percentile(50), "ms"));
        bench.Add(Outcome.AtMost(
            $"push: {database}, what {Members} members add to a send: p50, scaled", Target,
            (large.Percentile(50) - small.Percentile(50)) / bench.Scale, "ms"));
        bench.Add(Outcome.Reported($"push: {database}, the same: p95", large.Percentile(95), "ms"));
    }

    /// <summary>Two rules each: the messages match those of every second user.</summary>
    private static void SetRules(ServiceUsers users)
    {
        users.Each(WithRules, i => new ServiceRequest(
            "PUT", $"/_matrix/client/v3/pushrules/global/content/words-{i}",
            $$"""{"pattern":"{{(i % 2 == 0 ? "brown fox" : "no such words")}}","actions":["notify"]}""",
            users.UserId(i)));
        users.Each(WithRules, i => new ServiceRequest(
            "PUT", $"/_matrix/client/v3/pushrules/global/override/name-{i}",
            $$"""
            {"conditions":[{"kind":"event_match","key":"content.body","pattern":"*another {{i}}*"}],
            "actions":["notify"]}
            """,
            users.UserId(i)));
    }

    private static void Send(Account sender, string room, Durations into)
    {
        var path = Uri.EscapeDataString(room);
        var start = Stopwatch.GetTimestamp();
        sender.Send(path);
        into.Add(Stopwatch.GetTimestamp() - start);
    }
}
