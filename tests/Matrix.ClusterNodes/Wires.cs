using System.Net;
using Matrix.ClusterNodes.Flushes;
using Matrix.Processes.Network;

namespace Matrix.ClusterNodes;

/// <summary>
/// The connections around a node: to the database, and from the other nodes. By proxies, so that a test can cut them;
/// or direct ones, so that a measurement does not pay for the proxies.
/// </summary>
internal sealed class Wires : IAsyncDisposable
{
    private readonly IPEndPoint _calls = Loopback.Next();
    private readonly IPEndPoint _requests = Loopback.Next();
    private readonly IPEndPoint _callsOutside;
    private readonly IPEndPoint _requestsOutside;
    private readonly TcpLink? _toDatabase;
    private readonly TcpLink? _fromCalls;
    private readonly TcpLink? _fromRequests;

    /// <param name="database">The address of the database.</param>
    /// <param name="areDirect">Whether there are no proxies.</param>
    public Wires(Uri database, bool areDirect)
    {
        (_callsOutside, _requestsOutside, Database) = (_calls, _requests, database);
        if (areDirect) return;
        (_callsOutside, _requestsOutside) = (Loopback.Next(), Loopback.Next());
        var at = Loopback.Next();
        _toDatabase = TcpLink.Start(at, new IPEndPoint(IPAddress.Loopback, database.Port), Flushes.NewGate);
        _fromCalls = TcpLink.Start(_callsOutside, _calls);
        _fromRequests = TcpLink.Start(_requestsOutside, _requests);
        Database = new UriBuilder(database) { Host = at.Address.ToString(), Port = at.Port }.Uri;
    }

    /// <summary>The database, as the node reaches it.</summary>
    public Uri Database { get; }

    /// <summary>The node's settings.</summary>
    public IEnumerable<(string Name, string Value)> Settings =>
    [
        ("MATRIX_CLUSTER__LISTEN", _calls.ToString()),
        ("MATRIX_CLUSTER__ADDRESS", _callsOutside.ToString()),
        ("MATRIX_CLUSTER__REQUESTS", _requests.ToString()),
        ("MATRIX_CLUSTER__REQUESTS_ADDRESS", _requestsOutside.ToString()),
    ];

    /// <summary>The ports from which the node's connections reach the database.</summary>
    public IReadOnlyList<int> DatabasePorts => Of(_toDatabase).OutgoingPorts;

    /// <summary>Holds flushes of the node on their way to the database.</summary>
    public FlushHold Flushes { get; } = new();

    /// <summary>Whether bytes are held on the way to the database, or on the way back.</summary>
    public bool HoldsBytes => Of(_toDatabase).HoldsBytes;

    /// <summary>Between the node and the database.</summary>
    public LinkFault ToDatabase
    {
        set => Of(_toDatabase).Fault = value;
    }

    /// <summary>From the other nodes. What the node itself sends to them arrives.</summary>
    public LinkFault FromOthers
    {
        set => (Of(_fromCalls).Fault, Of(_fromRequests).Fault) = (value, value);
    }

    /// <summary>From one of the other nodes, in addition.</summary>
    /// <param name="processId">Its present process: a node that starts again is cut off, too.</param>
    public void CutFrom(Func<int> processId, LinkFault fault)
    {
        var partial = fault == LinkFault.None
            ? null
            : new PartialFault(fault, (source, at) => SocketOwner.Has(processId(), source, at));
        (Of(_fromCalls).Partial, Of(_fromRequests).Partial) = (partial, partial);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var link in new[] { _toDatabase, _fromCalls, _fromRequests })
        {
            if (link is not null) await link.DisposeAsync();
        }
    }

    private static TcpLink Of(TcpLink? link) =>
        link ?? throw new InvalidOperationException("The node's connections are direct.");
}
