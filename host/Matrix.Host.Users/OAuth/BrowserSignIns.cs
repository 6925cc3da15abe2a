using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Users.OAuth;

/// <summary>A user who is signed in on this server's pages.</summary>
/// <param name="UserId">The user.</param>
/// <param name="PasswordHash">The password's hash if the user has one: another one ends the sign-in.</param>
/// <param name="At">When the user authenticated.</param>
public sealed record BrowserSignIn(string UserId, string? PasswordHash, DateTimeOffset At)
{
    /// <summary>
    /// A new condition that the sign-in still holds, which every write that it authorises must require.
    /// </summary>
    public ConditionalChange NewCondition() =>
        PasswordHash is null ? new UserIsActive(UserId) : new PasswordIs(UserId, PasswordHash);

    /// <summary>Whether an administrator suspended the account.</summary>
    public bool IsSuspended { get; init; }

    /// <summary>The id only.</summary>
    public override string ToString() => UserId;
}

/// <summary>
/// The browsers that are signed in, by their session's cookie: in memory, for a limited time. They are no devices. The
/// oldest are dropped first.
/// </summary>
public sealed class BrowserSignIns(IStorage storage, AccountLocks locks, OAuthOptions options, TimeProvider clock)
{
    private readonly BrowserStore<BrowserSignIn> _browsers = new(options.SignInLifetime, options.SignIns, clock);

    /// <summary>Signs a browser in.</summary>
    /// <param name="session">Its session, which began just now: nobody else knows it.</param>
    /// <param name="user">The user, who proved who they are.</param>
    public void Begin(string session, UserRow user)
    {
        ArgumentNullException.ThrowIfNull(user);
        _browsers.Begin(session, new BrowserSignIn(user.UserId, user.PasswordHash, clock.GetUtcNow()));
    }

    /// <summary>
    /// The user who is signed in with a session; null for nobody, or if the account ended, is locked, or has another
    /// password.
    /// </summary>
    public async ValueTask<BrowserSignIn?> FindAsync(string session, CancellationToken stop)
    {
        if (_browsers.Find(session) is not { } signIn) return null;
        var user = await storage.Accounts.FindUserAsync(signIn.UserId, stop).ConfigureAwait(false);
        if (user is { DeactivatedAt: null }
            && user.PasswordHash == signIn.PasswordHash
            && await locks.OfUserAsync(user, stop).ConfigureAwait(false) is null)
        {
            return signIn with { IsSuspended = user.IsSuspended };
        }

        End(session);
        return null;
    }

    /// <summary>Signs a browser out.</summary>
    public void End(string session) => _browsers.End(session);
}
