using Matrix.Core.Ident;
using Matrix.Host.Crypto;
using Matrix.Host.Network;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.ThirdPartyIds;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Users.Sessions;

/// <summary>The result of a password check.</summary>
public abstract record PasswordCheck
{
    private PasswordCheck()
    {
    }

    /// <summary>The password is the user's. A write that relies on it must require the row's hash.</summary>
    public sealed record Right(UserRow User) : PasswordCheck
    {
        /// <summary>The proof that the password gives.</summary>
        public LoginProof Proof => new(User.UserId, [new PasswordIs(User.UserId, User.PasswordHash!)]);
    }

    /// <summary>The password is wrong, or no such user can log in; clients do not learn which.</summary>
    public sealed record Wrong : PasswordCheck;

    /// <summary>There were too many attempts, for this user or in total.</summary>
    public sealed record TooMany(TimeSpan Wait) : PasswordCheck;
}

/// <summary>Where a password comes from.</summary>
/// <param name="Address">The address of the request.</param>
/// <param name="UserId">The user whose token or browser session the request has; null for none.</param>
public sealed record PasswordAttempt(string Address, string? UserId)
{
    /// <summary>By whom attempts are counted.</summary>
    public string Who => UserId ?? AddressBlock.Of(Address);

    /// <summary>By whom the places of the queue are counted.</summary>
    public HashRequester Requester => new(UserId, AddressBlock.Of(Address));
}

