using System.Diagnostics;
using Matrix.Benchmarks.Federation.Servers;
using Matrix.Benchmarks.Measures;
using Matrix.LoadGen.Reporting;
using Matrix.LoadGen.Servers;
using Matrix.Processes.Synapse;

namespace Matrix.Benchmarks.Federation.Measures;

/// <summary>
/// Joins of rooms of one of our servers from another one of ours and from Synapse, by turns. Each begins when the work
/// that the one before caused is done. The clock stops when the joining server lists all members. A third server of
/// ours joins each room before them, because the first other server of a room waits until the resident has indexed it.
/// The stages of each join are those of the joining server's log.
/// </summary>
internal sealed class JoinMeasure : IMeasure
{
    private const int JoinsAtOnce = 4;
    private const int WarmUpMembers = 100;
    private const int WarmUpRooms = 12;
    private const double FullJoinTarget = 6;
    private const string LogOfJoin = "milliseconds, and those of the processors: ";

    // Members, rooms, and the share of Synapse's time; none for a room that Synapse does not join.
    private static readonly (int Members, int Rooms, double? Share)[] _sizes =
        [(100, 7, 0.2), (2000, 3, 0.1), (10_000, 3, null)];

    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(5);

    public string Name => "join";

    public string Sentence => "joins of rooms of 100, 2,000 and 10,000 members, the first two against Synapse";

    public async Task RunAsync(MeasureContext bench, CancellationToken stop)
    {
        using var lab = SynapseLab.Find(bench.Say);
        using var servers = new TwoServers(
            await FederatedServer.StartAsync(null, lab?.Address(), lab?.Settings, stop),
            await FederatedServer.StartAsync(null, lab?.Address(), lab?.Settings, stop));
        using var third = await FederatedServer.StartAsync(null, lab?.Address(), lab?.Settings, stop);
        using var synapse = lab is null ? null : await SynapseServer.StartAsync(lab, "measure-join", stop);

        // The first joins of a server compile its code and fetch keys.
        foreach (var room in Rooms(servers.A, WarmUpMembers, WarmUpRooms))
        {
            Join(third, servers.A, room, WarmUpMembers);
            Join(servers.B, servers.A, room, WarmUpMembers + 1);
            if (synapse is not null) Join(synapse, servers.A, room, WarmUpMembers + 2);
        }

        foreach (var (members, count, share) in _sizes)
        {
            var rooms = Rooms(servers.A, members, count);
            var (firsts, ours, theirs) = (new Durations(), new Durations(), new Durations());
            var processor = 0.0;
            foreach (var room in rooms)
            {
                var before = CpuOf(third) + CpuOf(servers.B);
                firsts.Add(Join(third, servers.A, room, members));
                var isFirst = firsts.Count % 2 == 0;
                if (isFirst) ours.Add(Join(servers.B, servers.A, room, members + 1));
                if (synapse is not null && share is not null)
                {
                    theirs.Add(Join(synapse, servers.A, room, members + (isFirst ? 2 : 1)));
                }

                if (!isFirst) ours.Add(Join(servers.B, servers.A, room, members + (theirs.Count > 0 ? 2 : 1)));
                processor += CpuOf(third) + CpuOf(servers.B) - before;
            }

            bench.Add(Outcome.Reported(
                $"join of {members} members: p50 of the room's first other server", firsts.Percentile(50), "ms"));
            bench.Add(Outcome.Reported(
                $"join of {members} members: the joining server's CPU for each member",
                processor * 1000 / (2 * count * members), "us"));
            Report(bench, members, share, ours, theirs);
            foreach (var server in new[] { third, servers.B })
            {
                foreach (var line in server.Federating.Process.LoggedLines(LogOfJoin).TakeLast(count))
                {
                    bench.Say("       " + line[line.IndexOf(LogOfJoin, StringComparison.Ordinal)..]);
                }
            }
        }
    }

    private static double CpuOf(FederatedServer server) =>
        ProcessFigures.CpuMilliseconds(server.Federating.Process.ProcessId);

    private static void Report(
        MeasureContext bench, int members, double? share, Durations ours, Durations theirs)
    {
        var p50 = ours.Percentile(50);
        bench.Add(Outcome.Reported($"join of {members} members: p50 of ours", p50, "ms"));
        if (share is null)
        {
            var verifying = members * bench.Verification.TotalMilliseconds / 2;
            bench.Add(Outcome.AtMost(
                $"join of {members} members: multiple of verifying them on 2 cores", FullJoinTarget, p50 / verifying,
                "times"));
        }
        else if (theirs.Count > 0)
        {
            bench.Add(Outcome.Reported(
                $"join of {members} members: p50 of Synapse", theirs.Percentile(50), "ms"));
            bench.Add(Outcome.AtMost(
                $"join of {members} members: p50 as a share of Synapse's", share.Value,
                p50 / theirs.Percentile(50), "times"));
        }
    }

    /// <summary>Public rooms of the same members.</summary>
    private static string[] Rooms(FederatedServer server, int members, int rooms)
    {
        var users = server.Population.First(members);
        string[] made = [.. Enumerable.Range(0, rooms).Select(i => users[0].CreateRoom($"{members} members, {i}"))];
        Parallel.ForEach(users.Skip(1), new ParallelOptions { MaxDegreeOfParallelism = JoinsAtOnce }, user =>
        {
            foreach (var room in made) user.Join(room);

            // Thousands of open connections would cost the server memory.
            user.Dispose();
        });
        return made;
    }

    private static long Join(IFederatedServer joining, FederatedServer resident, string room, int members)
    {
        Account user = joining.Population.Fresh();

        // The one before is indexed, compiled and written still.
        QuietMachine.Wait();
        var begun = Stopwatch.GetTimestamp();
        user.Join(room, resident.Name);
        while (user.JoinedMembers(room) < members + 1)
        {
            var elapsed = Stopwatch.GetElapsedTime(begun);
            if (elapsed > _patience) throw new TimeoutException($"The members did not come within {_patience}.");
            Thread.Sleep(elapsed.TotalSeconds < 1 ? 2 : 20);
        }

        var took = Stopwatch.GetTimestamp() - begun;
        user.Dispose();
        return took;
    }
}
