using Matrix.Core.Ident;
using Matrix.Host.Sodium;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Users.Sessions;

/// <summary>What came of a password.</summary>
public abstract record PasswordCheck
{
    private PasswordCheck()
    {
    }

    /// <summary>It is that user's. What is granted for it requires that the row's hash still is the user's.</summary>
    public sealed record Right(UserRow User) : PasswordCheck
    {
        /// <summary>The proof that the password gives.</summary>
        public LoginProof Proof => new(User.UserId, [new PasswordIs(User.UserId, User.PasswordHash!)]);
    }

    /// <summary>It is not, or there is no such user, or none who may log in: who asks is not told which.</summary>
    public sealed record Wrong : PasswordCheck;

    /// <summary>Too many try, for this user or at all.</summary>
    public sealed record TooMany(TimeSpan Wait) : PasswordCheck;
}

/// <summary>Checks passwords: as slowly for users that do not exist, and not too often for any one.</summary>
public sealed class PasswordLogin(
    IStorage storage, PasswordHasher hasher, IGuessLimits limits, KnownLogins known, UsersOptions options)
{
    private const int Longest = 512;

    private static readonly PasswordCheck _wrong = new PasswordCheck.Wrong();

    /// <summary>Whether this is the password of that user; null stands for a user whom we do not know.</summary>
    public async ValueTask<PasswordCheck> CheckAsync(string? userId, string password, string address, CancellationToken stop)
    {
        var isOurs = userId is not null && UserId.isValid(userId) && UserId.server(userId) == options.ServerName;
        var user = isOurs ? await FindAsync(userId!, stop).ConfigureAwait(false) : null;

        // Counted for the user, whatever the spelling; for users who do not exist just so. What cannot be a user of
        // ours is counted by address.
        var counted = user?.UserId ?? (isOurs ? InLowerCase(userId!) : null);
        if (counted is not null && Take(counted, address) is { Ticks: > 0 } wait) return new PasswordCheck.TooMany(wait);
        if (password.Length > Longest) return _wrong;

        var hash = user is { DeactivatedAt: null } ? user.PasswordHash : null;
        var right = hash is null
            ? await hasher.VerifyNobodyAsync(password, stop).ConfigureAwait(false)
            : await hasher.VerifyAsync(hash, password, stop).ConfigureAwait(false);

        if (right is null) return new PasswordCheck.TooMany(TimeSpan.FromSeconds(2));
        if (right is false) return _wrong;
        known.Remember(user!.UserId, address);
        return new PasswordCheck.Right(hasher.IsOutdated(hash!) ? await RenewAsync(user, password, stop).ConfigureAwait(false) : user);
    }

    /// <summary>What is wrong with a new password, in a sentence; null if nothing is.</summary>
    public string? Judge(string password) => password.Length switch
    {
        > Longest => $"A password has at most {Longest} characters.",
        _ when password.Length < options.ShortestPassword => $"A password has at least {options.ShortestPassword} characters.",
        _ => null,
    };

    /// <summary>What is wrong with a password that an administrator chose: how weak it may be is theirs to say.</summary>
    public static string? JudgeOfAdministrator(string password) =>
        password.Length is 0 or > Longest ? $"A password has 1 to {Longest} characters." : null;

    // Whoever guesses from elsewhere cannot use up the tries of those who logged in from their address.
    private TimeSpan Take(string userId, string address) => known.Knows(userId, address)
        ? limits.TakeKnown(userId, address)
        : limits.Take(userId);

    // People capitalise their names; new user ids are in lower case.
    private async ValueTask<UserRow?> FindAsync(string userId, CancellationToken stop)
    {
        if (await storage.Accounts.FindUserAsync(userId, stop).ConfigureAwait(false) is { } user) return user;
        var lower = InLowerCase(userId);
        return lower == userId ? null : await storage.Accounts.FindUserAsync(lower, stop).ConfigureAwait(false);
    }

    private string InLowerCase(string userId) => UserId.make(UserId.localpart(userId).ToLowerInvariant(), options.ServerName);

    /// <summary>The user with a hash at today's cost; as they were if their password has changed meanwhile.</summary>
    private async ValueTask<UserRow> RenewAsync(UserRow user, string password, CancellationToken stop)
    {
        if (await hasher.HashAsync(password, stop).ConfigureAwait(false) is not { } hash) return user;
        var batch = new WriteBatch().Require(new PasswordIs(user.UserId, user.PasswordHash!)).Require(new PasswordChanged(user.UserId, hash));
        var receipt = await storage.Writer.WriteAsync(batch, stop).ConfigureAwait(false);
        return receipt.Refused ? user : user with { PasswordHash = hash };
    }
}
