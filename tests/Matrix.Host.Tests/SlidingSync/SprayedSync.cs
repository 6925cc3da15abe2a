using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Shards;
using Matrix.Host.Storage.Tables.SlidingConnections;
using Matrix.Host.Streams;
using Matrix.Host.Sync.Sliding;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Host.Tests.SlidingSync;

/// <summary>
/// Two nodes over one database, whose connections of sliding sync know nothing of each other: they answer requests in
/// turn, unless a test says which one does.
/// </summary>
internal sealed class SprayedSync : ISlidingSync, IDisposable
{
    private static long _incarnations;

    private readonly (SlidingConnections Connections, SlidingEngine Engine)[] _nodes;
    private int _turn;

    private SprayedSync(IServiceProvider parts) => _nodes = [Node(parts), Node(parts)];

    public IReadOnlyCollection<string> Extensions => _nodes[0].Engine.Extensions;

    /// <summary>The node that answers; null for each in turn.</summary>
    internal int? Next { get; set; }

    /// <summary>Replaces the sliding sync of a server.</summary>
    internal static void AddTo(IServiceCollection services) => services
        .AddSingleton(static parts => new SprayedSync(parts))
        .AddSingleton<ISlidingSync>(static parts => parts.GetRequiredService<SprayedSync>());

    public ValueTask<SlidingAnswer> SyncAsync(SlidingRequest request, ResponseWriter response, CancellationToken stop)
    {
        var node = Next ?? Interlocked.Increment(ref _turn) % _nodes.Length;
        return _nodes[node].Engine.SyncAsync(request, response, stop);
    }

    public void Dispose()
    {
        foreach (var (connections, _) in _nodes) connections.Dispose();
    }

    /// <summary>A node drops the connections that it has in memory.</summary>
    internal void Forget(int node) => _nodes[node].Connections.Forget();

    private static (SlidingConnections, SlidingEngine) Node(IServiceProvider parts)
    {
        var self = new ShardOwner("node", Interlocked.Increment(ref _incarnations));
        var writer = parts.GetRequiredService<IStorageWriter>();
        var connections = new SlidingConnections(
            parts.GetRequiredService<SlidingConnectionsTable>(),
            parts.GetRequiredService<IAccountsTable>(),
            writer,
            parts.GetRequiredService<TokenPositions>(),
            new NodeShards(self, ShardGates.AlwaysOpen, writer),
            parts.GetRequiredService<SyncOptions>(),
            parts.GetRequiredService<TimeProvider>(),
            NullLogger<SlidingConnections>.Instance);
        return (connections, ActivatorUtilities.CreateInstance<SlidingEngine>(parts, connections));
    }
}
