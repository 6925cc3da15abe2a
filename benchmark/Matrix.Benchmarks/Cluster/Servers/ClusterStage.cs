using System.Globalization;
using Matrix.Benchmarks.Federation.Peers;
using Matrix.ClusterNodes;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;
using Matrix.LoadGen.Workloads;
using Matrix.Processes;
using Matrix.Processes.Network;
using Nodes = Matrix.ClusterNodes.Cluster;

namespace Matrix.Benchmarks.Cluster.Servers;

/// <summary>
/// A cluster under load: its nodes with a share of a processor each, a PostgreSQL server of its own, and two balancers,
/// which keep a client at a node or not.
/// </summary>
internal sealed class ClusterStage : IAsyncDisposable
{
    private const int MostUsers = 20_000;

    private readonly List<ProcessorShare> _shares = [];
    private readonly Dictionary<Balancing, Balancer> _balancers = [];
    private readonly PostgresProcess? _postgres;
    private readonly string _secret = Guid.NewGuid().ToString("n");
    private readonly int[] _metrics;
    private readonly double _processors;
    private readonly HttpClient _http = new();
    private readonly Dictionary<Balancing, Server> _servers = [];
    private ServerAddress[] _addresses = [];

    private ClusterStage(int nodes, double processors, Uri? database, bool isInMemory)
    {
        _processors = processors;
        _metrics = [.. Enumerable.Range(0, nodes).Select(static _ => Repository.FreePort())];
        if (database is null) _postgres = new PostgresProcess(isInMemory);
        Database = database ?? new Uri(_postgres!.NewDatabase("cluster"));
    }

    public Nodes Cluster { get; private set; } = null!;

    public Uri Database { get; }

    /// <summary>The server's name.</summary>
    public string Name => _addresses[0].Name;

    /// <summary>Its users, whose requests stay at a node.</summary>
    public Population Population { get; private set; } = null!;

    /// <summary>The processor time that all nodes may use; null if nothing bounds it.</summary>
    public double? Processors => _shares.Count == 0 ? null : _shares.Count * _processors;

    public int? PostgresProcessId => _postgres?.ProcessId;

    public IEnumerable<int> BalancerProcessIds => _balancers.Values.Select(static each => each.ProcessId);

    /// <summary>Where each node listens for other servers.</summary>
    public IReadOnlyList<Uri> FederationAddresses =>
        [.. _addresses.Select(static address => new Uri("https://" + address.Listener))];

    /// <summary>Starts it. Until <see cref="Bound"/> is called, each node may use a whole processor.</summary>
    /// <param name="nodes">How many nodes it has.</param>
    /// <param name="processors">The share of a processor of each; 0 for no bound.</param>
    /// <param name="peers">Servers that it can find; null for none.</param>
    /// <param name="database">Its database; null for a server of its own.</param>
    /// <param name="isInMemory">Whether the files of its own database server are in memory.</param>
    public static async Task<ClusterStage> StartAsync(
        int nodes, double processors, SyntheticPeers? peers, Uri? database = null, bool isInMemory = true)
    {
        var stage = new ClusterStage(nodes, processors, database, isInMemory);
        try
        {
            await stage.StartAsync(nodes, peers);
            return stage;
        }
        catch
        {
            await stage.DisposeAsync();
            throw;
        }
    }

    /// <summary>The cluster for the load generator, by one of its balancers.</summary>
    public Server Server(Balancing route) => _servers[route];

    /// <summary>Where clients send requests.</summary>
    public Uri Address(Balancing route) => _balancers[route].Url;

    /// <summary>A user, whose requests go by a balancer.</summary>
    public Account Account(Account of, Balancing route) => new(Server(route), of.UserId, of.AccessToken);

    /// <summary>From now on, each node has its share.</summary>
    public void Bound() => _shares.ForEach(share => share.Allow(_processors));

    /// <summary>From now on, each node may use a whole processor, to prepare what is measured then.</summary>
    public void Loosen() => _shares.ForEach(static share => share.Allow(1));

    /// <summary>What nodes have counted so far.</summary>
    public async Task<NodeCounts> CountedAsync()
    {
        var sum = new NodeCounts(0, 0, 0);
        foreach (var (node, port) in Cluster.Nodes.Zip(_metrics))
        {
            if (!node.Runs) continue;
            sum += NodeCounts.Of(await _http.GetStringAsync(new Uri($"http://127.0.0.1:{port}/metrics")));
        }

        return sum;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var balancer in _balancers.Values) balancer.Dispose();
        if (Cluster is not null) await Cluster.DisposeAsync();
        _postgres?.Dispose();
        foreach (var share in _shares) share.Dispose();
        _http.Dispose();
    }

    private async Task StartAsync(int nodes, SyntheticPeers? peers)
    {
        for (var i = 0; i < nodes && _processors > 0; i++)
        {
            var name = $"node{nodes}{i}-{Guid.NewGuid().ToString("n")[..6]}";
            if (ProcessorShare.TryCreate(name, 1) is not { } share) break;
            _shares.Add(share);
        }

        _addresses = [.. Enumerable.Range(0, nodes).Select(static _ => ServerAddress.Next())];
        Cluster = await Nodes.StartAsync(new ClusterOptions
        {
            Nodes = nodes,
            IsDirect = true,
            Database = Database,
            Shares = _shares.Count == nodes ? _shares : null,
            Settings = number => Settings(number, peers),
        });
        foreach (var route in new[] { Balancing.Token, Balancing.Turns })
        {
            var balancer = _balancers[route] = new Balancer(Cluster.Nodes, route);
            _servers[route] = new Server(
                $"{nodes} nodes", ServerKind.Homeserver, Target.Parse(balancer.Url.ToString()), _secret, [],
                ProcessId: null, DataFolder: null);
            await Cluster.UntilAsync(() => IsReadyAsync(balancer), "the balancer did not find a node");
        }

        Population = new Population(Server(Balancing.Token), MostUsers);
    }

    private async Task<bool> IsReadyAsync(Balancer balancer)
    {
        balancer.ThrowIfEnded();
        try
        {
            using var reply = await _http.GetAsync(new Uri(balancer.Url, "/_matrix/client/versions"));
            return reply.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private Dictionary<string, string> Settings(int number, SyntheticPeers? peers)
    {
        var address = _addresses[number];
        return new Dictionary<string, string>(peers?.Settings ?? [])
        {
            ["MATRIX_SERVER_NAME"] = Name,
            ["MATRIX_REGISTRATION__SHARED_SECRET"] = _secret,
            ["MATRIX_LISTENERS__METRICS"] = $"127.0.0.1:{_metrics[number]}",
            ["MATRIX_LISTENERS__FEDERATION"] = address.Listener.ToString(),
            ["MATRIX_TLS__CERTIFICATE"] = address.Certificate,
            ["MATRIX_TLS__KEY"] = address.Key,
            ["MATRIX_FEDERATION__CUSTOM_CA"] = address.Authority,
            ["MATRIX_FEDERATION__ALLOW_NETWORKS"] = "127.0.0.0/8",
        };
    }
}
