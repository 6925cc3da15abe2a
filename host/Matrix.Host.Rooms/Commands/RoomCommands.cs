using System.Security.Cryptography;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Ownership.Commands;
using Matrix.Host.Storage.Tables.Transactions;

namespace Matrix.Host.Rooms.Commands;

/// <summary>
/// Has something done in a room whose shard may be at another node: where it is here, the same code is called directly.
/// Lanes and the writer never wait for it.
/// </summary>
public sealed class RoomCommands
{
    private readonly CommandSender<RoomCommand> _sender;

    internal RoomCommands(ShardGates gates, IShardCalls calls)
    {
        _sender = new CommandSender<RoomCommand>(
            RoomCommandFormats.All, ShardCallKind.Room, OwnerOf, gates, calls);
    }

    /// <summary>
    /// A user of another server types in a room that is elsewhere, or stopped. It is lost if nobody can be reached.
    /// </summary>
    public async ValueTask SetTypingAsync(string roomId, string userId, bool isTyping, CancellationToken stop)
    {
        try
        {
            await AskAsync(new SetTyping(roomId, userId, isTyping), stop);
        }
        catch (StorageException)
        {
            // The server of the user repeats it.
        }
    }

    /// <summary>The authority of a command.</summary>
    internal static Authority OwnerOf(RoomCommand command) => Authority.Room(command.RoomId);

    /// <summary>The id of a command that may not be carried out twice.</summary>
    internal static string NewId() => RandomNumberGenerator.GetHexString(32);

    /// <summary>The key of a command in the log of requests. No device has this one.</summary>
    internal static TransactionKey KeyOf(string sender, string id) => new(sender, "", "command", id);

    /// <summary>Whether a room's shard is open here.</summary>
    internal bool IsHere(string roomId) => _sender.IsHere(Authority.Room(roomId));

    /// <summary>Has the node carry out a command that has the room.</summary>
    /// <exception cref="StorageException">The storage failed there, or nobody could be reached that has the room.
    /// </exception>
    internal ValueTask<RoomAnswer> AskAsync(RoomCommand command, CancellationToken stop) =>
        _sender.AskAsync(command, RoomAnswer.Read, stop);

    /// <summary>Does something that returns a text here, or where the room is.</summary>
    /// <param name="here">Does it here.</param>
    /// <param name="command">Makes the command that does it elsewhere.</param>
    /// <exception cref="StorageException">The storage failed, or nobody could be reached that has the room.
    /// </exception>
    internal async ValueTask<RoomResult<string>> RunAsync(
        string roomId,
        Func<ValueTask<RoomResult<string>>> here,
        Func<RoomCommand> command,
        CancellationToken stop)
    {
        var answer = await _sender.RunAsync(
            Authority.Room(roomId),
            async () => RoomAnswer.Of(await here()),
            command,
            RoomAnswer.Read,
            stop);
        return answer.ToResult();
    }

    /// <summary>Does something that returns nothing but its failure here, or where the room is.</summary>
    /// <inheritdoc cref="RunAsync(string, Func{ValueTask{RoomResult{string}}}, Func{RoomCommand}, CancellationToken)"/>
    internal async ValueTask<RoomFailure?> RunAsync(
        string roomId, Func<ValueTask<RoomFailure?>> here, Func<RoomCommand> command, CancellationToken stop)
    {
        var answer = await _sender.RunAsync(
            Authority.Room(roomId),
            async () => RoomAnswer.Of(await here()),
            command,
            RoomAnswer.Read,
            stop);
        return answer.Failure;
    }
}
