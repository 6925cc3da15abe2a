using System.Diagnostics;
using System.Globalization;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;
using Matrix.Processes;

namespace Matrix.Attacks;

/// <summary>
/// One user attacks the server's memory, while another sends messages: the memory stays within a bound, and the other
/// user hardly notices.
/// </summary>
internal static class MemoryAttack
{
    /// <summary>Resident memory above the quiet figure, in MiB.</summary>
    private const long MostMemory = 400;

    /// <summary>The other user's 95th percentile of a send may be this many times the quiet one.</summary>
    private const double MostSlower = 3;

    /// <summary>Or this many milliseconds, whichever is more.</summary>
    private const double MostMilliseconds = 100;

    private static readonly TimeSpan _longestQuiet = TimeSpan.FromSeconds(20);

    /// <summary>The statements that are shown, each with the reason why it does not hold, or null.</summary>
    public static async Task<IReadOnlyList<(string Sentence, string? Problem)>> RunAsync(
        string database, string? url, TimeSpan time)
    {
        using var server = new HomeserverProcess(url);
        await server.StartAsync();
        var accounts = new Population(new Server(
            "server", ServerKind.Homeserver, Target.Parse(server.Url), server.Secret, [], server.ProcessId,
            DataFolder: null)).First(2);
        var (attacker, other) = (accounts[0], accounts[1]);
        var room = Uri.EscapeDataString(other.CreateRoom("quiet"));
        var targets = Targets.Prepare(attacker, time < TimeSpan.FromMinutes(1) ? 200 : 1000);

        using var memory = new ResidentMemory(server.ProcessId);
        var quiet = await SendAsync(other, room, time / 2 < _longestQuiet ? time / 2 : _longestQuiet);
        var before = memory.Now;
        memory.Forget();
        using var attackers = Start(server.Port, attacker.AccessToken, time, targets);
        var during = await SendAsync(other, room, time);
        await attackers.WaitForExitAsync();
        var most = memory.Most;
        var bound = Math.Max(MostSlower * quiet.P95, MostMilliseconds);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"""
            | {database}, {time.TotalSeconds:0} s | quiet | attacked | bound |
            |---|---|---|---|
            | resident memory, MiB | {before} | {most} | {before + MostMemory} |
            | p95 of another user's send, ms | {quiet.P95:0.0} | {during.P95:0.0} | {bound:0.0} |
            | sends, of which 5xx or none | {quiet.Count}, {quiet.Failed} | {during.Count}, {during.Failed} | 0 |
            """));
        return
        [
            ($"on {database} memory stays within {MostMemory} MiB of the quiet figure",
                most - before <= MostMemory ? null : $"{most} MiB, {before} when quiet"),
            ($"on {database} another user's sends stay fast",
                during.P95 <= bound ? null : $"{during.P95:0.0} ms, {quiet.P95:0.0} when quiet"),
            ($"on {database} no send of another user fails",
                during.Failed == 0 ? null : $"{during.Failed} of {during.Count} failed"),
        ];
    }

    private static Process Start(int port, string token, TimeSpan time, Targets targets)
    {
        var start = new ProcessStartInfo(
            "nice",
            [
                "-n", "19", "dotnet", typeof(MemoryAttack).Assembly.Location, "attackers",
                port.ToString(CultureInfo.InvariantCulture), token,
                ((int)time.TotalSeconds).ToString(CultureInfo.InvariantCulture), .. targets.Values,
            ]);
        return Process.Start(start)!;
    }

    /// <summary>Sends ten messages a second, and measures how long each takes.</summary>
    private static async Task<(double P95, int Count, int Failed)> SendAsync(
        Account account, string room, TimeSpan time)
    {
        var took = new List<double>();
        var failed = 0;
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < time;)
        {
            var one = Stopwatch.StartNew();
            try
            {
                account.Send(room);
            }
            catch (Exception fault) when (fault is InvalidDataException or IOException)
            {
                failed++;
                Console.WriteLine($"a send failed: {fault.Message}");
            }

            took.Add(one.Elapsed.TotalMilliseconds);
            var left = TimeSpan.FromMilliseconds(100) - one.Elapsed;
            if (left > TimeSpan.Zero) await Task.Delay(left);
        }

        took.Sort();
        return (took[(int)(took.Count * 0.95)], took.Count, failed);
    }
}
