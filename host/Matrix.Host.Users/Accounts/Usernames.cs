using Matrix.Core.Facade;
using Matrix.Host.Storage;

namespace Matrix.Host.Users.Accounts;

/// <summary>Why a new user cannot have a name.</summary>
public enum UsernameProblem
{
    /// <summary>The name has characters that are not allowed, or too many.</summary>
    Invalid,

    /// <summary>Another user has the name.</summary>
    InUse,
}

/// <summary>Checks the names of new users.</summary>
public sealed class Usernames(IStorage storage, UsersOptions options)
{
    /// <summary>The user id of a name, in lower case, or the problem.</summary>
    public (string UserId, UsernameProblem? Problem) UserIdOf(string username) =>
        Identifiers.TryNewUserId(options.ServerName, username.ToLowerInvariant(), out var userId, out _)
            ? (userId, null)
            : ("", UsernameProblem.Invalid);

    /// <summary>The user id of a name that is free, or the problem.</summary>
    public async ValueTask<(string UserId, UsernameProblem? Problem)> FreeUserIdOfAsync(
        string username, CancellationToken stop)
    {
        var (userId, problem) = UserIdOf(username);
        if (problem is not null) return ("", problem);
        return await storage.Accounts.FindUserAsync(userId, stop).ConfigureAwait(false) is null
            ? (userId, null)
            : ("", UsernameProblem.InUse);
    }
}
