using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Api.Client.OAuth.Account;

/// <summary>
/// The page on which users manage their account, to which clients lead by the name of an action.
/// v1.19 client-server-api#oauth-20-account-management
/// </summary>
internal sealed class AccountPage(
    IEnumerable<IAccountAction> actions, Browsers browsers, OAuthPaths paths, OAuthOptions options) : IEndpoints
{
    private const int LongestDeviceId = 255;

    private readonly Dictionary<string, IAccountAction> _actions =
        actions.ToDictionary(action => action.Name, StringComparer.Ordinal);

    private readonly AccountLinks _links = new(paths);

    public void Map(ClientRoutes routes)
    {
        if (!options.HasPages) return;
        var page = new RouteOptions { Access = Access.Anyone, IsPage = true, IsLocal = !options.IsOn };
        var pages = routes.Of(RouteOwner.InCookie).At(OAuthPaths.Root);
        pages.Get(OAuthPaths.AccountPage, ShowAsync, page);
        pages.PostForm(OAuthPaths.AccountPage, static form => form, PostAsync, page with { Rate = RateClass.Login });
    }

    private async ValueTask<Answer> ShowAsync(Call call, CancellationToken stop)
    {
        var browser = await browsers.OfAsync(call, stop);
        if (VisitOf(call, browser) is not { } visit) return browsers.ToSignIn(browser, NextOf(call));
        return PageOf(visit, await ActionOf(call).ShowAsync(visit, stop));
    }

    private async ValueTask<Answer> PostAsync(Call call, FormReader form, CancellationToken stop)
    {
        var browser = await browsers.OfAsync(call, stop);
        if (!browser.Session.Accepts(form)) return PageSessions.Foreign;
        if (VisitOf(call, browser) is not { } visit) return browsers.ToSignIn(browser, NextOf(call));
        return PageOf(visit, await ActionOf(call).DoAsync(visit, form, stop));
    }

    private AccountVisit? VisitOf(Call call, Browser browser) => browser.User is { } user
        ? new AccountVisit(call, browser, user, DeviceOf(call), _links)
        : null;

    private IAccountAction ActionOf(Call call) => _actions[AccountActions.Of(call.Query.Text("action"))];

    private string NextOf(Call call) => _links.To(AccountActions.Of(call.Query.Text("action")), DeviceOf(call));

    private static string DeviceOf(Call call) =>
        call.Query.Text("device_id") is { Length: <= LongestDeviceId } device ? device : "";

    private static Answer PageOf(AccountVisit visit, AccountView view) => visit.Browser.Session.Keep(
        view.IsSignedOut ? Parting(view) : Managing(visit, view));

    private static Answer Parting(AccountView view) => HtmlPage.Of(
        view.Title,
        Html.Of($"""
            <p role="status">{view.Done}</p>
            {view.Body}
            """),
        status: view.Status);

    private static Answer Managing(AccountVisit visit, AccountView view) => HtmlPage.Of(
        view.Title,
        Html.Of($"""
            <p>You are signed in as <strong>{visit.User.UserId}</strong>.</p>
            <p role="alert">{view.Alert}</p>
            <p role="status">{view.Done}</p>
            {view.Body}
            <hr>
            <nav aria-label="Account">
            <p><a href="{visit.Links.To(AccountActions.Profile)}">Profile</a> ·
            <a href="{visit.Links.To(AccountActions.DevicesList)}">Devices</a> ·
            <a href="{visit.Links.To(AccountActions.Addresses)}">Addresses</a> ·
            <a href="{visit.Links.To(AccountActions.Password)}">Password</a> ·
            <a href="{visit.Links.To(AccountActions.CrossSigningReset)}">Reset encryption</a> ·
            <a href="{visit.Links.To(AccountActions.Deactivate)}">End account</a></p>
            </nav>
            <form method="post" action="{visit.Links.SignOut}">
            {visit.Browser.Session.FormField}
            <button class="second">Sign out of this page</button>
            </form>
            """),
        status: view.Status);
}
