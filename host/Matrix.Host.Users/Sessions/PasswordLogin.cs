using Matrix.Core.Ident;
using Matrix.Host.Sodium;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
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

/// <summary>Checks passwords, at a limited rate. A check takes as long for users that do not exist.</summary>
public sealed class PasswordLogin(
    IStorage storage, PasswordHasher hasher, IGuessLimits limits, KnownLogins known, UsersOptions options)
{
    private const int Longest = 512;

    private static readonly PasswordCheck _wrong = new PasswordCheck.Wrong();

    /// <summary>Checks a user's password; null stands for an unknown user.</summary>
    public async ValueTask<PasswordCheck> CheckAsync(
        string? userId, string password, string address, CancellationToken stop)
    {
        var isOurs = userId is not null && UserId.isValid(userId) && UserId.server(userId) == options.ServerName;
        var user = isOurs ? await FindAsync(userId!, stop).ConfigureAwait(false) : null;

        // Counted by user, whatever the spelling, existing or not. Other user ids are counted by address only.
        var counted = user?.UserId ?? (isOurs ? InLowerCase(userId!) : null);
        return counted is not null && Take(counted, address) is { Ticks: > 0 } wait
            ? new PasswordCheck.TooMany(wait)
            : await CheckAsync(user, password, address, stop).ConfigureAwait(false);
    }

    /// <summary>
    /// Checks the password of the user who has a mail address or phone number; null stands for one that nobody has.
    /// </summary>
    public async ValueTask<PasswordCheck> CheckAsync(
        ThirdPartyId? id, string password, string address, CancellationToken stop)
    {
        var owner = id is { } given
            ? await storage.ThirdPartyIds.FindAsync(given.Medium, given.Address, stop).ConfigureAwait(false)
            : null;
        var user = owner is null
            ? null
            : await storage.Accounts.FindUserAsync(owner.UserId, stop).ConfigureAwait(false);

        // Counted by what was given, whether or not anybody has it.
        if (id is { } counted)
        {
            var wait = user is not null && known.Knows(user.UserId, address)
                ? limits.TakeKnown(user.UserId, address)
                : limits.Take($"{counted.Medium} {counted.Address}");
            if (wait > TimeSpan.Zero) return new PasswordCheck.TooMany(wait);
        }

        return await CheckAsync(user, password, address, stop).ConfigureAwait(false);
    }

    private async ValueTask<PasswordCheck> CheckAsync(
        UserRow? user, string password, string address, CancellationToken stop)
    {
        if (password.Length > Longest) return _wrong;

        var hash = user is { DeactivatedAt: null } ? user.PasswordHash : null;
        var right = hash is null
            ? await hasher.VerifyNobodyAsync(password, stop).ConfigureAwait(false)
            : await hasher.VerifyAsync(hash, password, stop).ConfigureAwait(false);

        if (right is null) return new PasswordCheck.TooMany(TimeSpan.FromSeconds(2));
        if (right is false) return _wrong;
        known.Remember(user!.UserId, address);
        return new PasswordCheck.Right(
            hasher.IsOutdated(hash!) ? await RenewAsync(user, password, stop).ConfigureAwait(false) : user);
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

    // Guesses from other addresses do not use up the attempts from addresses where the user logged in.
    private TimeSpan Take(string userId, string address) => known.Knows(userId, address)
        ? limits.TakeKnown(userId, address)
        : limits.Take(userId);

    // Users capitalise their names, but new user ids are in lower case.
    private async ValueTask<UserRow?> FindAsync(string userId, CancellationToken stop)
    {
        if (await storage.Accounts.FindUserAsync(userId, stop).ConfigureAwait(false) is { } user) return user;
        var lower = InLowerCase(userId);
        return lower == userId ? null : await storage.Accounts.FindUserAsync(lower, stop).ConfigureAwait(false);
    }

    private string InLowerCase(string userId) =>
        UserId.make(UserId.localpart(userId).ToLowerInvariant(), options.ServerName);

    /// <summary>Rehashes the password at today's cost, unless it has changed since.</summary>
    private async ValueTask<UserRow> RenewAsync(UserRow user, string password, CancellationToken stop)
    {
        if (await hasher.HashAsync(password, stop).ConfigureAwait(false) is not { } hash) return user;
        var batch = new WriteBatch()
            .Require(new PasswordIs(user.UserId, user.PasswordHash!))
            .Require(new PasswordChanged(user.UserId, hash));
        var receipt = await storage.Writer.WriteAsync(batch, stop).ConfigureAwait(false);
        return receipt.Refused ? user : user with { PasswordHash = hash };
    }
}

/// <summary>Limits password attempts.</summary>
public interface IGuessLimits
{
    /// <summary>Counts an attempt. Returns the time to wait if there were too many, otherwise zero.</summary>
    TimeSpan Take(string userId);

    /// <summary>
    /// Counts an attempt from an address where the user recently logged in, which has a limit of its own.
    /// </summary>
    TimeSpan TakeKnown(string userId, string address);
}
