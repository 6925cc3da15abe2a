using Matrix.Host.Api.Pages;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.OAuth;

/// <summary>The fields in which people choose a user name or a password, with the rules.</summary>
internal static class NewAccountFields
{
    /// <summary>The field of a user name.</summary>
    /// <param name="entered">What is in it.</param>
    internal static Html Username(string entered) => Html.Of($"""
        <label>User name <input name="username" required autocomplete="username" autocapitalize="none"
        spellcheck="false" value="{entered}" aria-describedby="username-rule"></label>
        <p class="note" id="username-rule">{UsernameProblem.Invalid.ToSentence()}</p>
        """);

    /// <summary>The two fields of a new password. The second has the name of the first and <c>_again</c>.</summary>
    /// <param name="label">What the first is called.</param>
    /// <param name="name">The name of the first.</param>
    /// <param name="passwords">Knows the rule.</param>
    internal static Html Password(string label, string name, PasswordLogin passwords) => Html.Of($"""
        <label>{label}
        <input name="{name}" type="password" required autocomplete="new-password"
        aria-describedby="{name}-rule"></label>
        <p class="note" id="{name}-rule">{passwords.Rule}</p>
        <label>{label} again
        <input name="{name}_again" type="password" required autocomplete="new-password"></label>
        """);
}
