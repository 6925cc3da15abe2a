using Matrix.Host.Api.Client.OAuth;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Api.Client.Home;

/// <summary>
/// The first page, for a person who opens the server's address: what it is, how to use it, and where its pages are.
/// </summary>
internal sealed class HomePage(
    SignUps signUps, OAuthPaths paths, OAuthOptions oauth, ClientOptions client, PageOptions pages) : IEndpoints
{
    private static readonly Html _apps = Html.Of($"""
        <ul>
        <li><a href="https://element.io/download">Element</a>: phones, computers, browsers</li>
        <li><a href="https://fluffychat.im/">FluffyChat</a>: phones, computers, browsers</li>
        <li><a href="https://cinny.in/">Cinny</a>: computers, browsers</li>
        <li><a href="https://matrix.org/ecosystem/clients/">More apps</a></li>
        </ul>
        """);

    public void Map(ClientRoutes routes) =>
        routes.Of(RouteOwner.Nobody).At("/").Get(
            "", ShowAsync, new RouteOptions { Access = Access.Anyone, IsPage = true });

    private async ValueTask<Answer> ShowAsync(Call call, CancellationToken stop)
    {
        var hasPages = oauth.HasPages && (oauth.IsOn || BrowserRequest.IsLocal(call.Http.Request));
        var isFirst = await signUps.AwaitsFirstUserAsync(stop);
        var ways = await signUps.WaysAsync(stop);
        return HtmlPage.Of(
            client.ServerName,
            Html.Of($"""
                <p>This is a Matrix homeserver. Matrix is an open network for messages and calls: people with an account
                here talk with people on all its servers.</p>
                {(isFirst ? FirstUser(hasPages) : Accounts(hasPages, ways.IsClosed))}
                {Administration(isFirst)}
                <h2>Use it with an app</h2>
                <p>When the app asks for your server or homeserver, enter
                <strong>{AddressOf(call)}</strong>{Reach()}</p>
                {_apps}
                {Support()}
                """),
            namesServer: false);
    }

    private Html FirstUser(bool hasPages) => hasPages
        ? Html.Of($"""
            <p role="status">Nobody has an account yet. The first one administers the server. It needs the registration
            token that the server printed at its start.</p>
            <p><a class="button" href="{paths.PathOf(OAuthPaths.SignUpPage)}">Create the first account</a></p>
            """)
        : Html.Of($"""
            <p role="status">Nobody has an account yet. The first one administers the server: create it with an app that
            asks for a registration token, which the server printed at its start. To create it in a browser, set
            <code>public_base_url</code> in the server's configuration.</p>
            """);

    private Html Accounts(bool hasPages, bool isClosed)
    {
        if (!hasPages) return Html.Empty;
        var signUp = isClosed
            ? Html.Of($"""<p class="note">This server is not open for new accounts.</p>""")
            : Html.Of($"""
                <p><a class="button second" href="{paths.PathOf(OAuthPaths.SignUpPage)}">Create an account</a></p>
                """);
        return Html.Of($"""
            <p><a class="button" href="{paths.PathOf(OAuthPaths.AccountPage)}">Your account</a></p>
            {signUp}
            """);
    }

    private Html Administration(bool isFirst) => isFirst || !pages.HasAdminPage
        ? Html.Empty
        : Html.Of($"""<p><a href="{pages.PathOf(AdminPaths.FirstPage)}">Administration</a></p>""");

    /// <summary>The address for apps: the configured one, otherwise the one that was opened.</summary>
    private string AddressOf(Call call) => client.PublicBaseUrl.Length > 0
        ? client.PublicBaseUrl.TrimEnd('/')
        : $"{call.Http.Request.Scheme}://{call.Http.Request.Host.Value}";

    private Html Reach() => client.PublicBaseUrl.Length > 0 || !oauth.ListensOnLoopback
        ? Html.Of($".")
        : Html.Of($"""
            , which works on this machine only. For others, a proxy with TLS is needed, and its address as
            <code>public_base_url</code> in the server's configuration.
            """);

    private Html Support() => client.Support.Page.Length == 0
        ? Html.Empty
        : Html.Of($"""<p><a href="{client.Support.Page}">Help and contact</a></p>""");
}
