using Matrix.Host.Api.Client.AddressPages;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.OAuth;

/// <summary>
/// The form by which users sign in on a page: with a password, and a user name, mail address or phone number.
/// </summary>
internal sealed class PasswordForm(
    PasswordLogin passwords, AddressDialog addresses, ClientOptions client, OAuthPaths paths)
{
    /// <summary>Says that the sign-in failed, alike for unknown users and wrong passwords.</summary>
    internal const string Wrong = "The user name or the password is wrong.";

    /// <summary>Says that there were too many.</summary>
    internal const string TooMany = "There were too many attempts. Wait a moment and try again.";

    /// <summary>The fields.</summary>
    /// <param name="name">The name of the first one.</param>
    /// <param name="typed">What the user typed into it.</param>
    internal Html FieldsOf(string name, string typed) => Html.Of($"""
        <label>{(addresses.Media.Any() ? "User name, mail address or phone number" : "User name")}
        <input name="{name}" required autocomplete="username" autocapitalize="none" spellcheck="false"
        value="{typed}"></label>
        <label>Password <input name="password" type="password" required autocomplete="current-password"></label>
        """);

    /// <summary>The link to the page for a new password, where messages can be sent.</summary>
    /// <param name="next">The page to go on to.</param>
    internal Html LinkOf(string next) => addresses.Media.Any()
        ? Html.Of($"""<p><a href="{paths.ForgottenPathOf(next)}">Forgotten your password?</a></p>""")
        : Html.Empty;

    /// <summary>Checks what was typed.</summary>
    internal ValueTask<PasswordCheck> CheckAsync(
        string typed, string password, PasswordAttempt attempt, CancellationToken stop)
    {
        var user = UserIdentifier.Typed(typed, client.ServerName);
        return user.IsAddress
            ? passwords.CheckAsync(user.Identifier, password, attempt, demanded: null, stop)
            : passwords.CheckAsync(user.UserId, password, attempt, stop);
    }
}
