using Matrix.Processes;

namespace Matrix.Federation.Tests.Soak;

/// <summary>What happens to the servers and links, at random. When it ends all of them are well again.</summary>
internal sealed class Disturbances(IReadOnlyList<SoakServer> servers, int seed)
{
    private int _kills;
    private int _stops;
    private int _faults;

    /// <summary>SIGKILLs so far.</summary>
    internal int Kills => Volatile.Read(ref _kills);

    public override string ToString() => $"{_kills} kills, {_stops} SIGSTOPs, {_faults} faults of links";

    /// <summary>Kills, stops and parts the servers until it is stopped.</summary>
    internal Task RunAsync(CancellationToken stop) =>
        AllAsync(servers.Select(server => HaltAsync(server, new Random(seed + server.Index), stop))
            .Concat(servers.Select(server => PartAsync(server, new Random(seed + 10 + server.Index), stop))));

    /// <summary>Kills a server soon after each start, until there were so many kills.</summary>
    internal Task KillAsync(int kills) => AllAsync(servers.Select(async server =>
    {
        var random = new Random(seed + server.Index);
        while (Interlocked.Increment(ref _kills) <= kills)
        {
            await Task.Delay(random.Next(100, 6000));
            await server.RestartAfterAsync(TimeSpan.FromMilliseconds(random.Next(300)));
        }

        Interlocked.Decrement(ref _kills);
    }));

    /// <summary>Ends with the last of some tasks, or with the first that fails.</summary>
    private static async Task AllAsync(IEnumerable<Task> tasks)
    {
        await foreach (var ended in Task.WhenEach(tasks)) await ended;
    }

    private async Task HaltAsync(SoakServer server, Random random, CancellationToken stop)
    {
        while (await PauseAsync(random.Next(3000, 15_000), stop))
        {
            if (random.Next(5) < 3)
            {
                Interlocked.Increment(ref _kills);
                await server.RestartAfterAsync(TimeSpan.FromMilliseconds(Length(random)));
            }
            else
            {
                Interlocked.Increment(ref _stops);
                Signals.SendStop(server.Process.ProcessId);
                await PauseAsync(random.Next(200, 6000), stop);
                Signals.SendContinue(server.Process.ProcessId);
            }
        }
    }

    /// <summary>Disturbs the links from a server, or all from and to it.</summary>
    private async Task PartAsync(SoakServer server, Random random, CancellationToken stop)
    {
        while (await PauseAsync(random.Next(1000, 8000), stop))
        {
            Interlocked.Increment(ref _faults);
            var from = server.Links.Values.ToList();
            var to = servers.Where(other => other != server).Select(other => other.Links[server.Index]);
            List<TcpLink> links = random.Next(3) == 0 ? [.. from, .. to] : [from[random.Next(from.Count)]];
            switch (random.Next(5))
            {
                case 0:
                    links.ForEach(link => link.ResetConnections());
                    break;
                case 1:
                    links.ForEach(link => link.Delay = TimeSpan.FromMilliseconds(random.Next(20, 800)));
                    await PauseAsync(Length(random), stop);
                    break;
                case 2:
                    links.ForEach(link => link.Fault = LinkFault.Reset);
                    await PauseAsync(Length(random), stop);
                    break;
                default:
                    links.ForEach(link => link.Fault = LinkFault.BlackHole);
                    await PauseAsync(Length(random), stop);
                    break;
            }

            foreach (var link in links) (link.Fault, link.Delay) = (LinkFault.None, TimeSpan.Zero);
        }
    }

    /// <summary>Mostly seconds, and now and then a time in which more happens than a room's servers are owed.</summary>
    private static int Length(Random random) =>
        random.Next(6) == 0 ? random.Next(8000, 25_000) : random.Next(100, 6000);

    /// <summary>Waits; returns whether it goes on.</summary>
    private static async Task<bool> PauseAsync(int milliseconds, CancellationToken stop)
    {
        await Task.Delay(milliseconds, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !stop.IsCancellationRequested;
    }
}
