using Matrix.Core.Ident;
using Matrix.Host.Api.Http;
using Matrix.Host.Sodium;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Api.Client.Login;

/// <summary>What came of a password.</summary>
internal abstract record PasswordCheck
{
    private PasswordCheck()
    {
    }

    /// <summary>It is that user's.</summary>
    internal sealed record Right(UserRow User) : PasswordCheck;

    /// <summary>It is not, or there is no such user, or none who may log in: who asks is not told which.</summary>
    internal sealed record Wrong : PasswordCheck;

    /// <summary>Too many try, for this user or at all.</summary>
    internal sealed record TooMany(TimeSpan Wait) : PasswordCheck;
}

/// <summary>Checks passwords: as slowly for users that do not exist, and not too often for any one.</summary>
internal sealed class PasswordLogin(IStorage storage, PasswordHasher hasher, RateLimiter limiter, ClientOptions options)
{
    private const int Longest = 512;

    private static readonly PasswordCheck _wrong = new PasswordCheck.Wrong();

    /// <summary>Whether this is the password of that user; null stands for a user whom we do not know.</summary>
    internal async ValueTask<PasswordCheck> CheckAsync(string? userId, string password, CancellationToken stop)
    {
        if (userId is not null && limiter.Take(RateClass.Login, userId) is { Ticks: > 0 } wait) return new PasswordCheck.TooMany(wait);
        if (password.Length > Longest) return _wrong;

        var user = await FindAsync(userId, stop).ConfigureAwait(false);
        var hash = user is { DeactivatedAt: null } ? user.PasswordHash : null;
        var right = hash is null
            ? await hasher.VerifyNobodyAsync(password, stop).ConfigureAwait(false)
            : await hasher.VerifyAsync(hash, password, stop).ConfigureAwait(false);

        if (right is null) return new PasswordCheck.TooMany(TimeSpan.FromSeconds(2));
        if (right is false) return _wrong;
        if (hasher.IsOutdated(hash!)) await RenewAsync(user!.UserId, password, stop).ConfigureAwait(false);
        return new PasswordCheck.Right(user!);
    }

    /// <summary>What is wrong with a new password; null if nothing is.</summary>
    internal Answer? Judge(string password) => password.Length switch
    {
        > Longest => Answer.Error(400, MatrixError.WeakPassword, $"A password has at most {Longest} characters."),
        _ when password.Length < options.ShortestPassword =>
            Answer.Error(400, MatrixError.WeakPassword, $"A password has at least {options.ShortestPassword} characters."),
        _ => null,
    };

    /// <summary>What is wrong with a password that an administrator chose: how weak it may be is theirs to say.</summary>
    internal static Answer? JudgeOfAdministrator(string password) =>
        password.Length is 0 or > Longest ? Answer.Error(400, MatrixError.WeakPassword, $"A password has 1 to {Longest} characters.") : null;

    private async ValueTask<UserRow?> FindAsync(string? userId, CancellationToken stop)
    {
        if (userId is null || !UserId.isValid(userId) || UserId.server(userId) != options.ServerName) return null;
        return await storage.Accounts.FindUserAsync(userId, stop).ConfigureAwait(false)
            ?? await FindInLowerCaseAsync(userId, stop).ConfigureAwait(false);
    }

    // People capitalise their names; new user ids are in lower case.
    private async ValueTask<UserRow?> FindInLowerCaseAsync(string userId, CancellationToken stop)
    {
        var lower = UserId.make(UserId.localpart(userId).ToLowerInvariant(), options.ServerName);
        return lower == userId ? null : await storage.Accounts.FindUserAsync(lower, stop).ConfigureAwait(false);
    }

    private async ValueTask RenewAsync(string userId, string password, CancellationToken stop)
    {
        if (await hasher.HashAsync(password, stop).ConfigureAwait(false) is not { } hash) return;
        await storage.Writer.WriteAsync(new WriteSet(1).Add(new SetPassword(userId, hash)), stop).ConfigureAwait(false);
    }
}
