using Matrix.Core.Facade;
using Matrix.Host.Api.Http;
using Matrix.Host.Storage;

namespace Matrix.Host.Api.Client.Registration;

/// <summary>Which names new users may have.</summary>
internal sealed class Usernames(IStorage storage, ClientOptions options)
{
    /// <summary>The user id of a wished name: upper case becomes lower case. Or why it cannot be had.</summary>
    internal (string UserId, Answer? Refusal) UserIdOf(string username)
    {
        return Identifiers.TryNewUserId(options.ServerName, username.ToLowerInvariant(), out var userId, out _)
            ? (userId, null)
            : ("", Answer.Error(
                400, MatrixError.InvalidUsername, "A user name consists of a-z, 0-9, `.`, `_`, `=`, `-`, `/` and `+`, and has at most 255 bytes with the server's name."));
    }

    /// <summary>The user id of a wished name, if it is free.</summary>
    internal async ValueTask<(string UserId, Answer? Refusal)> FreeUserIdOfAsync(string username, CancellationToken stop)
    {
        var (userId, refusal) = UserIdOf(username);
        if (refusal is not null) return ("", refusal);
        return await storage.Accounts.FindUserAsync(userId, stop).ConfigureAwait(false) is null ? (userId, null) : ("", InUse);
    }

    /// <summary>400 `M_USER_IN_USE`.</summary>
    internal static Answer InUse { get; } = Answer.Error(400, MatrixError.UserInUse, "The user id is already taken.");
}
