using System.Net;
using Matrix.Processes.Network;

namespace Matrix.ClusterFaults.Nodes;

/// <summary>The proxies around a node: to the database, and from the other nodes.</summary>
internal sealed class Wires : IAsyncDisposable
{
    private readonly IPEndPoint _calls = Loopback.Next();
    private readonly IPEndPoint _requests = Loopback.Next();
    private readonly IPEndPoint _callsOutside = Loopback.Next();
    private readonly IPEndPoint _requestsOutside = Loopback.Next();
    private readonly TcpLink _toDatabase;
    private readonly TcpLink _fromCalls;
    private readonly TcpLink _fromRequests;

    /// <param name="database">The address of the database.</param>
    public Wires(Uri database)
    {
        var at = Loopback.Next();
        _toDatabase = TcpLink.Start(at, new IPEndPoint(IPAddress.Loopback, database.Port));
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
    public IReadOnlyList<int> DatabasePorts => _toDatabase.OutgoingPorts;

    /// <summary>Between the node and the database.</summary>
    public LinkFault ToDatabase
    {
        set => _toDatabase.Fault = value;
    }

    /// <summary>From the other nodes. What the node itself sends to them arrives.</summary>
    public LinkFault FromOthers
    {
        set => (_fromCalls.Fault, _fromRequests.Fault) = (value, value);
    }

    public async ValueTask DisposeAsync()
    {
        await _toDatabase.DisposeAsync();
        await _fromCalls.DisposeAsync();
        await _fromRequests.DisposeAsync();
    }
}
