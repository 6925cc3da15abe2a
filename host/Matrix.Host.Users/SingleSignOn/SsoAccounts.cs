using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Policies;
using Matrix.Host.Storage.Tables.SingleSignOn;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Users.SingleSignOn;

/// <summary>The account of a person who signed in at a provider.</summary>
public abstract record SsoAccount
{
    private SsoAccount()
    {
    }

    /// <summary>They have one.</summary>
    public sealed record Known(UserRow User) : SsoAccount;

    /// <summary>They may have a new one.</summary>
    /// <param name="Name">A name for it; empty if the provider's cannot be used.</param>
    /// <param name="Problem">Why the provider's name cannot be theirs; null if it can.</param>
    public sealed record Newcomer(string Name, UsernameProblem? Problem) : SsoAccount;

    /// <summary>They have none, for this reason.</summary>
    public sealed record None(string Message) : SsoAccount;
}

/// <summary>
/// Finds, links and creates the accounts of people who signed in at a provider.
/// v1.19 client-server-api#handling-the-callback-from-the-authentication-server
/// </summary>
public sealed class SsoAccounts(
    IAccountsTable accountsTable,
    ISingleSignOnTable singleSignOnTable,
    IStorageWriter writer,
    AccountLocks locks,
    Usernames usernames,
    Registrations registrations,
    UsersOptions options)
{
    private const string NameSigns = "._=-/+";

    private static readonly SsoAccount _ended = new SsoAccount.None("This account has been deactivated.");

    /// <summary>The user id of a person; null if they have no account.</summary>
    public ValueTask<string?> FindUserIdAsync(ProviderIdentity identity, CancellationToken stop) =>
        singleSignOnTable.FindUserAsync(identity.Provider.Issuer, identity.Subject, stop);

    /// <summary>The account of a person.</summary>
    public async ValueTask<SsoAccount> FindAsync(ProviderIdentity identity, CancellationToken stop)
    {
        var provider = identity.Provider;
        var userId = await FindUserIdAsync(identity, stop);
        if (userId is not null) return await JudgeAsync(userId, stop);

        var name = NameOf(identity);
        var (id, problem) = await usernames.FreeUserIdOfAsync(name, stop);
        if (provider.LinksUsers && problem == UsernameProblem.InUse)
        {
            var namesake = usernames.UserIdOf(name).UserId;
            if (!await IsLinkedAsync(namesake, provider, stop))
            {
                return await LinkAsync(identity, namesake, stop);
            }
        }

        return provider.CreatesUsers
            ? new SsoAccount.Newcomer(id.Length > 0 || problem == UsernameProblem.InUse ? name : Usable(name), problem)
            : new SsoAccount.None("You have no account on this server.");
    }

    /// <summary>Creates the account of a person; otherwise the failure's sentence is for them.</summary>
    /// <param name="identity">The person.</param>
    /// <param name="name">The name that they chose.</param>
    /// <param name="accepted">The policies that they accepted.</param>
    public async ValueTask<UserResult<UserRow>> CreateAsync(
        ProviderIdentity identity, string name, IReadOnlyList<AcceptedPolicy> accepted, CancellationToken stop)
    {
        if (!identity.Provider.CreatesUsers) return Failed("You have no account on this server.");
        var (userId, problem) = await usernames.FreeUserIdOfAsync(name, stop);
        if (problem is { } why) return Failed(why.ToSentence());
        var link = new SsoIdentityLinked(identity.Provider.Issuer, identity.Subject, userId);
        var account = new NewAccount(userId, PasswordHash: null)
        {
            DisplayName = Shortened(identity.Provider.DisplayName.Fill(identity.Claims)),
            Accepted = accepted,
            Conditions = [link],
        };
        var created = await registrations.CreateAsync(account, stop);
        if (!created.IsOk)
        {
            return link.Applied ? created.Failure : Failed("You have an account already. Sign in again.");
        }

        return await accountsTable.FindUserAsync(userId, stop) is { } user
            ? user
            : Failed("The account has ended.");
    }

    /// <summary>The providers at which a user can sign in, of those that are configured.</summary>
    public async ValueTask<IReadOnlyList<SsoProvider>> ProvidersOfAsync(
        string userId, SsoOptions sso, CancellationToken stop)
    {
        if (sso.Providers.Count == 0) return [];
        var identities = await singleSignOnTable.IdentitiesAsync(userId, stop);
        return [.. sso.Providers.Where(provider => identities.Any(identity => identity.Issuer == provider.Issuer))];
    }

    private async ValueTask<SsoAccount> JudgeAsync(string userId, CancellationToken stop)
    {
        var user = await accountsTable.FindUserAsync(userId, stop);
        if (user is not { DeactivatedAt: null }) return _ended;
        return await locks.OfUserAsync(user, stop) is { } locked
            ? new SsoAccount.None(locked.Message)
            : new SsoAccount.Known(user);
    }

    /// <summary>
    /// Whether somebody at a provider has an account. Another person of the same name there is not its owner: OpenID
    /// Connect Core 1.0, "Claim Stability and Uniqueness".
    /// </summary>
    private async ValueTask<bool> IsLinkedAsync(string userId, SsoProvider provider, CancellationToken stop)
    {
        var identities = await singleSignOnTable.IdentitiesAsync(userId, stop);
        return identities.Any(identity => identity.Issuer == provider.Issuer);
    }

    /// <summary>Gives a person the account that has their name, if it is an ordinary user's.</summary>
    private async ValueTask<SsoAccount> LinkAsync(ProviderIdentity identity, string userId, CancellationToken stop)
    {
        if (await JudgeAsync(userId, stop) is not SsoAccount.Known known) return _ended;
        if (known.User.Kind != UserKind.User) return new SsoAccount.None("The account of your name is not a person's.");
        var batch = new WriteBatch(Authority.Nobody, 2)
            .Require(new UserIsActive(userId))
            .Require(new SsoIdentityLinked(identity.Provider.Issuer, identity.Subject, userId));
        return (await writer.WriteAsync(batch, stop)).Refused
            ? new SsoAccount.None("The account has changed. Sign in again.")
            : known;
    }

    private string NameOf(ProviderIdentity identity)
    {
        var name = identity.Provider.Localpart.Fill(identity.Claims).ToLowerInvariant();
        return name.Length <= 255 - options.ServerName.Length ? name : "";
    }

    /// <summary>What of a provider's name can be in a user name, for the person to change.</summary>
    private static string Usable(string name) => string.Concat(
        name.Where(static c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || NameSigns.Contains(c)));

    private static string Shortened(string name) => name.Length <= 255 ? name : "";

    private static UserFailure Failed(string sentence) => new(UserFailureKind.InvalidParam, sentence);
}
