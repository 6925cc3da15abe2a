using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Ownership;

/// <summary>The calls of a server without other nodes. All shards are open there, so nobody is asked.</summary>
public sealed class NoShardCalls : IShardCalls
{
    /// <inheritdoc/>
    public ValueTask<ReadOnlyMemory<byte>> CallAsync(
        Authority owner, ShardCallKind kind, ReadOnlyMemory<byte> body, CancellationToken stop) =>
        throw ShardGates.NotOwned(owner);
}
