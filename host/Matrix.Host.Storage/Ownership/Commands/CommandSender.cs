using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Ownership.Commands;

/// <summary>
/// Has commands of a closed set carried out by the nodes that have the shards. A command may be carried out twice, so
/// it is harmless when it is repeated, or carries an id. Lanes, users' locks and the writer never wait for one.
/// </summary>
/// <param name="ownerOf">The authority to which a command belongs.</param>
public sealed class CommandSender<TCommand>(
    CommandFormats<TCommand> formats,
    ShardCallKind kind,
    Func<TCommand, Authority> ownerOf,
    ShardGates gates,
    IShardCalls calls)
    where TCommand : class
{
    /// <summary>How often a command is sent if there is no answer.</summary>
    private const int Attempts = 2;

    /// <summary>Whether an authority's shard is open here.</summary>
    public bool IsHere(Authority owner) => gates.IsOpen(owner);

    /// <summary>Carries out a command by the same code: here, or where the shard is.</summary>
    /// <param name="owner">The authority to which it belongs.</param>
    /// <param name="here">Carries it out here.</param>
    /// <param name="command">Makes the command.</param>
    /// <param name="read">Reads what it returned.</param>
    /// <exception cref="StorageException">The storage failed, or nobody could be reached that has the shard.
    /// </exception>
    public async ValueTask<T> RunAsync<T>(
        Authority owner,
        Func<ValueTask<T>> here,
        Func<TCommand> command,
        Func<ReadOnlyMemory<byte>, T?> read,
        CancellationToken stop)
        where T : class
    {
        if (gates.IsOpen(owner))
        {
            try
            {
                return await here();
            }
            catch (StorageException fault) when (fault.Failure == StorageFailure.NotOwned && fault.Owner == owner)
            {
                // The shard went meanwhile, and nothing was written.
            }
        }

        return await AskAsync(command(), read, stop);
    }

    /// <summary>Has the node carry out a command that has the shard.</summary>
    /// <param name="read">Reads what it returned; null if that cannot be read.</param>
    /// <exception cref="StorageException">The storage failed there, or nobody could be reached that has the shard.
    /// </exception>
    public async ValueTask<T> AskAsync<T>(
        TCommand command, Func<ReadOnlyMemory<byte>, T?> read, CancellationToken stop)
        where T : class
    {
        var owner = ownerOf(command);
        var bytes = formats.Write(command);
        for (var attempt = 1; ; attempt++)
        {
            ReadOnlyMemory<byte> answer;
            try
            {
                answer = await calls.CallAsync(owner, kind, bytes, stop);
            }
            catch (StorageException fault) when (fault.Failure == StorageFailure.NotOwned && attempt < Attempts)
            {
                // It may have been carried out.
                continue;
            }

            var reply = CommandReply.Read(answer);
            if (reply.Outcome == CommandOutcome.Faulted) throw new StorageException(reply.Failure, reply.Message);
            return (reply.Outcome == CommandOutcome.Done ? read(reply.Body) : null)
                ?? throw new StorageException(
                    StorageFailure.NotOwned, $"The node that has {owner} does not understand this one.")
                {
                    Owner = owner,
                };
        }
    }
}
