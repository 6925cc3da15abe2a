using Matrix.Core.Facade;
using Matrix.Host.Storage;

namespace Matrix.Host.Users.Accounts;

/// <summary>Why a name cannot be had.</summary>
public enum UsernameProblem
{
    /// <summary>Nobody can have it: it has characters that names have not, or too many.</summary>
    Invalid,

    /// <summary>Somebody has it.</summary>
    InUse,
}

/// <summary>Which names new users may have.</summary>
public sealed class Usernames(IStorage storage, UsersOptions options)
{
    /// <summary>The user id of a wished name: upper case becomes lower case. Or why it cannot be had.</summary>
    public (string UserId, UsernameProblem? Problem) UserIdOf(string username) =>
        Identifiers.TryNewUserId(options.ServerName, username.ToLowerInvariant(), out var userId, out _)
            ? (userId, null)
            : ("", UsernameProblem.Invalid);

    /// <summary>The user id of a wished name, if it is free.</summary>
    public async ValueTask<(string UserId, UsernameProblem? Problem)> FreeUserIdOfAsync(string username, CancellationToken stop)
    {
        var (userId, problem) = UserIdOf(username);
        if (problem is not null) return ("", problem);
        return await storage.Accounts.FindUserAsync(userId, stop).ConfigureAwait(false) is null ? (userId, null) : ("", UsernameProblem.InUse);
    }
}
