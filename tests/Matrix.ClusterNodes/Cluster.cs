using System.Diagnostics;
using System.Globalization;
using Matrix.Host.Crypto;
using Matrix.Host.Storage.Commits;
using Matrix.Processes;
using Matrix.Processes.Network;

namespace Matrix.ClusterNodes;

/// <summary>Nodes of one server on one PostgreSQL database, and what spreads requests over them.</summary>
internal sealed class Cluster : IAsyncDisposable
{
    private const string Database = "cluster";

    /// <summary>A start takes seconds, and many when the machine has other work.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(120);

    private static readonly TimeSpan _lookAgain = TimeSpan.FromMilliseconds(50);

    private readonly PostgresProcess? _postgres;
    private readonly Uri _database;
    private readonly NodeAuthority _authority = new();
    private readonly Balancer? _balancer;
    private readonly FederationFront? _front;

    private Cluster(ClusterOptions options)
    {
        if (options.Database is null) _postgres = new PostgresProcess(inMemory: true);
        _database = options.Database ?? new Uri(_postgres!.NewDatabase(Database));
        if (options.Federation is { } authority)
        {
            var settings = options.Settings;
            var front = _front = new FederationFront(options.Nodes, authority);
            options = options with { Settings = number => front.Settings(number).Concat(settings(number)) };
        }

        Nodes = [.. Enumerable.Range(0, options.Nodes).Select(i => new Node(i, _database, _authority, options))];
        if (options.Balancing is { } balancing) _balancer = new Balancer(Nodes, balancing);
        _front?.Start(Nodes);
    }

    /// <summary>All of them, whether they run or not.</summary>
    public IReadOnlyList<Node> Nodes { get; }

    /// <summary>The server's name for others; null if none can reach it.</summary>
    public string? Name => _front?.Name;

    /// <summary>Where clients send requests: the balancer, or all nodes.</summary>
    public IReadOnlyList<Uri> Addresses =>
        _balancer is { } one ? [one.Url] : [.. Nodes.Select(static node => node.Url)];

    /// <summary>Starts a cluster, and waits until its nodes share the shards.</summary>
    public static async Task<Cluster> StartAsync(ClusterOptions options)
    {
        var cluster = new Cluster(options);
        try
        {
            var signingKey = Path.Combine(cluster._authority.Folder, "signing.key");
            SigningKeyFile.LoadOrCreate(signingKey);

            // The first one creates the schema.
            var first = cluster.Nodes[0];
            first.Start(signingKey);
            await cluster.UntilAsync(() => first.IsReadyAsync(), "the first node was not ready");
            foreach (var node in cluster.Nodes.TakeLast(options.Held)) node.Hold();
            foreach (var node in cluster.Nodes.Skip(1)) node.Start(signingKey);
            await cluster.WholeAsync(cluster.Nodes.SkipLast(options.Held));
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a statement in the database, and returns the rows as text.</summary>
    public string Sql(string statement) => PostgresProcess.SqlAt(_database.AbsoluteUri, statement).Trim();

    /// <summary>The node that has each of the shards, as the database says.</summary>
    public Dictionary<int, string> Owners() => Sql("SELECT shard, node FROM shards").Split('\n')
        .Where(static row => row.Length > 0)
        .Select(static row => row.Split('|'))
        .ToDictionary(static row => int.Parse(row[0], CultureInfo.InvariantCulture), static row => row[1]);

    /// <summary>Waits until all nodes are ready and have shards.</summary>
    public Task WholeAsync() => WholeAsync(Nodes);

    /// <summary>Waits until these nodes are ready and have all shards.</summary>
    public Task WholeAsync(IEnumerable<Node> nodes)
    {
        Node[] all = [.. nodes];
        return UntilAsync(
            async () =>
            {
                foreach (var node in all)
                {
                    if (!await node.IsReadyAsync()) return false;
                }

                return Owners().Values.ToHashSet().SetEquals(all.Select(static node => node.Name));
            },
            $"{string.Join(", ", all.Select(static node => node.Name))} did not serve together");
    }

    /// <summary>The node that has the shard of a room, as the database says.</summary>
    public Node OwnerOf(string room)
    {
        var owners = Owners();
        return Nodes.First(node => node.Name == owners[Authority.Room(room).Shard]);
    }

    /// <summary>The incarnation under which a node may write; null if it was fenced, or has not begun yet.</summary>
    public string? LivingStartOf(Node node) =>
        Sql($"SELECT incarnation FROM nodes WHERE node = '{node.Name}' AND alive = 1") is { Length: > 0 } start
            ? start
            : null;

    /// <summary>Ends connections of a node at the database: the one that writes, or all.</summary>
    /// <returns>How many were ended.</returns>
    public int EndConnections(Node node, bool onlyWriter)
    {
        var ports = string.Join(',', node.Wires.DatabasePorts);
        if (ports.Length == 0) return 0;
        var which = onlyWriter
            ? "AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted)"
            : "";
        return int.Parse(
            Sql($"""
                SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE client_port IN ({ports}) {which}
                """),
            CultureInfo.InvariantCulture);
    }

    /// <summary>Cuts what a node sends to the others. What they send to it arrives.</summary>
    public void CutToOthers(Node node, LinkFault fault)
    {
        foreach (var other in Nodes.Where(other => other != node))
            other.Wires.CutFrom(() => node.ProcessId, fault);
    }

    /// <summary>Waits until something holds.</summary>
    public Task UntilAsync(Func<Task<bool>> holds, string otherwise, TimeSpan? within = null) =>
        UntilAsync(holds, () => otherwise, within);

    /// <summary>Waits until something holds.</summary>
    public async Task UntilAsync(Func<Task<bool>> holds, Func<string> otherwise, TimeSpan? within = null)
    {
        for (var watch = Stopwatch.StartNew(); !await holds(); await Task.Delay(_lookAgain))
        {
            if (watch.Elapsed <= (within ?? _patience)) continue;
            throw new LostException(
                $"In {watch.Elapsed.TotalSeconds:0} s {otherwise()}. The logs are in {KeepFiles()}");
        }
    }

    /// <summary>Keeps the files of the nodes, and says where they are.</summary>
    public string KeepFiles()
    {
        foreach (var node in Nodes) node.KeepsFiles = true;
        return string.Join(' ', Nodes.Select(static node => node.Folder));
    }

    public async ValueTask DisposeAsync()
    {
        _balancer?.Dispose();
        if (_front is not null) await _front.DisposeAsync();
        foreach (var node in Nodes) await node.DisposeAsync();
        _postgres?.Dispose();
        _authority.Dispose();
    }
}
