using System.Text;
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
        _sender = new CommandSender<UserCommand>(Formats, ShardCallKind.User, OwnerOf, gates, calls);
    }

    /// <summary>The commands as bytes.</summary>
    internal static CommandFormats<UserCommand> Formats { get; } = new CommandFormats<UserCommand>()
        .Add<CopyRoomSettings>(
            1,
            static (to, it) => to.Text(it.UserId).Text(it.OldRoomId).Text(it.NewRoomId),
            static from => new CopyRoomSettings(from.Text(), from.Text(), from.Text()))
        .Add<EndGuest>(
            2,
            static (to, it) => to.Text(it.UserId).Int(it.Since),
            static from => new EndGuest(from.Text(), from.Int()));

    /// <summary>The authority of a command.</summary>
    internal static Authority OwnerOf(UserCommand command) => Authority.User(command.UserId);

    /// <summary>Does something that returns a text here, or where the user is.</summary>
    /// <param name="here">Does it here.</param>
    /// <param name="command">Makes the command that does it elsewhere.</param>
    /// <exception cref="StorageException">The storage failed, or nobody could be reached that has the user.
    /// </exception>
    internal ValueTask<string> RunAsync(
        string userId, Func<ValueTask<string>> here, Func<UserCommand> command, CancellationToken stop) =>
        _sender.RunAsync(
            Authority.User(userId), here, command, static bytes => Encoding.UTF8.GetString(bytes.Span), stop);
}
