using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Users;

namespace Matrix.Benchmarks.Users;

/// <summary>The sizes of a run.</summary>
internal sealed record UsersSizes
{
    public int People { get; init; } = 1000;

    /// <summary>The counted time of a turn.</summary>
    public double Seconds { get; init; } = 60;

    public int Rounds { get; init; } = 3;

    public int Seed { get; init; } = 1;

    /// <summary>How much more often than the rates say people do something.</summary>
    public double Pace { get; init; } = 1;

    /// <summary>Processors that a server may use in all.</summary>
    public double Share { get; init; } = 0.75;

    /// <summary>The servers; empty for all.</summary>
    public IReadOnlyList<string> Only { get; init; } = [];
}

/// <summary>People with phones and laptops, on one node, on three, and on Synapse, by turns.</summary>
internal static class UsersRun
{
    /// <summary>Of each turn, so long nothing is counted: devices continue where they were.</summary>
    private const double Settling = 5;

    private const double MostWarmUp = 30;
    private const double WarmUpPace = 5;

    private static readonly string[] _servers = ["one", "three", "synapse"];

    /// <summary>Longer than the preparation of thousands of people on the slowest server.</summary>
    private static readonly TimeSpan _longest = TimeSpan.FromHours(3);

    /// <summary>Reads the options; null if one is unknown.</summary>
    public static UsersSizes? Parse(IReadOnlyList<string> options)
    {
        var sizes = new UsersSizes();
        for (var i = 0; i < options.Count; i += 2)
        {
            if (i + 1 == options.Count) return null;
            var value = options[i + 1];
            _ = double.TryParse(value, CultureInfo.InvariantCulture, out var number);
            switch (options[i])
            {
                case "--users" when number is >= 10 and <= 10_000: sizes = sizes with { People = (int)number }; break;
                case "--seconds" when number is >= 1 and <= 600: sizes = sizes with { Seconds = number }; break;
                case "--rounds" when number is >= 1 and <= 20: sizes = sizes with { Rounds = (int)number }; break;
                case "--seed" when number is >= 0 and <= 1e6: sizes = sizes with { Seed = (int)number }; break;
                case "--pace" when number is > 0 and <= 1000: sizes = sizes with { Pace = number }; break;
                case "--share" when number is >= 0.1 and <= 16: sizes = sizes with { Share = number }; break;
                case "--only" when _servers.Contains(value):
                    sizes = sizes with { Only = [.. sizes.Only, value] };
                    break;
                default: return null;
            }
        }

        return sizes;
    }

    public static async Task<int> RunAsync(UsersSizes sizes, TextWriter output)
    {
        using var ended = new CancellationTokenSource(_longest);

        // Whoever ends the command ends the servers, too.
        using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        var community = Community.Draw(Rates.Published, sizes.People, sizes.Seed);
        output.WriteLine(Describe(community, sizes));
        var servers = new List<UsersServer>();
        var living = new List<LivingCommunity>();
        var figures = new List<UsersFigures>();
        try
        {
            await StartAsync(sizes, servers, Say, ended.Token);
            foreach (var server in servers)
            {
                var watch = Stopwatch.StartNew();
                living.Add(await LivingCommunity.CreateAsync(community, server.Server, ended.Token));
                figures.Add(new UsersFigures());
                Say($"{server.Name}: people and rooms were made in {watch.Elapsed.TotalSeconds:0} s"
                    + (server.IsBound ? "" : "; nothing bounds its processor time"));
                await WarmUpAsync(sizes, living[^1], ended.Token);
            }

            for (var round = 0; round < sizes.Rounds; round++)
            {
                for (var i = 0; i < servers.Count; i++)
                {
                    await TurnAsync(sizes, servers[i], living[i], figures[i], round, ended.Token);
                    Say($"{servers[i].Name}: round {round + 1} of {sizes.Rounds} is over");
                }
            }

            UsersReport.Write(
                output, [.. servers.Select((server, i) => (server.Name, figures[i]))], sizes.People);
            return 0;
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            Say("ended early");
            return 1;
        }
        finally
        {
            living.ForEach(static each => each.Dispose());
            for (var i = servers.Count - 1; i >= 0; i--) await servers[i].DisposeAsync();
        }

        void Say(string line)
        {
            output.WriteLine(line.TrimStart());
            output.Flush();
        }

        void End(PosixSignalContext signal)
        {
            signal.Cancel = true;
            ended.Cancel();
        }
    }

