using System.Net;
using Matrix.Processes.Network;

namespace Matrix.ClusterNodes;

/// <summary>
/// Where other servers reach the nodes, over TLS that ends at a node. Each connection goes to one that is ready.
/// </summary>
internal sealed class FederationFront : IAsyncDisposable
{
    private static readonly TimeSpan _lookAgain = TimeSpan.FromMilliseconds(100);

    private readonly IPEndPoint _at = Loopback.Next();
    private readonly ServerAddress[] _addresses;
    private readonly CancellationTokenSource _over = new();
    private TcpLink? _link;
    private Task _looking = Task.CompletedTask;
    private volatile IPEndPoint[] _ready;
    private int _connections;

    public FederationFront(int nodes, IServerAuthority authority)
    {
        _addresses =
            [.. Enumerable.Range(0, nodes).Select(_ => ServerAddress.Behind(_at, Loopback.Next(), authority))];
        _ready = [_addresses[0].Listener];
    }

    /// <summary>The server's name.</summary>
    public string Name => _addresses[0].Name;

    /// <summary>The settings of a node, by its number.</summary>
    public Dictionary<string, string> Settings(int number) => new()
    {
        ["MATRIX_SERVER_NAME"] = Name,
        ["MATRIX_LISTENERS__FEDERATION"] = _addresses[number].Listener.ToString(),
        ["MATRIX_TLS__CERTIFICATE"] = _addresses[number].Certificate,
        ["MATRIX_TLS__KEY"] = _addresses[number].Key,
        ["MATRIX_FEDERATION__CUSTOM_CA"] = _addresses[number].Authority,
        ["MATRIX_FEDERATION__ALLOW_NETWORKS"] = "127.0.0.0/8,::1/128",
    };

    /// <summary>Takes connections from now on.</summary>
    public void Start(IReadOnlyList<Node> nodes)
    {
        _looking = LookAsync(nodes);
        _link = TcpLink.Start(_at, Next);
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _looking;
        if (_link is not null) await _link.DisposeAsync();
        _over.Dispose();
    }

    private IPEndPoint Next()
    {
        var ready = _ready;
        return ready[(int)((uint)Interlocked.Increment(ref _connections) % ready.Length)];
    }

    private async Task LookAsync(IReadOnlyList<Node> nodes)
    {
        while (!_over.IsCancellationRequested)
        {
            var looks = await Task.WhenAll(nodes.Select(static node => node.IsReadyAsync()));
            var ready = _addresses.Where((_, i) => looks[i]).Select(static address => address.Listener).ToArray();

            // While none is ready, the last one that was refuses connections, as a balancer does.
            if (ready.Length > 0) _ready = ready;
            await Task.Delay(_lookAgain, _over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