/// <summary>Checks passwords, at a limited rate. A check takes as long for users that do not exist.</summary>
public sealed class PasswordLogin(
    IAccountsTable accountsTable,
    ThirdPartyIdsTable thirdPartyIdsTable,
    IStorageWriter writer,
    PasswordHasher hasher,
    IGuessLimits limits,
    KnownLogins known,
    UsersOptions options)
{
    private const int Longest = 512;

    private static readonly PasswordCheck _wrong = new PasswordCheck.Wrong();

    /// <summary>Checks a user's password; null stands for an unknown user.</summary>
    public async ValueTask<PasswordCheck> CheckAsync(
        string? userId, string password, PasswordAttempt attempt, CancellationToken stop)
    {
        var isOurs = userId is not null && UserId.IsValid(userId) && UserId.Server(userId) == options.ServerName;
        var user = isOurs ? await FindAsync(userId!, stop) : null;

        // Counted by user, whatever the spelling, existing or not. Other user ids are counted by caller only.
        var counted = user?.UserId ?? (isOurs ? InLowerCase(userId!) : null);
        return Take(counted, counted, attempt) is { Ticks: > 0 } wait
            ? new PasswordCheck.TooMany(wait)
            : await CheckAsync(user, password, attempt, stop);
    }

    /// <summary>
    /// Checks the password of the user who has a mail address or phone number; null stands for one that nobody has.
    /// </summary>
    /// <param name="id">The address or number.</param>
    /// <param name="demanded">The only user whose password counts; null for any.</param>
    public async ValueTask<PasswordCheck> CheckAsync(
        ThirdPartyId? id, string password, PasswordAttempt attempt, string? demanded, CancellationToken stop)
    {
        var owner = id is { } named
            ? await thirdPartyIdsTable.FindAsync(named.Medium, named.Address, stop)
            : null;
        var user = owner is null
            ? null
            : await accountsTable.FindUserAsync(owner.UserId, stop);

        // Counted by what was given, whether or not anybody has it: otherwise the limit would tell whose address it is.
        // Whoever acts as a user has that user's tries, however the user is named.
        var counted = demanded ?? (id is { } given ? $"{given.Medium} {given.Address}" : null);
        if (Take(demanded ?? user?.UserId, counted, attempt) is { Ticks: > 0 } wait)
        {
            return new PasswordCheck.TooMany(wait);
        }

        // Users know their own addresses, so that nobody learns anything from the time that this does not take.
        return demanded is not null && user?.UserId != demanded
            ? _wrong
            : await CheckAsync(user, password, attempt, stop);
    }

    private async ValueTask<PasswordCheck> CheckAsync(
        UserRow? user, string password, PasswordAttempt attempt, CancellationToken stop)
    {
        if (password.Length > Longest) return _wrong;

        var hash = user is { DeactivatedAt: null } ? user.PasswordHash : null;
        var right = hash is null
            ? await hasher.VerifyNobodyAsync(password, attempt.Requester, stop)
            : await hasher.VerifyAsync(hash, password, attempt.Requester, stop);

        if (right is null) return new PasswordCheck.TooMany(TimeSpan.FromSeconds(2));
        if (right is false) return _wrong;
        known.Remember(user!.UserId, attempt.Address);
        return new PasswordCheck.Right(
            hasher.IsOutdated(hash!) ? await RenewAsync(user, password, attempt, stop) : user);
    }

    /// <summary>What a new password must have, as a sentence.</summary>
    public string Rule => $"A password has at least {options.ShortestPassword} characters.";

    /// <summary>Why a new password is refused, as a sentence; null if it is accepted.</summary>
    public string? Judge(string password) => password.Length switch
    {
        > Longest => $"A password has at most {Longest} characters.",
        _ when password.Length < options.ShortestPassword => Rule,
        _ => null,
    };

    /// <summary>
    /// Why a password chosen by an administrator is refused; null if it is accepted. It may be weak.
    /// </summary>
    public static string? JudgeOfAdministrator(string password) =>
        password.Length is 0 or > Longest ? $"A password has 1 to {Longest} characters." : null;

    /// <summary>Counts an attempt, by who makes it and by whom it is about.</summary>
    /// <param name="userId">The user whom it is about; null for nobody.</param>
    /// <param name="counted">What the attempts at one user are counted by; null for an attempt at nobody.</param>
    private TimeSpan Take(string? userId, string? counted, PasswordAttempt attempt)
    {
        // Guesses from other addresses do not use up the attempts from addresses where the user logged in.
        if (userId is not null && known.Knows(userId, attempt.Address))
        {
            return limits.TakeKnown(userId, attempt.Address);
        }

        var wait = limits.TakeAttempt(attempt.Who);
        return wait > TimeSpan.Zero || counted is null ? wait : limits.Take(counted);
    }

    // Users capitalise their names, but new user ids are in lower case.
    private async ValueTask<UserRow?> FindAsync(string userId, CancellationToken stop)
    {
        if (await accountsTable.FindUserAsync(userId, stop) is { } user) return user;
        var lower = InLowerCase(userId);
        return lower == userId ? null : await accountsTable.FindUserAsync(lower, stop);
    }

    private string InLowerCase(string userId) =>
        UserId.Make(UserId.Localpart(userId).ToLowerInvariant(), options.ServerName);

    /// <summary>Rehashes the password at today's cost, unless it has changed since.</summary>
    private async ValueTask<UserRow> RenewAsync(
        UserRow user, string password, PasswordAttempt attempt, CancellationToken stop)
    {
        var rehashed = await hasher.HashAsync(password, attempt.Requester, stop);
        if (rehashed is not { } hash) return user;
        var batch = new WriteBatch(Authority.Nobody)
            .Require(new PasswordIs(user.UserId, user.PasswordHash!))
            .Require(new PasswordChanged(user.UserId, hash));
        var receipt = await writer.WriteAsync(batch, stop);
        return receipt.Refused ? user : user with { PasswordHash = hash };
    }
}

/// <summary>Limits attempts at what is costly to check: passwords and captchas.</summary>
public interface IGuessLimits
{
    /// <summary>
    /// Counts an attempt by who makes it, a user or an address. Returns the time to wait if there were too many,
    /// otherwise zero.
    /// </summary>
    TimeSpan TakeAttempt(string who);

    /// <summary>
    /// Counts an attempt at one user's password. Returns the time to wait if there were too many, otherwise zero.
    /// </summary>
    TimeSpan Take(string userId);

    /// <summary>
    /// Counts an attempt from an address where the user recently logged in, which has a limit of its own.
    /// </summary>
    TimeSpan TakeKnown(string userId, string address);
}
