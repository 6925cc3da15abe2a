using System.Text;
using Matrix.Core.Ident;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Ownership.Commands;

namespace Matrix.Host.Users.Commands;

/// <summary>
/// What code of one node asks about another server of which another node may have the shard. The set is closed.
/// </summary>
/// <param name="ServerName">The server.</param>
internal abstract record ServerCommand(string ServerName);

/// <summary>
/// Clients need the device lists of users of the server, which are not cached, or not current. A list that is wanted
/// twice is fetched once.
/// </summary>
internal sealed record WantDeviceLists(string ServerName, IReadOnlyList<string> UserIds) : ServerCommand(ServerName);

/// <summary>Has something done about another server at the node that has its shard.</summary>
public sealed class ServerCommands
{
    private readonly CommandSender<ServerCommand> _sender;

    internal ServerCommands(ShardGates gates, IShardCalls calls)
    {
        _sender = new CommandSender<ServerCommand>(Formats, ShardCallKind.Server, OwnerOf, gates, calls);
    }

    /// <summary>The commands as bytes.</summary>
    internal static CommandFormats<ServerCommand> Formats { get; } = new CommandFormats<ServerCommand>()
        .Add<WantDeviceLists>(
            1,
            static (to, it) => to.Text(it.ServerName).Items(it.UserIds, static (to, userId) => to.Text(userId)),
            static from => new WantDeviceLists(from.Text(), from.Items(static from => from.Text())));

    /// <summary>The authority of a command.</summary>
    internal static Authority OwnerOf(ServerCommand command) => Authority.Server(command.ServerName);

    /// <summary>Whether the shard of a user's server is open here.</summary>
    internal bool IsHere(string userId) => _sender.IsHere(Authority.Server(UserId.Server(userId)));

    /// <summary>Has the node carry out a command that has the server's shard.</summary>
    /// <exception cref="StorageException">The storage failed there, or nobody could be reached that has it.</exception>
    internal async ValueTask AskAsync(ServerCommand command, CancellationToken stop) =>
        await _sender.AskAsync(command, static bytes => Encoding.UTF8.GetString(bytes.Span), stop);
}
