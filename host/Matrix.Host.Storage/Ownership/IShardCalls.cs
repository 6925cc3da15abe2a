using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Ownership;

/// <summary>Asks the node that has the shard of an authority. Lanes, users' locks and the writer never wait for it.
/// </summary>
public interface IShardCalls
{
    /// <summary>
    /// Asks the owner of an authority, which may be this node. A node that does not have the shard any more is asked
    /// no second time, but the one that has it now is, once.
    /// </summary>
    /// <returns>The answer of the handler of this kind there.</returns>
    /// <exception cref="StorageException">Nobody has the shard, or its owner gave no answer
    /// (<see cref="StorageFailure.NotOwned"/>): what was asked may have been carried out.</exception>
    ValueTask<ReadOnlyMemory<byte>> CallAsync(
        Authority owner, ShardCallKind kind, ReadOnlyMemory<byte> body, CancellationToken stop);
}

/// <summary>
/// Answers the calls of one kind, on the node that has the shard. It enters the shard itself, and throws what
/// <see cref="ShardGates.Enter"/> throws if it is not open here.
/// </summary>
public interface IShardCallHandler
{
    /// <summary>The kind of calls.</summary>
    ShardCallKind Kind { get; }

    /// <summary>Carries it out.</summary>
    /// <exception cref="StorageException">The shard is not open here (<see cref="StorageFailure.NotOwned"/>).
    /// </exception>
    ValueTask<ReadOnlyMemory<byte>> AnswerAsync(ReadOnlyMemory<byte> body, CancellationToken stop);
}

/// <summary>
/// The kinds of calls between shards. Nodes of two versions serve together: numbers keep their meaning.
/// </summary>
public enum ShardCallKind
{
    /// <summary>A command to a room.</summary>
    Room = 1,

    /// <summary>A command to a user.</summary>
    User = 2,

    /// <summary>A command about another server.</summary>
    Server = 3,
}