    private static async Task StartAsync(
        UsersSizes sizes, List<UsersServer> servers, Action<string> say, CancellationToken stop)
    {
        bool IsWanted(string name) => sizes.Only.Count == 0 || sizes.Only.Contains(name);
        if (IsWanted("one")) servers.Add(await UsersServer.StartNodesAsync(1, sizes.Share));
        if (IsWanted("three")) servers.Add(await UsersServer.StartNodesAsync(3, sizes.Share));
        if (IsWanted("synapse") && await UsersServer.StartSynapseAsync(sizes.Share, say, stop) is { } synapse)
        {
            servers.Add(synapse);
        }
    }

    /// <summary>A livelier turn without a bound, of which nothing is counted: code is compiled, caches fill.</summary>
    private static async Task WarmUpAsync(UsersSizes sizes, LivingCommunity living, CancellationToken stop)
    {
        var seconds = Math.Min(sizes.Seconds, MostWarmUp);
        var plan = Plan.Draw(
            living.Drawn, Rates.Published, sizes.Seed - 1, seconds, Math.Max(sizes.Pace, WarmUpPace));
        var run = new PlanRun(living, Rates.Published, new Operations());
        await run.RunAsync(plan, seconds, measureFrom: double.MaxValue, static () => { }, stop);
    }

    /// <summary>A turn of a server. All servers get the same plan in a round.</summary>
    private static async Task TurnAsync(
        UsersSizes sizes,
        UsersServer server,
        LivingCommunity living,
        UsersFigures figures,
        int round,
        CancellationToken stop)
    {
        var seconds = Settling + sizes.Seconds;
        var plan = Plan.Draw(living.Drawn, Rates.Published, sizes.Seed + (round * 1_000), seconds, sizes.Pace);
        var run = new PlanRun(living, Rates.Published, figures.Operations);
        server.Bound(isBound: true);
        GC.Collect();
        QuietMachine.Wait();
        (double Server, double Database, double Load, long At) before = default;
        await run.RunAsync(plan, seconds, Settling, () => before = Read(server), stop);
        var after = Read(server);
        figures.Seconds += Stopwatch.GetElapsedTime(before.At, after.At).TotalSeconds;
        figures.Server += after.Server - before.Server;
        figures.Database += after.Database - before.Database;
        figures.Load += after.Load - before.Load;
        figures.Late.Add(run.Late);
        (figures.ServerMegabytes, figures.DatabaseMegabytes) = (server.Megabytes, server.DatabaseMegabytes);
    }

    private static (double Server, double Database, double Load, long At) Read(UsersServer server) => (
        server.Milliseconds, server.DatabaseMilliseconds, Environment.CpuUsage.TotalTime.TotalMilliseconds,
        Stopwatch.GetTimestamp());

    private static string Describe(Community community, UsersSizes sizes)
    {
        var sizesOfRooms = community.Rooms.Select(static each => each.Members.Count).Order().ToList();
        return $"{sizes.People} people (seed {sizes.Seed}) with {community.People.Count(static each => each.HasPhone)} "
            + $"phones and {community.People.Count(static each => each.HasLaptop)} laptops, in "
            + $"{community.Rooms.Count} rooms of {sizesOfRooms[0]} to {sizesOfRooms[^1]} members; "
            + $"{sizes.Rounds} rounds of {sizes.Seconds} s at {sizes.Pace} times the rates of the busiest hour, "
            + $"{sizes.Share} processors for each server";
    }
}
