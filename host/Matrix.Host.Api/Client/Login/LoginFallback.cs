using System.Text;
using Matrix.Core.Json;
using Matrix.Host.Api.Client.OAuth;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.OAuth;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.Login;

/// <summary>
/// A login page for clients that support no login type of the server: by password, or by a sign-in at a provider. Only
/// the page that ends it has a script, which gives the client the response. v1.19 client-server-api#login-fallback
/// </summary>
internal sealed class LoginFallback(
    PasswordForm passwords,
    Logins logins,
    Browsers browsers,
    IEnumerable<ISignInWay> ways,
    OAuthPaths paths,
    OAuthOptions oauth,
    ClientOptions options,
    TimeProvider clock) : IEndpoints
{
    private const string Script = """
        const response = JSON.parse(document.getElementById("login").dataset.response);
        if (window.matrixLogin && window.matrixLogin.onLogin) window.matrixLogin.onLogin(response);
        """;

    /// <summary>Whoever signed in longer ago gives the password again.</summary>
    private static readonly TimeSpan _justNow = TimeSpan.FromMinutes(1);

    public void Map(ClientRoutes routes)
    {
        if (oauth.IsOnly) return;

        var pages = routes.Of(RouteOwner.InCookie).At("/_matrix/static/client/");
        var page = new RouteOptions { Access = Access.Anyone, IsPage = true };
        foreach (var path in new[] { "login/", "login" })
        {
            pages.Get(path, ShowAsync, page);
            pages.PostForm(path, static form => form, PostAsync, page with { Rate = RateClass.Login });
        }
    }

    private async ValueTask<Answer> ShowAsync(Call call, CancellationToken stop) =>
        await PageAsync(call, await browsers.OfAsync(call, stop), "", "", 200, stop);

    private async ValueTask<Answer> PostAsync(Call call, FormReader form, CancellationToken stop)
    {
        var browser = await browsers.OfAsync(call, stop);
        if (!browser.Session.Accepts(form)) return PageSessions.Foreign;
        var name = (form.Text("user") ?? "").Trim();
        if (WishOf(call) is not { } wish)
        {
            return await AgainAsync("The application's request is not valid.", 400);
        }

        if (form.Text("goes_on") is not null)
        {
            return FreshUserOf(browser) is { } user
                ? await LogInAsync(user.Proof)
                : await AgainAsync("Sign in again.", 403);
        }

        return await passwords.CheckAsync(name, form.Text("password") ?? "", call.Attempt(), stop) switch
        {
            PasswordCheck.Right right => await LogInAsync(right.Proof),
            PasswordCheck.TooMany => await AgainAsync(PasswordForm.TooMany, 429),
            _ => await AgainAsync(PasswordForm.Wrong, 403),
        };

        ValueTask<Answer> AgainAsync(string alert, int status) => PageAsync(call, browser, name, alert, status, stop);

        async ValueTask<Answer> LogInAsync(LoginProof proof)
        {
            var login = await logins.LogInAsync(proof, wish, stop);
            return login.IsOk
                ? Done(LoginAnswers.Of(login.Value, options))
                : await AgainAsync(login.Failure.Message, 403);
        }
    }

    /// <summary>The device that the query asks for; null if it is not valid.</summary>
    private static LoginWish? WishOf(Call call)
    {
        var members = new List<ValueTuple<string, Json>>();
        foreach (var name in (string[])["device_id", "initial_device_display_name"])
        {
            if (call.Query.Text(name) is { } text) members.Add((name, Json.Of(text)));
        }

        if (call.Query.Flag("refresh_token")) members.Add(("refresh_token", Json.Of(true)));
        var reader = new BodyReader(JsonObject.OfSeq(members));
        var wish = LoginBody.ReadWish(reader);
        return reader.Problem is null && call.Query.Problem is null ? wish : null;
    }

    private static Answer Done(Answer response) => HtmlPage.Of(
        "You are logged in",
        Html.Of($"""
            <p id="login" role="status" data-response="{Encoding.UTF8.GetString(response.ToArray())}">You can return to
            your application.</p>
            """),
        Script);

    private BrowserSignIn? FreshUserOf(Browser browser) =>
        browser.User is { } user && clock.GetUtcNow() - user.At < _justNow ? user : null;

    private async ValueTask<Answer> PageAsync(
        Call call, Browser browser, string name, string alert, int status, CancellationToken stop)
    {
        var next = paths.NextOf(paths.LoginFallbackPath + (call.QueryText.Length > 0 ? "?" + call.QueryText : ""));
        var goesOn = FreshUserOf(browser) is not { } user ? Html.Empty : Html.Of($"""
            <form method="post">
            {browser.Session.FormField}
            <button name="goes_on" value="yes">Continue as {user.UserId}</button>
            </form>
            """);
        var links = new List<Html>();
        foreach (var way in ways.Where(static way => way.IsForLogin))
        {
            foreach (var link in await way.LinksAsync(next, stop))
            {
                links.Add(Html.Of($"""<p><a class="button second" href="{link.Path}">{link.Label}</a></p>"""));
            }
        }

        return browser.Session.Keep(HtmlPage.Of(
            "Log in",
            Html.Of($"""
                <p>Your account on {options.ServerName}.</p>
                <p role="alert">{alert}</p>
                {goesOn}
                <form method="post">
                {browser.Session.FormField}
                {passwords.FieldsOf("user", name)}
                <button>Log in</button>
                </form>
                {passwords.LinkOf(next)}
                {Html.Join(links)}
                """),
            status: status));
    }
}
