using Matrix.Host.Api.Client.OAuth;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.OAuth;
using Matrix.Host.Users.Sessions;
using Matrix.Host.Users.SingleSignOn;

namespace Matrix.Host.Api.Client.SingleSignOn;

/// <summary>
/// The page that gives a client a login token for the user who is signed in. It shows where the browser goes, unless
/// the client is a configured one and the user signed in just now. v1.19 client-server-api#client-login-via-sso,
/// v1.19 client-server-api#security-considerations-8
/// </summary>
internal sealed class LoginTokenPage(
    Logins logins,
    Browsers browsers,
    BrowserSignIns signIns,
    SsoOptions options,
    OAuthOptions oauth,
    OAuthPaths paths,
    TimeProvider clock) : IEndpoints
{
    private static readonly TimeSpan _justNow = TimeSpan.FromMinutes(1);

    public void Map(ClientRoutes routes)
    {
        if (!oauth.IsOn && options.Providers.Count == 0) return;
        var page = new RouteOptions { Access = Access.Anyone, IsPage = true, Rate = RateClass.Login };
        var pages = routes.Of(RouteOwner.InCookie).At(OAuthPaths.Root);
        pages.Get(OAuthPaths.LoginTokenPage, ShowAsync, page);
        pages.PostForm(OAuthPaths.LoginTokenPage, static form => form, PostAsync, page);
    }

    private async ValueTask<Answer> ShowAsync(Call call, CancellationToken stop)
    {
        if (UrlOf(call) is not { } url) return SsoPages.Failed("The application's address is not valid.", 400);
        var browser = await browsers.OfAsync(call, stop);
        if (browser.User is not { } user) return ToSignIn(browser, url);
        return options.IsKnownClient(url) && clock.GetUtcNow() - user.At < _justNow
            ? await LeadAsync(browser, user, url, stop)
            : Ask(browser, user, url);
    }

    private async ValueTask<Answer> PostAsync(Call call, FormReader form, CancellationToken stop)
    {
        if (UrlOf(call) is not { } url) return SsoPages.Failed("The application's address is not valid.", 400);
        var browser = await browsers.OfAsync(call, stop);
        if (!browser.Session.Accepts(form)) return PageSessions.Foreign;
        return browser.User is { } user
            ? await LeadAsync(browser, user, url, stop)
            : ToSignIn(browser, url);
    }

    private Answer Ask(Browser browser, BrowserSignIn user, string url)
    {
        var (place, isApplication) = RedirectUris.PlaceOf(url);
        var leads = isApplication
            ? Html.Of($"an application on this device (<strong>{place}</strong>)")
            : Html.Of($"<strong>{place}</strong>");
        var elsewhere = !oauth.IsOn ? Html.Empty : Html.Of($"""
            <form method="post" action="{paths.PathOf(OAuthPaths.SignOutPage, paths.LoginTokenPathOf(url))}">
            {browser.Session.FormField}
            <button class="second">Use another account</button>
            </form>
            """);
        return browser.Session.Keep(HtmlPage.Of(
            "Allow an application to use your account?",
            Html.Of($"""
                <p>You are signed in as <strong>{user.UserId}</strong>.</p>
                <p>You go to {leads}. It gets access to your account: your messages, rooms and contacts. Go on only if
                you started this yourself, and trust it.</p>
                <form method="post">
                {browser.Session.FormField}
                <button>Continue</button>
                </form>
                {elsewhere}
                """),
            formTargets: [RedirectUris.TargetOf(url)]));
    }

    private async ValueTask<Answer> LeadAsync(Browser browser, BrowserSignIn user, string url, CancellationToken stop)
    {
        var token = await logins
            .NewLoginTokenAsync(user.UserId, user.NewCondition(), options.LoginTokenLifetime, user.Origin, stop);
        if (token is null) return ToSignIn(browser, url);

        // Only the pages of OAuth have a button that signs the browser out.
        if (!oauth.IsOn) signIns.End(browser.Session.Id);
        return Answer.Redirect(ClientUrls.With(url, token), status: 302);
    }

    private Answer ToSignIn(Browser browser, string url) => oauth.IsOn
        ? browsers.ToSignIn(browser, paths.LoginTokenPathOf(url))
        : SsoPages.Failed("The sign-in is not valid any more.", 403);

    private static string? UrlOf(Call call) =>
        call.Query.Text(OAuthPaths.RedirectUrl) is { } url && ClientUrls.IsAllowed(url) ? url : null;
}
