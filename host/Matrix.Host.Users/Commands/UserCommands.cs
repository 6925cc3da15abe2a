using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Ownership.Commands;

namespace Matrix.Host.Users.Commands;

/// <summary>
/// Has something done for a user whose shard may be at another node: where it is here, the same code is called
/// directly. Users' locks and the writer never wait for it.
/// </summary>
public sealed class UserCommands
{
    private readonly CommandSender<UserCommand> _sender;

    internal UserCommands(ShardGates gates, IShardCalls calls)
    {
        _sender = new CommandSender<UserCommand>(
            UserCommandFormats.All, ShardCallKind.User, OwnerOf, gates, calls);
    }

    /// <summary>The authority of a command.</summary>
    internal static Authority OwnerOf(UserCommand command) => Authority.User(command.UserId);

    /// <summary>Does something here, or where the user is.</summary>
    /// <param name="here">Does it here.</param>
    /// <param name="command">Makes the command that does it elsewhere.</param>
    /// <exception cref="StorageException">The storage failed, or nobody could be reached that has the user.
    /// </exception>
    internal ValueTask<UserAnswer> RunAsync(
        string userId, Func<ValueTask<UserAnswer>> here, Func<UserCommand> command, CancellationToken stop) =>
        _sender.RunAsync(Authority.User(userId), here, command, UserAnswer.Read, stop);

    /// <summary>The same for what returns nothing but its failure.</summary>
    internal async ValueTask<UserFailure?> RunAsync(
        string userId, Func<ValueTask<UserFailure?>> here, Func<UserCommand> command, CancellationToken stop) =>
        (await RunAsync(userId, async () => new UserAnswer(await here()), command, stop)).Failure;
}
