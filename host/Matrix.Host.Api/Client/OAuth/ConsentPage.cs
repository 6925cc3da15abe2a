using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Devices;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Api.Client.OAuth;

/// <summary>
/// What a user sees before a client may use the account. What the client says about itself is marked as unverified, and
/// nothing of it is fetched.
/// </summary>
internal static class ConsentPage
{
    /// <summary>The page of an authorization.</summary>
    /// <param name="browser">The browser of the user.</param>
    /// <param name="request">The request.</param>
    /// <param name="before">The user's device of that id; null for none.</param>
    /// <param name="elsewhere">Where the user signs in with another account.</param>
    /// <param name="alert">Why it did not work; empty for nothing.</param>
    /// <param name="status">The HTTP status.</param>
    internal static Answer Of(
        Browser browser,
        AuthorizationRequest request,
        DeviceRow? before,
        string elsewhere,
        string alert,
        int status)
    {
        var (place, isApplication) = RedirectUris.PlaceOf(request.RedirectUri);
        var leads = isApplication
            ? Html.Of($"an application on this device (<strong>{place}</strong>)")
            : Html.Of($"<strong>{place}</strong>");
        return HtmlPage.Of(
            $"Allow {request.Client.ShownName} to use your account?",
            Html.Of($"""
                <p role="alert">{alert}</p>
                <p>You are signed in as <strong>{browser.User!.UserId}</strong>.</p>
                {Facts(request.Client, request.Scope.DeviceId, before)}
                <dl><dt>Then you go to</dt><dd>{leads}</dd></dl>
                {Permissions}
                <form method="post">
                {browser.Session.FormField}
                <button name="decision" value="allow">Allow</button>
                <button name="decision" value="deny" class="second">Do not allow</button>
                </form>
                <form method="post" action="{elsewhere}">
                {browser.Session.FormField}
                <button class="second">Use another account</button>
                </form>
                """),
            formTargets: [RedirectUris.TargetOf(request.RedirectUri)],
            status: status);
    }

    /// <summary>What a client may do, in words.</summary>
    internal static Html Permissions { get; } = Html.Of($"""
        <h2>It will be able to</h2>
        <ul>
        <li>read and send your messages, and see and change your rooms and your profile</li>
        <li>act as a signed-in device of yours until you sign it out</li>
        </ul>
        """);

    /// <summary>What is known of a client and its device.</summary>
    internal static Html Facts(OAuthClient client, string deviceId, DeviceRow? before)
    {
        var metadata = client.Metadata;
        var replaces = before is null
            ? Html.Empty
            : Html.Of($"""
                <p>You have this device already: <strong>{before.ShownName()}</strong>. Its present
                sign-in ends.</p>
                """);
        return Html.Of($"""
            <dl>
            <dt>Application</dt><dd>{client.ShownName} <span class="note">(says so itself; not verified)</span></dd>
            <dt>Its website</dt><dd>{metadata.ClientHost} <span class="note">(not verified)</span></dd>
            <dt>Signs in as device</dt><dd>{deviceId}</dd>
            </dl>
            {replaces}
            {LinkTo(metadata.TermsUri, "Terms of service")}
            {LinkTo(metadata.PolicyUri, "Policy")}
            """);
    }

    /// <summary>A request that cannot go on.</summary>
    /// <param name="message">Why.</param>
    /// <param name="url">Where the client gets the error; null if it is not known.</param>
    /// <param name="place">The host or scheme of that.</param>
    internal static Answer Refused(string message, string? url = null, string place = "") => HtmlPage.Of(
        "This sign-in cannot go on",
        Html.Of($"""
            <p role="alert">{message}</p>
            {(url is null ? Html.Empty : BackTo(url, place))}
            """),
        status: 400);

    private static Html LinkTo(string? uri, string name) => uri is null
        ? Html.Empty
        : Html.Of($"""
            <p><a href="{uri}" rel="noopener noreferrer" target="_blank">{name} of the application</a></p>
            """);

    private static Html BackTo(string url, string place) =>
        Html.Of($"""<p><a rel="noreferrer" href="{url}">Go back to {place}</a></p>""");
}
