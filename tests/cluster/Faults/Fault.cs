using Matrix.ClusterNodes;
using Matrix.Processes.Network;

namespace Matrix.ClusterFaults.Faults;

/// <summary>Something that happens to nodes while clients write and read.</summary>
/// <param name="Name">What it is.</param>
/// <param name="RunAsync">Lets it happen, and returns when it is over. The nodes may still be starting then.</param>
internal sealed record Fault(string Name, Func<Task> RunAsync)
{
    /// <summary>How long a node that was fenced while it stood still may go on after it continues.</summary>
    public static TimeSpan LongestAfterContinue => TimeSpan.FromSeconds(8);

    /// <summary>Draws one.</summary>
    public static Fault Draw(Cluster cluster, Random random)
    {
        var node = cluster.Nodes[random.Next(cluster.Nodes.Count)];
        var other = cluster.Nodes[(IndexOf(cluster, node) + 1) % cluster.Nodes.Count];
        var seconds = TimeSpan.FromSeconds(random.Next(1, 31));
        var cut = TimeSpan.FromSeconds(random.Next(1, 16));
        var way = random.Next(2) == 0 ? LinkFault.Reset : LinkFault.BlackHole;
        return random.Next(14) switch
        {
            0 or 1 => new($"kill {node.Name}", () => OfOneAsync(node, node.Kill)),
            2 or 3 => new($"stop {node.Name} for {seconds.TotalSeconds} s", () => PauseAsync(cluster, node, seconds)),
            4 => new($"terminate {node.Name}", () => OfOneAsync(node, node.Terminate)),
            5 => new($"kill {node.Name} and {other.Name}", async () =>
            {
                await OfOneAsync(node, node.Kill);
                await OfOneAsync(other, other.Kill);
            }),
            6 => new($"end the writing connection of {node.Name}", () => EndAsync(cluster, node, onlyWriter: true)),
            7 => new($"end all connections of {node.Name}", () => EndAsync(cluster, node, onlyWriter: false)),
            8 or 9 => new(
                $"cut {node.Name} off from the database for {cut.TotalSeconds} s ({way})",
                () => CutAsync(cluster, node, cut, database: way, LinkFault.None, LinkFault.None)),
            10 => new(
                $"cut {node.Name} off from what the others send for {cut.TotalSeconds} s ({way})",
                () => CutAsync(cluster, node, cut, LinkFault.None, fromOthers: way, LinkFault.None)),
            11 => new(
                $"cut {node.Name} off from the others for {cut.TotalSeconds} s ({way})",
                () => CutAsync(cluster, node, cut, LinkFault.None, fromOthers: way, toOthers: way)),
            12 => new(
                $"cut {node.Name} off from the database and what the others send for {cut.TotalSeconds} s ({way})",
                () => CutAsync(cluster, node, cut, database: way, fromOthers: way, LinkFault.None)),
            _ => new(
                $"cut {node.Name} off from everything for {cut.TotalSeconds} s ({way})",
                () => CutAsync(cluster, node, cut, database: way, fromOthers: way, toOthers: way)),
        };
    }

    /// <summary>
    /// Stops a node, and lets it continue. If it was fenced meanwhile, its process must end by itself; the supervisor
    /// starts another.
    /// </summary>
    /// <returns>Whether it was fenced.</returns>
    public static async Task<bool> PauseAsync(Cluster cluster, Node node, TimeSpan time)
    {
        if (!node.Runs) return false;
        var ends = node.Exits.Count;
        var start = cluster.LivingStartOf(node);
        node.Pause();
        try
        {
            await Task.Delay(time);
        }
        finally
        {
            node.Continue();
        }

        // One that was just starting writes nothing yet, and nobody fences it.
        if (start is null || cluster.LivingStartOf(node) == start) return false;
        await cluster.UntilAsync(
            () => Task.FromResult(node.Exits.Count > ends),
            $"{node.Name} went on, though it was fenced while it stood still",
            LongestAfterContinue);
        return true;
    }

    private static Task OfOneAsync(Node node, Action signal)
    {
        if (node.Runs) signal();
        return Task.CompletedTask;
    }

    private static Task EndAsync(Cluster cluster, Node node, bool onlyWriter)
    {
        cluster.EndConnections(node, onlyWriter);
        return Task.CompletedTask;
    }

    private static async Task CutAsync(
        Cluster cluster, Node node, TimeSpan time, LinkFault database, LinkFault fromOthers, LinkFault toOthers)
    {
        (node.Wires.ToDatabase, node.Wires.FromOthers) = (database, fromOthers);
        cluster.CutToOthers(node, toOthers);
        await Task.Delay(time);
        (node.Wires.ToDatabase, node.Wires.FromOthers) = (LinkFault.None, LinkFault.None);
        cluster.CutToOthers(node, LinkFault.None);
    }

    private static int IndexOf(Cluster cluster, Node node) =>
        cluster.Nodes.Select(static (one, at) => (one, at)).First(pair => pair.one == node).at;
}
