using System.Globalization;
using System.Text;
using Matrix.Processes;

namespace Matrix.ClusterNodes;

/// <summary>How a balancer chooses a node for a request, among those that are ready.</summary>
internal enum Balancing
{
    /// <summary>
    /// One after the other, each request on a connection of its own: a node that leaves closes idle ones, and what was
    /// just sent on such a connection would be lost.
    /// </summary>
    TurnsAnew,

    /// <summary>One after the other.</summary>
    Turns,

    /// <summary>The requests of one access token stay at one node, as docs/cluster.md shows.</summary>
    Token,
}

/// <summary>HAProxy before the nodes. It repeats only what it could not connect for.</summary>
internal sealed class Balancer : IDisposable
{
    private readonly BalancerProcess _proxy;

    public Balancer(IEnumerable<Node> nodes, Balancing balancing)
    {
        var port = Repository.FreePort();
        Url = new Uri($"http://127.0.0.1:{port}");
        _proxy = BalancerProcess.HaProxy(ConfigurationOf(port, nodes, balancing));
    }

    public Uri Url { get; }

    public int ProcessId => _proxy.ProcessId;

    /// <summary>Fails if it has ended, and says why.</summary>
    public void ThrowIfEnded() => _proxy.ThrowIfEnded();

    public void Dispose() => _proxy.Dispose();

    // A check that fails does not end requests that run.
    private static string ConfigurationOf(int port, IEnumerable<Node> nodes, Balancing balancing)
    {
        var reuse = balancing == Balancing.TurnsAnew ? "http-server-close" : "http-keep-alive";
        var balance = balancing == Balancing.Token ? "hdr(Authorization)" : "roundrobin";
        var text = new StringBuilder($"""
            global
                maxconn 9000
            defaults
                mode http
                option {reuse}
                option redispatch 1
                retries 3
                retry-on conn-failure
                timeout connect 1s
                timeout client 2m
                timeout server 2m
                timeout check 2s
            frontend clients
                bind 127.0.0.1:{port}
                default_backend nodes
            backend nodes
                balance {balance}
                hash-type consistent
                option httpchk GET /health/ready
                http-check expect status 200
                default-server check inter 300ms fastinter 100ms downinter 300ms fall 2 rise 1

            """);
        foreach (var node in nodes)
        {
            text.AppendLine(
                CultureInfo.InvariantCulture, $"    server {node.Name} {node.Url.Authority}");
        }

        return text.ToString();
    }
}
