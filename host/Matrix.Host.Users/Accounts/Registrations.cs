using Matrix.Core.Json;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Policies;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Users.Profiles;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Users.Accounts;

/// <summary>An account to create.</summary>
/// <param name="UserId">The user id, which <see cref="Usernames"/> has accepted.</param>
/// <param name="PasswordHash">The hash of the password; null for a user without one.</param>
public sealed record NewAccount(string UserId, string? PasswordHash)
{
    /// <summary>The kind of the account.</summary>
    public UserKind Kind { get; init; } = UserKind.User;

    /// <summary>Whether the user administers the server, whatever the registration token says.</summary>
    public bool IsAdmin { get; init; }

    /// <summary>The display name; null or empty for none.</summary>
    public string? DisplayName { get; init; }

    /// <summary>The registration token that is used up by this; null if none is needed.</summary>
    public string? RegistrationToken { get; init; }

    /// <summary>The login that goes with the registration; null for none.</summary>
    public LoginWish? Login { get; init; }

    /// <summary>The policies that the user accepted.</summary>
    public IReadOnlyList<AcceptedPolicy> Accepted { get; init; } = [];

    /// <summary>What in memory allows the account to be made once, such as a session of authentication.</summary>
    public Authority Authority { get; init; }

    /// <summary>Must hold when the account is written.</summary>
    public IReadOnlyList<ConditionalChange> Conditions { get; init; } = [];
}

/// <summary>An account that was created.</summary>
/// <param name="UserId">The user id.</param>
/// <param name="Login">The login, if one was wanted.</param>
public sealed record Registered(string UserId, IssuedLogin? Login);

/// <summary>Creates accounts. v1.19 client-server-api#legacy-account-registration</summary>
public sealed class Registrations(IAccountsTable accountsTable, IStorageWriter writer, Logins logins)
{
    /// <summary>The failure of a registration whose token was used up meanwhile.</summary>
    public static UserFailure TokenUsedUp { get; } = new(
        UserFailureKind.RegistrationTokenUsedUp, "The registration token has been used up.");

    /// <summary>Creates an account with all that belongs to it, or nothing.</summary>
    /// <param name="account">The account.</param>
    /// <param name="condition">Must hold when the account is written; null for none.</param>
    public async ValueTask<UserResult<Registered>> CreateAsync(
        NewAccount account, CancellationToken stop, ConditionalChange? condition = null)
    {
        var token = account.RegistrationToken;
        var isAdmin = account.IsAdmin
            || (token is not null
                && await accountsTable.FindRegistrationTokenAsync(token, stop)
                    is { MakesAdmin: true });
        var redemption = token is null ? null : new RegistrationTokenRedeemed(token);

        // The token comes first: the first user's token is valid only while there is no user.
        var batch = new WriteBatch(account.Authority, 4);
        if (condition is not null) batch.Require(condition);
        if (redemption is not null) batch.Require(redemption);
        foreach (var also in account.Conditions) batch.Require(also);
        batch.Require(new UserCreated(account.UserId, account.Kind, account.PasswordHash, isAdmin));
        if (account.DisplayName is { Length: > 0 } name)
        {
            var value = Json.Of(name);
            if (ProfileFields.JudgeValue(ProfileFields.DisplayName, value) is { } wrong) return wrong;
            batch.Add(new ProfileFieldChanged(account.UserId, ProfileFields.DisplayName, CanonicalJson.Bytes(value)));
        }

        foreach (var accepted in account.Accepted) batch.Add(new PolicyAccepted(account.UserId, accepted));
        var login = account.Login is { } wish
            ? logins.Add(batch, account.UserId, wish, byService: account.Kind == UserKind.AppService)
            : null;
        var receipt = await writer.WriteAsync(batch, stop);
        if (!receipt.Refused) return new Registered(account.UserId, login);
        return redemption is { Applied: false }
            ? TokenUsedUp
            : new UserFailure(UserFailureKind.UserInUse, "The user id is already taken.");
    }
}
