using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.OAuth;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.OAuth;

/// <summary>The page on which users sign in, and the button that signs them out.</summary>
internal sealed class SignIn(
    Browsers browsers,
    PasswordForm passwords,
    IEnumerable<ISignInWay> ways,
    ClientOptions client,
    OAuthPaths paths,
    OAuthOptions options) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        if (!options.HasPages) return;
        var page = new RouteOptions { Access = Access.Anyone, IsPage = true, IsLocal = !options.IsOn };
        var pages = routes.Of(RouteOwner.InCookie).At(OAuthPaths.Root);
        pages.Get(OAuthPaths.SignInPage, ShowAsync, page);
        pages.PostForm(
            OAuthPaths.SignInPage, static form => form, PostAsync, page with { Rate = RateClass.Login });
        pages.PostForm(OAuthPaths.SignOutPage, static form => form, SignOutAsync, page);
    }

    private async ValueTask<Answer> ShowAsync(Call call, CancellationToken stop) =>
        await PageAsync(await browsers.OfAsync(call, stop), call, "", "", 200, stop);

    private async ValueTask<Answer> PostAsync(Call call, FormReader form, CancellationToken stop)
    {
        var browser = await browsers.OfAsync(call, stop);
        if (!browser.Session.Accepts(form)) return PageSessions.Foreign;
        var name = (form.Text("username") ?? "").Trim();
        var check = await passwords
            .CheckAsync(name, form.Text("password") ?? "", call.Attempt(), stop);
        return check switch
        {
            PasswordCheck.Right(var user) => browsers.SignIn(call, user, NextOf(call)),
            PasswordCheck.TooMany =>
                await PageAsync(browser, call, name, PasswordForm.TooMany, 429, stop),
            _ => await PageAsync(browser, call, name, PasswordForm.Wrong, 403, stop),
        };
    }

    private async ValueTask<Answer> SignOutAsync(Call call, FormReader form, CancellationToken stop)
    {
        var browser = await browsers.OfAsync(call, stop);
        return browser.Session.Accepts(form) ? browsers.SignOut(call, NextOf(call)) : PageSessions.Foreign;
    }

    private async ValueTask<Answer> PageAsync(
        Browser browser, Call call, string name, string alert, int status, CancellationToken stop)
    {
        var links = new List<Html>();
        foreach (var way in ways)
        {
            foreach (var link in await way.LinksAsync(NextOf(call), stop))
            {
                links.Add(Html.Of($"""<p><a class="button second" href="{link.Path}">{link.Label}</a></p>"""));
            }
        }

        return browser.Session.Keep(HtmlPage.Of(
            "Sign in",
            Html.Of($"""
                <p>Your account on {client.ServerName}.</p>
                <p role="alert">{alert}</p>
                <form method="post">
                {browser.Session.FormField}
                {passwords.FieldsOf("username", name)}
                <button>Sign in</button>
                </form>
                {passwords.LinkOf(NextOf(call))}
                {Html.Join(links)}
                """),
            formTargets: paths.TargetsOf(NextOf(call)),
            status: status));
    }

    private string NextOf(Call call) => paths.NextOf(call.Query.Text("continue"));
}
