using System.Diagnostics;
using System.Text.Json;
using Matrix.Benchmarks.Clients.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;

namespace Matrix.Benchmarks.Clients.Measures;

/// <summary>A hundred logins by password at once, and what they cost one who sends messages.</summary>
internal sealed class LoginsMeasure : IMeasure
{
    private const int AtOnce = 100;
    private const int Users = 10;
    private const int Turns = 3;
    private const int MessagesBefore = 400;

    public string Name => "logins";

    public string Sentence => "100 logins by password at once, beside a sender";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        using var server = await ClientServer.StartAsync(null, stop);
        var users = server.Population.First(Users);
        var sender = server.Population.Fresh();
        var room = Uri.EscapeDataString(sender.CreateRoom("beside logins"));
        var bodies = users.Select(user => JsonSerializer.SerializeToUtf8Bytes(new
        {
            type = "m.login.password",
            identifier = new { type = "m.id.user", user = user.UserId },
            password = server.Population.PasswordOf(user),
        })).ToArray();

        var (before, during, longest, failed) = (new Durations(), new Durations(), 0.0, 0);
        for (var i = 0; i < MessagesBefore; i++) Send(sender, room, new Durations());
        for (var turn = 0; turn < Turns; turn++)
        {
            for (var i = 0; i < MessagesBefore; i++) Send(sender, room, before);
            var threads = Enumerable.Range(0, AtOnce).Select(i => new Thread(() =>
            {
                if (!LogsIn(server, bodies[i % Users])) Interlocked.Increment(ref failed);
            })).ToList();
            var watch = Stopwatch.StartNew();
            threads.ForEach(thread => thread.Start());
            while (threads.Exists(thread => thread.IsAlive)) Send(sender, room, during);
            longest = Math.Max(longest, watch.Elapsed.TotalSeconds);
        }

        bench.Add(Outcome.AtMost($"logins: {AtOnce} at once, that fail", 0, failed, "logins"));
        bench.Add(Outcome.AtMost($"logins: {AtOnce} at once, until the last, scaled", 30, longest / bench.Scale, "s"));
        bench.Add(Outcome.Reported("logins: p50 of a send before", before.Percentile(50), "ms"));
        bench.Add(Outcome.AtMost(
            $"logins: p50 of a send beside {AtOnce} at once, multiple of before", 2,
            during.Percentile(50) / before.Percentile(50), "times"));
    }

    private static bool LogsIn(ClientServer server, byte[] body)
    {
        using var connection = new HttpConnection(server.Stage.Server.Target, token: null);
        return connection.Post("/_matrix/client/v3/login", body) == 200;
    }

    private static void Send(Account sender, string room, Durations into)
    {
        var start = Stopwatch.GetTimestamp();
        sender.Send(room);
        into.Add(Stopwatch.GetTimestamp() - start);
    }
}
