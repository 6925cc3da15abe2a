using Matrix.Host.Api.Http;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.OAuth;

namespace Matrix.Host.Api.Client.OAuth;

/// <summary>The page on which users register. Client-Server API, "User registration" of OAuth 2.0.</summary>
internal sealed class SignUp(
    Browsers browsers, SignUps signUps, ClientOptions client, OAuthPaths paths, OAuthOptions options)
    : IEndpoints, ISignInWay
{
    public void Map(ClientRoutes routes)
    {
        if (!options.IsOn) return;
        var page = new RouteOptions { Access = Access.Anyone, IsPage = true };
        var pages = routes.At(OAuthPaths.Root);
        pages.Get(OAuthPaths.SignUpPage, ShowAsync, page);
        pages.PostForm(
            OAuthPaths.SignUpPage, static form => form, PostAsync, page with { Rate = RateClass.Registration });
    }

    public async ValueTask<IReadOnlyList<SignInLink>> LinksAsync(string next, CancellationToken stop) =>
        (await signUps.WaysAsync(stop).ConfigureAwait(false)).IsClosed
            ? []
            : [new SignInLink("Create an account", paths.PathOf(OAuthPaths.SignUpPage, next))];

    private async ValueTask<Answer> ShowAsync(Call call, CancellationToken stop)
    {
        var browser = await browsers.OfAsync(call, stop).ConfigureAwait(false);
        var ways = await signUps.WaysAsync(stop).ConfigureAwait(false);
        return ways.IsClosed ? browsers.ToSignIn(browser, NextOf(call)) : PageOf(browser, ways, call, "", "", 200);
    }

    private async ValueTask<Answer> PostAsync(Call call, FormReader form, CancellationToken stop)
    {
        var browser = await browsers.OfAsync(call, stop).ConfigureAwait(false);
        if (!browser.Session.Accepts(form)) return PageSessions.Foreign;
        var ways = await signUps.WaysAsync(stop).ConfigureAwait(false);
        var name = (form.Text("username") ?? "").Trim();
        var password = form.Text("password") ?? "";
        if (form.Text("password_again") != password)
        {
            return PageOf(browser, ways, call, name, "The two passwords differ.", 400);
        }

        var token = form.Text("token") is { Length: > 0 } given ? given.Trim() : null;
        var created = await signUps.CreateAsync(name, password, token, stop).ConfigureAwait(false);
        return created.IsOk
            ? browsers.SignIn(call, created.Value, NextOf(call))
            : PageOf(browser, ways, call, name, created.Failure.Message, 400);
    }

    private Answer PageOf(
        Browser browser, RegistrationWays ways, Call call, string name, string alert, int status)
    {
        var token = !ways.ByToken ? Html.Empty
            : ways.Freely ? Html.Of(
                $"""<label>Registration token, if you have one <input name="token" autocomplete="off"></label>""")
            : Html.Of($"""<label>Registration token <input name="token" required autocomplete="off"></label>""");
        return browser.Session.Keep(HtmlPage.Of(
            "Create an account",
            Html.Of($"""
                <p>On {client.ServerName}. The user name cannot be changed later.</p>
                <p role="alert">{alert}</p>
                <form method="post">
                {browser.Session.FormField}
                <label>User name <input name="username" required autocomplete="username" autocapitalize="none"
                spellcheck="false" value="{name}"></label>
                <label>Password <input name="password" type="password" required autocomplete="new-password"></label>
                <label>Password again
                <input name="password_again" type="password" required autocomplete="new-password"></label>
                {token}
                <button>Create the account</button>
                </form>
                <p><a href="{paths.PathOf(OAuthPaths.SignInPage, NextOf(call))}">I have an account</a></p>
                """),
            status: status));
    }

    private string NextOf(Call call) => paths.NextOf(call.Query.Text("continue"));
}
