using Matrix.Core.Cluster;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.TestWorld;

/// <summary>
/// The shards of a test server, all open at first. A test closes and opens them as a node does that gives them away and
/// takes them again. The server's writer takes batches of any shard.
/// </summary>
public sealed class MovableShards
{
    private static readonly TimeSpan _longestClose = TimeSpan.FromSeconds(20);

    /// <summary>Shards that are all open.</summary>
    public MovableShards() => Gates.Open(ShardGates.All);

    /// <summary>What the server asks.</summary>
    public ShardGates Gates { get; } = ShardGates.Closed();

    /// <summary>Gives a server these shards: <see cref="TestServer.Replaces"/>.</summary>
    public void AddTo(IServiceCollection parts) => parts.AddSingleton(Gates);

    /// <summary>Starts a server with these shards.</summary>
    public async Task<TestServer> StartAsync(params (string Key, string Value)[] settings)
    {
        var server = await TestServer.StartAsync(settings);
        server.Replaces = AddTo;
        await server.RestartAsync();
        return server;
    }

    /// <summary>Closes the shards of authorities. When this returns, nobody uses their memory.</summary>
    public Task CloseAsync(params Authority[] authorities) =>
        Gates.CloseAsync(ShardsOf(authorities), CancellationToken.None).WaitAsync(_longestClose);

    /// <summary>Opens the shards of authorities.</summary>
    public void Open(params Authority[] authorities) => Gates.Open(ShardsOf(authorities));

    /// <summary>Closes the shards of authorities and opens them again.</summary>
    public async Task MoveAwayAndBackAsync(params Authority[] authorities)
    {
        await CloseAsync(authorities);
        Open(authorities);
    }

    private static int[] ShardsOf(Authority[] authorities) =>
        [.. authorities.Select(static authority => authority.Shard).Distinct()];
}
