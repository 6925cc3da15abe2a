using System.Diagnostics;
using Matrix.ClusterFaults.Faults;
using Matrix.ClusterFaults.Load;
using Matrix.ClusterNodes;
using Matrix.ClusterNodes.Flushes;
using Matrix.Processes;

namespace Matrix.ClusterFaults.Tests;

/// <summary>Each fault once, with its bound. The tests share one cluster.</summary>
/// <param name="balancers">The balancers of the documents that are installed.</param>
internal sealed class ShortTests(
    Cluster cluster, RoomLoad load, IReadOnlyList<Func<IReadOnlyList<Node>, ShownBalancer>> balancers)
{
    /// <summary>How long the rooms of a node that ends or stands still may take no messages.</summary>
    private static readonly TimeSpan _longestWithoutOwner = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan _longestInDrain = TimeSpan.FromSeconds(2);

    /// <summary>Two dead of three are found by the one that is left after their signs of life are too old.</summary>
    private static readonly TimeSpan _longestWithoutTwo = TimeSpan.FromSeconds(20);

    /// <summary>A node may wait 15 seconds until others have its shards, and five for requests.</summary>
    private static readonly TimeSpan _longestEnd = TimeSpan.FromSeconds(30);

    /// <summary>So many that some are at the node that is killed.</summary>
    private const int PeopleOfBalancer = 6;

    /// <summary>How long clients write before a fault.</summary>
    private static readonly TimeSpan _before = TimeSpan.FromSeconds(1.5);

    /// <param name="only">What the sentences of the tests contain that are run.</param>
    public async Task RunAsync(Suite suite, string only)
    {
        await TestAsync("a node joins under load, and no request fails", JoinAsync);
        await TestAsync("a node that is killed: others take its rooms, and nothing is lost", KillAsync);
        await TestAsync(
            "a node that stands still is refused when it goes on, and ends by itself", () => StaleWriterAsync(null));
        await TestAsync(
            "a node stands still between the first statement of a flush and its commit",
            () => StaleWriterAsync(FlushMoment.Fenced));
        await TestAsync(
            "a node stands still when a flush was half sent", () => StaleWriterAsync(FlushMoment.HalfSent));
        await TestAsync(
            "a node stands still when a flush was committed, and does not know",
            () => StaleWriterAsync(FlushMoment.Committed));
        await TestAsync("a node leaves on SIGTERM: no request fails or waits long", DrainAsync);
        await TestAsync("a node loses its connections to the database, and nothing is lost", ConnectionsAsync);
        await TestAsync("one node is left of three, and goes on alone", AloneAsync);
        foreach (var start in balancers)
        {
            using var balancer = start(cluster.Nodes);
            await TestAsync(
                $"{balancer.Name} as docs/cluster.md shows it: a node is killed, and its clients write on",
                () => ShownAsync(balancer));
        }

        await TestAsync("all nodes end on SIGTERM at once", EndAllAsync);

        Task TestAsync(string sentence, Func<Task> test) => sentence.Contains(only, StringComparison.Ordinal)
            ? suite.TestAsync(sentence, test)
            : Task.CompletedTask;
    }

    /// <summary>The last node of the cluster was held back until now.</summary>
    private Task JoinAsync() => InRoundAsync(async () =>
    {
        var begin = Stopwatch.GetTimestamp();
        cluster.Nodes[^1].Release();
        await cluster.WholeAsync();
        Say($"it served {Stopwatch.GetElapsedTime(begin).TotalSeconds:0.0} s after its start");
        await Task.Delay(_before);
        return FailedSince(begin, _longestInDrain);
    });

    private Task KillAsync() => InRoundAsync(async () =>
    {
        var (node, its) = Busiest();
        node.Kill();
        var took = await load.UntilWrittenAsync(its);
        Say($"{its.Count} rooms of the killed node took messages after {took.TotalSeconds:0.0} s");
        return took > _longestWithoutOwner ? [$"its rooms took no messages for {took.TotalSeconds:0.0} s"] : [];
    });

    /// <param name="moment">The moment of a flush at which it stands still; null for any.</param>
    private Task StaleWriterAsync(FlushMoment? moment) => InRoundAsync(async () =>
    {
        var (node, its) = Busiest();
        var ends = node.Exits.Count;
        var flush = moment is { } at ? await HeldFlush.TakeAsync(cluster, node, at) : null;
        node.Pause();
        TimeSpan took;
        try
        {
            took = await load.UntilWrittenAsync(its);
        }
        finally
        {
            // The database gets what is late while the node stands still.
            if (flush is not null) await flush.LetGoAsync();
            node.Continue();
        }

        var watch = Stopwatch.StartNew();
        await cluster.UntilAsync(
            () => Task.FromResult(node.Exits.Count > ends),
            $"{node.Name} went on, though others have its rooms",
            Fault.LongestAfterContinue);
        Say($"{its.Count} rooms of the node took messages after {took.TotalSeconds:0.0} s; it ended "
            + $"{watch.Elapsed.TotalSeconds:0.0} s after it went on");
        List<string> problems = [];
        if (took > _longestWithoutOwner) problems.Add($"its rooms took no messages for {took.TotalSeconds:0.0} s");
        if (node.Exits.Last() == 0) problems.Add("it ended as if nothing had happened");
        return problems;
    });

    private Task DrainAsync() => InRoundAsync(async () =>
    {
        var (node, _) = Busiest();
        var usual = load.Traffic.LongestWriteSince(0);
        var ends = node.Exits.Count;
        var begin = Stopwatch.GetTimestamp();
        node.Terminate();
        await cluster.UntilAsync(() => Task.FromResult(node.Exits.Count > ends), $"{node.Name} did not end");
        Say($"it ended {Stopwatch.GetElapsedTime(begin).TotalSeconds:0.0} s after SIGTERM with {node.Exits.Last()}; "
            + $"the longest write before took {usual.TotalSeconds:0.00} s");
        await cluster.WholeAsync();
        List<string> problems = [.. FailedSince(begin, _longestInDrain + usual)];
        if (node.Exits.Last() != 0) problems.Add($"it ended with {node.Exits.Last()}");
        return problems;
    });

    private Task ConnectionsAsync() => InRoundAsync(async () =>
    {
        foreach (var node in cluster.Nodes)
        {
            var ended = cluster.EndConnections(node, onlyWriter: true);
            if (ended == 0) return [$"{node.Name} has no connection that writes"];
            await Task.Delay(_before);
            cluster.EndConnections(node, onlyWriter: false);
            await Task.Delay(_before);
        }

        return [];
    });

    private Task AloneAsync() => InRoundAsync(async () =>
    {
        var others = cluster.Nodes.Skip(1).ToList();
        foreach (var node in others) node.Hold();
        foreach (var node in others) node.Kill();
        try
        {
            var took = await load.UntilWrittenAsync(load.RoomIds);
            Say($"all {load.RoomIds.Count} rooms took messages of the node that is left after "
                + $"{took.TotalSeconds:0.0} s");
            await Task.Delay(_before);
            return took > _longestWithoutTwo ? [$"rooms took no messages for {took.TotalSeconds:0.0} s"] : [];
        }
        finally
        {
            foreach (var node in others) node.Release();
        }
    });

    private async Task ShownAsync(ShownBalancer balancer)
    {
        await cluster.WholeAsync();
        await cluster.UntilAsync(balancer.ServesAsync, $"{balancer.Name} did not serve");
        using var traffic = new Traffic([balancer.Url]);
        var people = new List<Person>();
        for (var i = 0; i < PeopleOfBalancer; i++)
            people.Add(await Person.RegisterAsync(traffic, $"{balancer.Name.ToLowerInvariant()}{i}"));

        var room = await people[0].CreateRoomAsync(balancer.Name);
        foreach (var person in people.Skip(1)) await person.JoinAsync(room);
        var sent = new List<string>();
        foreach (var person in people) sent.Add(await person.SayAsync(room, Writer.NextMark()));

        cluster.OwnerOf(room).Kill();
        var watch = Stopwatch.StartNew();
        foreach (var person in people) sent.Add(await person.SayAsync(room, Writer.NextMark()));
        var took = watch.Elapsed;

        balancer.ThrowIfEnded();
        Say($"all its clients wrote {took.TotalSeconds:0.0} s after the node of their room was killed");
        var page = await people[^1].ReadAsync($"rooms/{Person.Esc(room)}/messages?dir=b&limit=100");
        var read = page.GetProperty("chunk").EnumerateArray().Select(Timelines.IdOf).ToHashSet();
        if (!read.IsSupersetOf(sent)) throw new LostException("messages are not there");
        if (took > _longestWithoutOwner) throw new LostException($"it took {took.TotalSeconds:0.0} s");
        await cluster.WholeAsync();
    }

    private async Task EndAllAsync()
    {
        var ends = cluster.Nodes.Select(static node => node.Exits.Count).ToList();
        foreach (var node in cluster.Nodes) node.Hold();
        foreach (var node in cluster.Nodes) node.Terminate();
        var watch = Stopwatch.StartNew();
        await cluster.UntilAsync(
            () => Task.FromResult(!cluster.Nodes.Any(static node => node.Runs)),
            () => string.Join(", ", cluster.Nodes.Where(static node => node.Runs).Select(static node => node.Name))
                + " did not end",
            _longestEnd);
        Say($"they ended {watch.Elapsed.TotalSeconds:0.0} s after SIGTERM");
        await cluster.UntilAsync(
            () => Task.FromResult(cluster.Nodes.Zip(ends).All(static pair => pair.First.Exits.Count > pair.Second)),
            "the supervisors did not notice");
        LostException.ThrowIfAny(
            [.. cluster.Nodes.Where(static node => node.Exits.Last() != 0)
                .Select(static node => $"{node.Name} ended with {node.Exits.Last()}")]);
    }

    /// <summary>A fault in the middle of load, after which everything is checked.</summary>
    private async Task InRoundAsync(Func<Task<IReadOnlyList<string>>> fault)
    {
        IReadOnlyList<string> problems = [];
        Say(await load.RoundAsync(async () =>
        {
            await Task.Delay(_before);
            problems = await fault();
        }));
        LostException.ThrowIfAny(problems);
    }

    private List<string> FailedSince(long moment, TimeSpan longest)
    {
        var took = load.Traffic.LongestWriteSince(moment);
        var failed = load.Traffic.FailedSince(moment);
        Say($"{failed.Count} requests failed meanwhile, and the longest write took {took.TotalSeconds:0.00} s");
        List<string> problems = [.. failed.Select(static one => one.ToString())];
        if (took > longest) problems.Add($"a write took {took.TotalSeconds:0.00} s");
        return problems;
    }

    /// <summary>The node that has the most of the rooms.</summary>
    private (Node Node, IReadOnlyList<string> Rooms) Busiest()
    {
        var most = load.RoomIds.GroupBy(cluster.OwnerOf).MaxBy(static group => group.Count())!;
        return (most.Key, [.. most]);
    }

    private static void Say(string line) => Console.WriteLine("        " + line);
}
