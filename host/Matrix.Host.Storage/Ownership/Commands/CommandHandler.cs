using Matrix.Host.Storage.Commits;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Storage.Ownership.Commands;

/// <summary>
/// Carries out the commands of a closed set that other nodes send, if the shard is open here. What the command calls
/// enters the shard, as it does for a command of this node.
/// </summary>
/// <param name="ownerOf">The authority to which a command belongs.</param>
/// <param name="run">Carries a command out, and returns what it returned as bytes.</param>
public sealed partial class CommandHandler<TCommand>(
    CommandFormats<TCommand> formats,
    ShardCallKind kind,
    Func<TCommand, Authority> ownerOf,
    ShardGates gates,
    Func<TCommand, CancellationToken, ValueTask<ReadOnlyMemory<byte>>> run,
    ILogger log) : IShardCallHandler
    where TCommand : class
{
    /// <inheritdoc/>
    public ShardCallKind Kind => kind;

    /// <inheritdoc/>
    public async ValueTask<ReadOnlyMemory<byte>> AnswerAsync(ReadOnlyMemory<byte> body, CancellationToken stop)
    {
        if (!formats.TryRead(body, out var command)) return CommandReply.Unreadable.ToBytes();
        var owner = ownerOf(command);
        if (!gates.IsOpen(owner)) throw ShardGates.NotOwned(owner);
        CommandReply reply;
        try
        {
            reply = CommandReply.Done(await run(command, stop));
        }
        catch (StorageException fault) when (fault.Failure != StorageFailure.NotOwned || fault.Owner != owner)
        {
            reply = CommandReply.Faulted(fault.Failure, fault.Message);
        }
#pragma warning disable CA1031 // What ends a request here does not end a call of another node.
        catch (Exception fault) when (
            fault is not StorageException && (fault is not OperationCanceledException || !stop.IsCancellationRequested))
#pragma warning restore CA1031
        {
            Failed(command.GetType().Name, fault);
            reply = CommandReply.Faulted(StorageFailure.Unavailable, $"The command failed: {fault.GetType().Name}.");
        }

        return reply.ToBytes();
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A command of another node failed: {Command}")]
    private partial void Failed(string command, Exception fault);
}
