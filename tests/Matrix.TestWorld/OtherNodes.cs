using System.Net;
using Matrix.Host.Crypto;
using Matrix.Host.Storage.Ownership;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.TestWorld;

/// <summary>The other nodes of a server of several, on one PostgreSQL database.</summary>
internal sealed class OtherNodes : IAsyncDisposable
{
    /// <summary>The file of the signing key.</summary>
    public const string SigningKey = "signing.key";

    private const string Federation = "listeners.federation";
    private static readonly NodeAuthority _authority = new();

    private readonly TestDatabase _database;
    private readonly int _most;
    private readonly List<TestServer> _nodes = [];
    private readonly Random _random = new(1);
    private string _key = "";

    /// <summary>Brings the connections of other servers to the nodes in turn; null if the server does not federate.
    /// </summary>
    private TcpLink? _balancer;
    private readonly List<IPEndPoint> _federation = [];
    private int _connections;

    private OtherNodes(TestDatabase database, int most) => (_database, _most) = (database, most);

    /// <summary>Those that run.</summary>
    public IReadOnlyList<TestServer> Nodes => _nodes;

    /// <summary>Prepares nodes, with a database.</summary>
    public static async Task<OtherNodes> CreateAsync(int most) =>
        new(await TestDatabase.CreateAsync(TestDatabase.Postgres), most);

    /// <summary>Completes the settings of a node, and gives it the signing key of the server.</summary>
    public void Configure(IDictionary<string, string> settings, string folder, string name)
    {
        var file = Path.Combine(folder, SigningKey);
        if (_key.Length > 0)
        {
            File.WriteAllText(file, _key);
        }
        else
        {
            SigningKeyFile.LoadOrCreate(file);
            _key = File.ReadAllText(file);
        }

        foreach (var (setting, value) in SettingsOf(name)) settings[setting] = value;
        if (settings.TryGetValue(Federation, out var advertised))
        {
            _balancer = TcpLink.Start(IPEndPoint.Parse(advertised), NextListener);
            settings[Federation] = OwnListener();
        }

        // All nodes see one folder of media.
        settings.TryAdd("media.folder", Path.Combine(folder, "media"));
    }

    /// <summary>One of the nodes, the first included.</summary>
    public TestServer Draw(TestServer first)
    {
        lock (_random)
        {
            var drawn = _random.Next(_nodes.Count + 1);
            return drawn == 0 ? first : _nodes[drawn - 1];
        }
    }

    /// <summary>Starts the nodes, and waits until each shard is open at one.</summary>
    public async Task StartAsync(TestServer first, IReadOnlyDictionary<string, string> settings)
    {
        for (var i = 1; i <= _most; i++)
        {
            var own = settings.ToDictionary();
            own.Remove("data_dir");
            foreach (var (setting, value) in SettingsOf($"node{i}")) own[setting] = value;
            if (_balancer is not null) own[Federation] = OwnListener();
            var node = await TestServer.StartNodeAsync(
                _key, first.Keys, [.. own.Select(static one => (one.Key, one.Value))]);
            lock (_random) _nodes.Add(node);
        }

        await ShareAsync([first, .. _nodes]);
    }

    /// <summary>Starts them after a stop.</summary>
    public async Task StartAgainAsync(TestServer first, (string Key, string Value)[] settings)
    {
        foreach (var node in _nodes) await node.StartAgainAsync(settings);
        await ShareAsync([first, .. _nodes]);
    }

    /// <summary>Waits until each shard is open at one of the nodes, and each has some.</summary>
    public static Task ShareAsync(IReadOnlyList<TestServer> nodes) => Until.HoldsAsync(() =>
    {
        List<int>[] open = [.. nodes.Select(OpenAt)];
        return open.All(static some => some.Count > 0)
            && open.Sum(static some => some.Count) == ShardGates.All.Count
            && open.SelectMany(static some => some).Distinct().Count() == ShardGates.All.Count;
    });

    /// <summary>Stops them.</summary>
    public async Task StopAsync()
    {
        foreach (var node in _nodes) await node.StopAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_balancer is not null) await _balancer.DisposeAsync();
        foreach (var node in _nodes) await node.DisposeAsync();
        await _database.DisposeAsync();
    }

    private string OwnListener()
    {
        var at = Loopback.Next();
        lock (_federation) _federation.Add(at);
        return at.ToString();
    }

    private IPEndPoint NextListener()
    {
        lock (_federation) return _federation[_connections++ % _federation.Count];
    }

    private (string, string)[] SettingsOf(string name)
    {
        var (certificate, key) = _authority.Issue(name);
        return
        [
            ("database.url", _database.Url),
            ("cluster.node", name),
            ("cluster.listen", Loopback.Next().ToString()),
            ("cluster.requests", Loopback.Next().ToString()),
            ("cluster.certificate", certificate),
            ("cluster.key", key),
            ("cluster.authority", _authority.RootFile),
        ];
    }

    private static List<int> OpenAt(TestServer node)
    {
        var gates = node.Services.GetRequiredService<ShardGates>();
        return [.. ShardGates.All.Where(shard => gates.IsOpen(shard))];
    }
}
