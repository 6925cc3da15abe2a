using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.SingleSignOn;
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

    /// <summary>The provider that the user signed in at; null for none.</summary>
    public SsoOrigin? Origin { get; init; }

    /// <summary>The proof for a login of a device.</summary>
    public LoginProof Proof => new(UserId, [NewCondition()]) { Origin = Origin };

    /// <summary>The id only.</summary>
    public override string ToString() => UserId;
}

/// <summary>
/// The browsers that are signed in, by their session's cookie: in memory, for a limited time. They are no devices. The
/// oldest are dropped first.
/// </summary>
public sealed class BrowserSignIns : IChangeConsumer
{
    private readonly IAccountsTable _accountsTable;
    private readonly AccountLocks _locks;
    private readonly TimeProvider _clock;
    private readonly BrowserStore<BrowserSignIn> _browsers;

    /// <summary>
    /// Nobody is signed in. Commits that log a user out everywhere, or end a provider's sessions, sign browsers out.
    /// </summary>
    public BrowserSignIns(
        IAccountsTable accountsTable,
        IStorageWriter writer,
        AccountLocks locks,
        ShardGates gates,
        OAuthOptions options,
        TimeProvider clock)
    {
        (_accountsTable, _locks, _clock) = (accountsTable, locks, clock);
        _browsers = new BrowserStore<BrowserSignIn>(
            gates,
            options.SignInLifetime,
            options.SignIns,
            options.SignInsOfUser,
            static signIn => signIn.UserId,
            clock);
        writer.AddConsumer(this);
    }

    /// <summary>Signs a browser in.</summary>
    /// <param name="session">Its session, which began just now: nobody else knows it.</param>
    /// <param name="user">The user, who proved who they are.</param>
    /// <param name="origin">The provider that proved it; null for none.</param>
    public void Begin(string session, UserRow user, SsoOrigin? origin = null)
    {
        _browsers.Begin(
            session, new BrowserSignIn(user.UserId, user.PasswordHash, _clock.GetUtcNow()) { Origin = origin });
    }

    /// <summary>
    /// The user who is signed in; null for nobody. A user who was deactivated, locked, or has another password since is
    /// not.
    /// </summary>
    public async ValueTask<BrowserSignIn?> FindAsync(string session, CancellationToken stop)
    {
        if (_browsers.Find(session) is not { } signIn) return null;
        var user = await _accountsTable.FindUserAsync(signIn.UserId, stop);
        if (user is { DeactivatedAt: null }
            && user.PasswordHash == signIn.PasswordHash
            && await _locks.OfUserAsync(user, stop) is null)
        {
            return signIn with { IsSuspended = user.IsSuspended };
        }

        End(session);
        return null;
    }

    /// <summary>Signs a browser out.</summary>
    public void End(string session) => _browsers.End(session);

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (change is OtherDevicesDeleted { Except: null, UserId: var userId })
        {
            _browsers.EndWhere(signIn => signIn.UserId == userId);
        }
        else if (change is SsoGrantsRevoked revoked)
        {
            _browsers.EndWhere(signIn =>
                signIn.Origin is { } origin && revoked.Ends(signIn.UserId, origin.Issuer, origin.Session));
        }
    }

    /// <inheritdoc/>
    public void Missed(long through) => _browsers.EndWhere(static _ => true);
}
