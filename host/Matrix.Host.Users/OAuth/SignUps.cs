using Matrix.Host.Crypto;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Policies;
using Matrix.Host.Storage.Tables.ValidationSessions;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Sessions;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Users.OAuth;

/// <summary>Creates accounts on this server's page. v1.19 client-server-api#user-registration</summary>
public sealed class SignUps(
    IAccountsTable accountsTable,
    RegistrationGate gate,
    Usernames usernames,
    PasswordLogin passwords,
    PasswordHasher hasher,
    Registrations registrations,
    AccountIdentifiers identifiers)
{
    /// <summary>The ways to register now.</summary>
    public ValueTask<RegistrationWays> WaysAsync(CancellationToken stop) => gate.WaysAsync(stop);

    /// <summary>Whether nobody has an account yet.</summary>
    public async ValueTask<bool> AwaitsFirstUserAsync(CancellationToken stop) =>
        !await accountsTable.AnyUserAsync(stop);

    /// <summary>The user id of a new account; otherwise the failure's sentence is for the user.</summary>
    /// <param name="username">The name.</param>
    /// <param name="password">The password.</param>
    /// <param name="token">The registration token; null for none.</param>
    public async ValueTask<UserResult<string>> JudgeAsync(
        string username, string password, string? token, CancellationToken stop)
    {
        var ways = await WaysAsync(stop);
        if (ways.IsClosed) return Failed("Registration is closed on this server.");
        var (userId, problem) = await usernames.FreeUserIdOfAsync(username, stop);
        if (problem is { } why) return Failed(why.ToSentence());
        if (passwords.Judge(password) is { } weak) return Failed(weak);
        if (token is null && !ways.Freely) return Failed("A registration token is needed.");
        return token is not null && !await gate.AcceptsAsync(ways, token, stop)
            ? Failed("The registration token is not valid.")
            : new UserResult<string>(userId);
    }

    /// <summary>Creates an account without a device; otherwise the failure's sentence is for the user.</summary>
    /// <param name="userId">The user id, which <see cref="JudgeAsync"/> has accepted with the rest.</param>
    /// <param name="password">The password.</param>
    /// <param name="token">The registration token; null for none.</param>
    /// <param name="accepted">The policies that the user accepted.</param>
    /// <param name="proved">The addresses that the user confirmed.</param>
    /// <param name="by">Who asks for it.</param>
    public async ValueTask<UserResult<UserRow>> CreateAsync(
        string userId,
        string password,
        string? token,
        IReadOnlyList<AcceptedPolicy> accepted,
        IReadOnlyList<ValidationSessionRow> proved,
        HashRequester by,
        CancellationToken stop)
    {
        if (await hasher.HashAsync(password, by, stop) is not { } hash)
        {
            return new UserFailure(UserFailureKind.Busy, "The server is busy. Try again in a few seconds.");
        }

        var additions = identifiers.AdditionsOf(userId, proved);
        var account = new NewAccount(userId, hash)
        {
            RegistrationToken = token,
            Accepted = accepted,
            Conditions = additions,
        };
        var created = await registrations.CreateAsync(account, stop);
        if (!created.IsOk)
        {
            return created.Failure.Kind == UserFailureKind.UserInUse && additions.Any(static each => !each.Applied)
                ? Failed("An address cannot be used any more.")
                : created.Failure;
        }

        return await accountsTable.FindUserAsync(userId, stop) is { } user
            ? user
            : Failed("The account has ended.");
    }

    private static UserFailure Failed(string sentence) => new(UserFailureKind.InvalidParam, sentence);
}
