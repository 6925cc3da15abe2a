using Matrix.Host.Sodium;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Users.OAuth;

/// <summary>Creates accounts on this server's page. Client-Server API, "User registration" of OAuth 2.0.</summary>
public sealed class SignUps(
    IStorage storage,
    RegistrationGate gate,
    Usernames usernames,
    PasswordLogin passwords,
    PasswordHasher hasher,
    Registrations registrations,
    UsersOptions options)
{
    /// <summary>
    /// The ways to register now. The page cannot confirm addresses, so that it is closed where registration requires
    /// one.
    /// </summary>
    public async ValueTask<RegistrationWays> WaysAsync(CancellationToken stop) =>
        options.RegistrationRequiresEmail || options.RegistrationRequiresPhone
            ? default
            : await gate.WaysAsync(stop).ConfigureAwait(false);

    /// <summary>Creates an account without a device; otherwise the failure's sentence is for the user.</summary>
    public async ValueTask<UserResult<UserRow>> CreateAsync(
        string username, string password, string? token, CancellationToken stop)
    {
        var ways = await WaysAsync(stop).ConfigureAwait(false);
        if (ways.IsClosed) return Failed("Registration is closed on this server.");
        var (userId, problem) = await usernames.FreeUserIdOfAsync(username, stop).ConfigureAwait(false);
        if (problem is { } why) return Failed(SentenceOf(why));
        if (passwords.Judge(password) is { } weak) return Failed(weak);
        if (token is null && !ways.Freely) return Failed("A registration token is needed.");
        if (token is not null && !await gate.AcceptsAsync(ways, token, stop).ConfigureAwait(false))
        {
            return Failed("The registration token is not valid.");
        }

        if (await hasher.HashAsync(password, stop).ConfigureAwait(false) is not { } hash)
        {
            return new UserFailure(UserFailureKind.Busy, "The server is busy. Try again in a few seconds.");
        }

        var account = new NewAccount(userId, hash) { RegistrationToken = token };
        var created = await registrations.CreateAsync(account, stop).ConfigureAwait(false);
        if (!created.IsOk) return created.Failure;
        return await storage.Accounts.FindUserAsync(userId, stop).ConfigureAwait(false) is { } user
            ? user
            : Failed("The account has ended.");
    }

    private static UserFailure Failed(string sentence) => new(UserFailureKind.InvalidParam, sentence);

    private static string SentenceOf(UsernameProblem problem) => problem switch
    {
        UsernameProblem.InUse => "The user name is taken.",
        UsernameProblem.Exclusive => "The user name is reserved.",
        UsernameProblem.Refused => "This server does not accept the user name.",
        _ => "A user name can have a-z, 0-9, . _ = - / and +.",
    };
}
