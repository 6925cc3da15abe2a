using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Users.Administration;

/// <summary>An administrator who is signed in on the admin page.</summary>
/// <param name="UserId">The administrator.</param>
/// <param name="PasswordHash">The password's hash: another one ends the sign-in.</param>
/// <param name="ConfirmedAt">When the password was given last.</param>
public sealed record AdminSignIn(string UserId, string? PasswordHash, DateTimeOffset ConfirmedAt)
{
    /// <summary>The id only.</summary>
    public override string ToString() => UserId;
}

/// <summary>
/// The browsers in which administrators are signed in on the admin page: in memory, for a limited time. They are no
/// devices, and have no access tokens.
/// </summary>
public sealed class AdminSignIns(
    IAccountsTable accountsTable,
    PasswordLogin passwords,
    AccountLocks locks,
    AuditLog audit,
    ShardGates gates,
    AdminOptions options,
    TimeProvider clock)
{
    private const string TooMany = "There were too many attempts. Wait a moment and try again.";

    private readonly BrowserStore<AdminSignIn> _browsers = new(
        gates, options.SignInLifetime, options.SignIns, options.SignIns, static signIn => signIn.UserId, clock);

    /// <summary>
    /// Finds an administrator by user id and password. The answer to anybody else is the same: it does not say whether
    /// the user exists, whether the password is right, or whether the user is an administrator.
    /// </summary>
    /// <returns>The administrator, or why not, as a sentence, and whether it is because of too many attempts.</returns>
    public async ValueTask<(UserRow? User, string Problem, bool IsTooMany)> CheckAsync(
        string userId, string password, string address, CancellationToken stop) =>
        await passwords.CheckAsync(
            userId, password, new PasswordAttempt(address, UserId: null), stop) switch
        {
            PasswordCheck.Right(var user) when await MayAdministerAsync(user, stop) =>
                (user, "", false),
            PasswordCheck.TooMany => (null, TooMany, true),
            _ => (null, "The user name or the password is wrong, or this user does not administer the server.", false),
        };

    /// <summary>Signs an administrator in, who proved who they are. Recorded in the audit log.</summary>
    /// <param name="session">The browser's session, which began just now: nobody else knows it.</param>
    /// <param name="user">The administrator.</param>
    /// <param name="address">The address of the request.</param>
    public async ValueTask BeginAsync(string session, UserRow user, string address)
    {
        await audit.RecordAsync(new AdminActor(user.UserId, address), "page.sign_in", user.UserId);
        _browsers.Begin(session, new AdminSignIn(user.UserId, user.PasswordHash, clock.GetUtcNow()));
    }

    /// <summary>
    /// The administrator who is signed in with a session; null for nobody, or if they lost the right, the account ended
    /// or is locked or suspended, or has another password.
    /// </summary>
    public async ValueTask<AdminSignIn?> FindAsync(string session, CancellationToken stop)
    {
        if (_browsers.Find(session) is not { } signIn) return null;
        var user = await accountsTable.FindUserAsync(signIn.UserId, stop);
        if (user is not null
            && user.PasswordHash == signIn.PasswordHash
            && await MayAdministerAsync(user, stop))
        {
            return signIn;
        }

        End(session);
        return null;
    }

    /// <summary>Whether the administrator gave the password a short time ago.</summary>
    public bool IsConfirmed(AdminSignIn user) =>
        clock.GetUtcNow() - user.ConfirmedAt < options.ConfirmedFor;

    /// <summary>
    /// Checks the password again, before what cannot be undone. Null if it is right; otherwise why not, as a sentence.
    /// </summary>
    public async ValueTask<string?> ConfirmAsync(
        string session, AdminSignIn user, string password, string address, CancellationToken stop)
    {
        var attempt = new PasswordAttempt(address, user.UserId);
        switch (await passwords.CheckAsync(user.UserId, password, attempt, stop))
        {
            case PasswordCheck.Right(var row):
                // A hash at an earlier cost is renewed with the check.
                var confirmed = user with { PasswordHash = row.PasswordHash, ConfirmedAt = clock.GetUtcNow() };
                _browsers.Change(session, _ => confirmed);
                return null;
            case PasswordCheck.TooMany:
                return TooMany;
            default:
                return "The password is wrong.";
        }
    }

    /// <summary>Signs a browser out.</summary>
    public void End(string session) => _browsers.End(session);

    private async ValueTask<bool> MayAdministerAsync(UserRow user, CancellationToken stop) =>
        user is { IsAdmin: true, Kind: UserKind.User, DeactivatedAt: null, IsSuspended: false }
        && await locks.OfUserAsync(user, stop) is null;
}
