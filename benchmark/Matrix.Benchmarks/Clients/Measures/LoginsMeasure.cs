using System.Text.Json;
using Matrix.Benchmarks.Clients.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Http;

namespace Matrix.Benchmarks.Clients.Measures;

/// <summary>A hundred logins by password at once, and what they cost one who sends messages.</summary>
internal sealed class LoginsMeasure : IMeasure
{
    private const int AtOnce = 100;
    private const int Users = 10;
    private const int Turns = 3;

    public string Name => "logins";

    public string Sentence => "100 logins by password at once, beside a sender";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        using var server = await ClientServer.StartAsync(null, stop);
        var users = server.Population.First(Users);
        var bodies = users.Select(user => JsonSerializer.SerializeToUtf8Bytes(new
        {
            type = "m.login.password",
            identifier = new { type = "m.id.user", user = user.UserId },
            password = server.Population.PasswordOf(user),
        })).ToArray();

        var sending = new BesideSender(server);
        var failed = 0;
        for (var turn = 0; turn < Turns; turn++)
        {
            sending.Turn([.. Enumerable.Range(0, AtOnce).Select<int, Action>(i => () =>
            {
                if (!LogsIn(server, bodies[i % Users])) Interlocked.Increment(ref failed);
            })]);
        }

        bench.Add(Outcome.AtMost($"logins: {AtOnce} at once, that fail", 0, failed, "logins"));
        bench.Add(Outcome.AtMost(
            $"logins: {AtOnce} at once, until the last, scaled", 30, sending.Seconds.Max() / bench.Scale, "s"));
        sending.Report(bench, "logins", AtOnce, 2);
    }

    private static bool LogsIn(ClientServer server, byte[] body)
    {
        using var connection = new HttpConnection(server.Stage.Server.Target, token: null);
        return connection.Post("/_matrix/client/v3/login", body) == 200;
    }
}
