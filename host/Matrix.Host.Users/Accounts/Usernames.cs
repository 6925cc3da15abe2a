using Matrix.Core.Facade;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.AppServices;

namespace Matrix.Host.Users.Accounts;

/// <summary>Why a new user cannot have a name.</summary>
public enum UsernameProblem
{
    /// <summary>The name has characters that are not allowed, or too many.</summary>
    Invalid,

    /// <summary>Another user has the name.</summary>
    InUse,

    /// <summary>An application service has reserved the name, or has not reserved it but asks for it.</summary>
    Exclusive,

    /// <summary>The operator's policy refuses the name.</summary>
    Refused,
}

/// <summary>Says what is wrong with a name.</summary>
public static class UsernameProblems
{
    /// <summary>The problem, for a person.</summary>
    public static string ToSentence(this UsernameProblem problem) => problem switch
    {
        UsernameProblem.InUse => "The user name is taken.",
        UsernameProblem.Exclusive => "The user name is reserved.",
        UsernameProblem.Refused => "This server does not accept the user name.",
        _ => "A user name can have a-z, 0-9, . _ = - / and +.",
    };
}

/// <summary>Checks the names of new users.</summary>
public sealed class Usernames(
    IAccountsTable accountsTable, AppServiceDirectory services, IAccountPolicy policy, UsersOptions options)
{
    /// <summary>The user id of a name, in lower case, or the problem.</summary>
    /// <param name="username">The name.</param>
    /// <param name="by">The application service that asks; null for anyone else.</param>
    public (string UserId, UsernameProblem? Problem) UserIdOf(string username, AppService? by = null)
    {
        if (!Identifiers.TryNewUserId(options.ServerName, username.ToLowerInvariant(), out var userId, out _))
        {
            return ("", UsernameProblem.Invalid);
        }

        return services.MayCreateUser(by, userId) ? (userId, null) : ("", UsernameProblem.Exclusive);
    }

    /// <summary>The user id of a name that is free, or the problem.</summary>
    public async ValueTask<(string UserId, UsernameProblem? Problem)> FreeUserIdOfAsync(
        string username, CancellationToken stop, AppService? by = null)
    {
        var (userId, problem) = UserIdOf(username, by);
        if (problem is not null) return ("", problem);
        if (options.ReservedNames.Contains(username.ToLowerInvariant())) return ("", UsernameProblem.InUse);
        if (await policy.RefusalAsync(userId, stop) is not null)
        {
            return ("", UsernameProblem.Refused);
        }

        return await accountsTable.FindUserAsync(userId, stop) is null
            ? (userId, null)
            : ("", UsernameProblem.InUse);
    }
}
