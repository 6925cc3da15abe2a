using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Api.Client.OAuth.Account;

/// <summary>An action of the account management page.</summary>
internal interface IAccountAction
{
    /// <summary>Its name: one of <see cref="AccountActions"/>.</summary>
    string Name { get; }

    /// <summary>What it shows.</summary>
    ValueTask<AccountView> ShowAsync(AccountVisit visit, CancellationToken stop);

    /// <summary>Does what its form says.</summary>
    ValueTask<AccountView> DoAsync(AccountVisit visit, FormReader form, CancellationToken stop);
}

/// <summary>A signed-in user on the page.</summary>
/// <param name="Call">The request.</param>
/// <param name="Browser">The browser.</param>
/// <param name="User">The user.</param>
/// <param name="DeviceId">The device that the link names; empty for none.</param>
/// <param name="Links">Makes links to actions.</param>
internal sealed record AccountVisit(
    Call Call, Browser Browser, BrowserSignIn User, string DeviceId, AccountLinks Links);

/// <summary>The content of the page.</summary>
/// <param name="Title">The heading.</param>
/// <param name="Body">What follows it.</param>
internal sealed record AccountView(string Title, Html Body)
{
    /// <summary>The HTTP status.</summary>
    internal int Status { get; init; } = 200;

    /// <summary>Why it did not work; empty for nothing.</summary>
    internal string Alert { get; init; } = "";

    /// <summary>What was done; empty for nothing.</summary>
    internal string Done { get; init; } = "";

    /// <summary>Whether what was done also signed this browser out.</summary>
    internal bool IsSignedOut { get; init; }

    /// <summary>The same, with the reason why it did not work.</summary>
    internal AccountView Because(string alert, int status = 403) => this with { Alert = alert, Status = status };
}

/// <summary>Links to the actions.</summary>
internal sealed class AccountLinks(OAuthPaths paths)
{
    /// <summary>The path of an action, for a device if one is given.</summary>
    internal string To(string action, string deviceId = "") =>
        $"{paths.PathOf(OAuthPaths.AccountPage)}?action={action}"
        + (deviceId.Length == 0 ? "" : $"&device_id={Uri.EscapeDataString(deviceId)}");

    /// <summary>The path of the button that signs the browser out.</summary>
    internal string SignOut => paths.PathOf(OAuthPaths.SignOutPage, paths.PathOf(OAuthPaths.AccountPage));
}

/// <summary>Pieces that actions share.</summary>
internal static class AccountPieces
{
    /// <summary>The field for the password, for users who have one.</summary>
    internal static Html PasswordField(AccountVisit visit) => Reauthentication.NeedsPassword(visit.User)
        ? Html.Of($"""
            <label>Your password
            <input name="password" type="password" required autocomplete="current-password"></label>
            """)
        : Html.Empty;
}
