using System.Collections.Concurrent;
using Matrix.Host.Network.Keys;

namespace Matrix.TestWorld.Peers;

/// <summary>The keys that peers publish, as if they had been fetched.</summary>
internal sealed class KnownKeys : IServerKeys
{
    public ConcurrentDictionary<string, Peer> Peers { get; } = new();

    /// <summary>The server's own key.</summary>
    public ServerKey? Own { get; set; }

    public ValueTask<IReadOnlyDictionary<string, ServerKey>> FindAsync(
        string server, IReadOnlyCollection<string> keyIds, long validAt, KeyUse use, CancellationToken stop)
    {
        var published = server == Own?.Server ? [Own]
            : Peers.TryGetValue(server, out var peer) ? peer.PublishedKeys
            : [];
        return ValueTask.FromResult<IReadOnlyDictionary<string, ServerKey>>(
            published.Where(key => keyIds.Contains(key.KeyId)).ToDictionary(key => key.KeyId));
    }
}
