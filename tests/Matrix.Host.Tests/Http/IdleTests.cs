using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Matrix.Processes;

namespace Matrix.Host.Tests.Http;

/// <summary>A server without requests sleeps.</summary>
[Category("Slow")]
public sealed class IdleTests
{
    private const int Users = 40;
    private const int LongPollsOfEach = 25;

    // It takes three; a timer wheel of twenty ticks a second takes twenty and more.
    private const double MostWakesPerSecond = 10;
    private const double MostProcessor = 0.02;

    // Beside builds and other servers, compiling what was used often takes minutes.
    private static readonly TimeSpan _settles = TimeSpan.FromSeconds(300);
    private static readonly TimeSpan _watched = TimeSpan.FromSeconds(10);

    // The polls wait longer than the test does.
    private static readonly TimeSpan _polled = _settles + TimeSpan.FromMinutes(30);

    [Test]
    public async Task With_a_thousand_long_polls_waiting_it_hardly_wakes()
    {
        using var server = new HomeserverProcess(settings: new Dictionary<string, string>
        {
            ["MATRIX_REGISTRATION__ENABLED"] = "true",
            ["MATRIX_PASSWORDS__MEMORY"] = "8KiB",
            ["MATRIX_PASSWORDS__OPERATIONS"] = "1",
        });
        await server.StartAsync();
        var polls = new List<TcpClient>();
        try
        {
            for (var user = 0; user < Users; user++)
            {
                var request = await LongPollAsync(server, $"user{user}");
                for (var i = 0; i < LongPollsOfEach; i++)
                {
                    var poll = new TcpClient();
                    polls.Add(poll);
                    await poll.ConnectAsync(IPAddress.Loopback, server.Port);
                    await poll.GetStream().WriteAsync(request);
                }
            }

            // Waits for the end of the work that the requests caused: recompiled code, threads no longer needed.
            var (wakes, processor) = (double.MaxValue, double.MaxValue);
            for (var waited = TimeSpan.Zero; waited < _settles; waited += _watched)
            {
                if (wakes <= MostWakesPerSecond && processor <= MostProcessor) break;
                (wakes, processor) = await WatchAsync(server.ProcessId);
            }

            Assert.That(polls.Select(poll => poll.Available), Is.All.Zero, "all of them wait");
            Assert.That(wakes, Is.LessThanOrEqualTo(MostWakesPerSecond), "wakes a second");
            Assert.That(processor, Is.LessThanOrEqualTo(MostProcessor), "share of a processor");
        }
        finally
        {
            polls.ForEach(poll => poll.Dispose());
        }
    }

    private static async Task<byte[]> LongPollAsync(HomeserverProcess server, string user)
    {
        using var http = new HttpClient { BaseAddress = new Uri(server.Url) };
        using var registered = await http.PostAsJsonAsync(
            "/_matrix/client/v3/register",
            new { username = user, password = "a-password", auth = new { type = "m.login.dummy" } });
        var token = (string)JsonNode.Parse(await registered.Content.ReadAsStringAsync())!["access_token"]!;
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        var since = (string)JsonNode.Parse(await http.GetStringAsync("/_matrix/client/v3/sync"))!["next_batch"]!;
        return Encoding.ASCII.GetBytes(
            $"GET /_matrix/client/v3/sync?timeout={_polled.TotalMilliseconds}&since={since} HTTP/1.1\r\n"
                + $"Host: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
    }

    private static async Task<(double WakesPerSecond, double Processor)> WatchAsync(int process)
    {
        var before = (Wakes: Wakes(process), Ticks: Ticks(process));
        await Task.Delay(_watched);
        return (
            (Wakes(process) - before.Wakes) / _watched.TotalSeconds,
            (Ticks(process) - before.Ticks) / 100.0 / _watched.TotalSeconds);
    }

    // Voluntary context switches: a thread slept before each. The others count the processes that wanted the processor
    // at that time.
    private static long Wakes(int process)
    {
        var sum = 0L;
        foreach (var thread in Directory.GetDirectories($"/proc/{process}/task"))
        {
            try
            {
                sum += File.ReadLines(thread + "/status")
                    .Where(line => line.StartsWith("voluntary_ctxt_switches", StringComparison.Ordinal))
                    .Sum(line => long.Parse(line[(line.IndexOf(':') + 1)..], CultureInfo.InvariantCulture));
            }
            catch (IOException)
            {
                // The thread has ended.
            }
        }

        return sum;
    }

    // The 14th and 15th value, counted after the name, which may hold spaces.
    private static long Ticks(int process)
    {
        var stat = File.ReadAllText($"/proc/{process}/stat");
        var values = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return long.Parse(values[11], CultureInfo.InvariantCulture)
            + long.Parse(values[12], CultureInfo.InvariantCulture);
    }
}
