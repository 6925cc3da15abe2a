using Matrix.Host.Api.Client.OAuth;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.OAuth;
using Matrix.Host.Users.SingleSignOn;

namespace Matrix.Host.Api.Client.SingleSignOn;

/// <summary>
/// Where clients send browsers for single sign-on, and where pages of this server do.
/// v1.19 client-server-api#client-login-via-sso, v1.19 client-server-api#oauth-20-aware-clients
/// </summary>
internal sealed class SsoRedirect(
    SsoStarts starts, SsoOptions options, OAuthOptions oauth, OAuthPaths paths, PageSessions sessions)
    : IEndpoints, ISignInWay
{
    public bool IsForLogin => true;

    public void Map(ClientRoutes routes)
    {
        var page = new RouteOptions { Access = Access.Anyone, IsPage = true, Rate = RateClass.Login };
        routes.Of(RouteOwner.InCookie).At(OAuthPaths.Root).Get($"{OAuthPaths.SsoStart}/{{idpId}}", StartAsync, page);
        if (oauth.IsOnly) return;

        // v1.19 client-server-api#get_matrixclientv3loginssoredirect
        routes.Of(RouteOwner.InCookie).Get("login/sso/redirect", Read, ChooseAsync, page);
        // v1.19 client-server-api#get_matrixclientv3loginssoredirectidpid
        routes.Of(RouteOwner.InCookie).Get("login/sso/redirect/{idpId}", Read, RedirectAsync, page);
    }

    public ValueTask<IReadOnlyList<SignInLink>> LinksAsync(string next, CancellationToken stop) => new(
    [
        .. options.Providers.Select(provider => new SignInLink(
            $"Continue with {provider.Name}", paths.PathOf(StartOf(provider), next))),
    ]);

    private static Wanted Read(QueryReader query)
    {
        var url = query.RequiredText("redirectUrl");
        if (query.Problem is null && !ClientUrls.IsAllowed(url))
        {
            query.Refuse(MatrixError.InvalidParam, "`redirectUrl` must be an absolute URL that a browser may open.");
        }

        return new Wanted(url, query.OneOf("action", "login", "register") == "register");
    }

    /// <summary>The page of OAuth knows all ways to sign in. Without it, the user chooses a provider.</summary>
    private ValueTask<Answer> ChooseAsync(Call call, Wanted wanted, CancellationToken stop)
    {
        var next = paths.LoginTokenPathOf(wanted.RedirectUrl);
        if (oauth.IsOn)
        {
            var page = wanted.Registers ? OAuthPaths.SignUpPage : OAuthPaths.SignInPage;
            return new(Answer.Redirect(paths.PathOf(page, next), status: 302));
        }

        return options.Providers.Count switch
        {
            0 => new(SsoPages.Unknown),
            1 => starts.BeginAsync(call, options.Providers[0], new SsoPurpose.SignIn(next), stop),
            _ => new(ChoicePage(call, next)),
        };
    }

    private ValueTask<Answer> RedirectAsync(Call call, Wanted wanted, CancellationToken stop) =>
        options.Find(call["idpId"]) is { } provider
            ? starts.BeginAsync(
                call, provider, new SsoPurpose.SignIn(paths.LoginTokenPathOf(wanted.RedirectUrl)), stop)
            : new(SsoPages.Unknown);

    private ValueTask<Answer> StartAsync(Call call, CancellationToken stop) =>
        options.Find(call["idpId"]) is { } provider
            ? starts.BeginAsync(
                call, provider, new SsoPurpose.SignIn(paths.NextOf(call.Query.Text("continue"))), stop)
            : new(SsoPages.Unknown);

    private Answer ChoicePage(Call call, string next) => sessions.Of(call).Keep(HtmlPage.Of(
        "Sign in",
        Html.Join(options.Providers.Select(provider => Html.Of($"""
            <p><a class="button second" href="{paths.PathOf(StartOf(provider), next)}">
            Continue with {provider.Name}</a></p>
            """)))));

    private static string StartOf(SsoProvider provider) =>
        $"{OAuthPaths.SsoStart}/{Uri.EscapeDataString(provider.Id)}";

    private sealed record Wanted(string RedirectUrl, bool Registers);
}
