using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Users.OAuth;

/// <summary>
/// Asks a signed-in user again who they are, before what cannot be undone: by the password, or, for users without one,
/// by a sign-in that is a few minutes old at most.
/// </summary>
public sealed class Reauthentication(PasswordLogin passwords, TimeProvider clock)
{
    private static readonly TimeSpan _recent = TimeSpan.FromMinutes(5);

    /// <summary>Whether the user has to give the password.</summary>
    public static bool NeedsPassword(BrowserSignIn user) => user.PasswordHash is not null;

    /// <summary>Whether a user without a password has to sign in again first.</summary>
    public bool NeedsSignIn(BrowserSignIn user) =>
        !NeedsPassword(user) && clock.GetUtcNow() - user.At > _recent;

    /// <summary>Why the user is not confirmed, as a sentence; null if they are.</summary>
    public async ValueTask<string?> RefusalAsync(
        BrowserSignIn user, string? password, string address, CancellationToken stop)
    {
        if (!NeedsPassword(user)) return NeedsSignIn(user) ? "Sign out and in again first." : null;
        return await passwords.CheckAsync(
            user.UserId, password ?? "", new PasswordAttempt(address, user.UserId), stop) switch
        {
            PasswordCheck.Right => null,
            PasswordCheck.TooMany => "There were too many attempts. Wait a moment and try again.",
            _ => "The password is wrong.",
        };
    }
}
