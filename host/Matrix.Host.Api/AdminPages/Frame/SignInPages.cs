using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.AdminPages.Frame;

/// <summary>The page on which administrators sign in, and the button that signs them out.</summary>
internal sealed class SignInPages(AdminSignIns signIns, ShardGates gates, ClientOptions options) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        routes.Of(RouteOwner.Nobody).At(AdminPaths.Prefix).Get("page", ToFirst, AdminFrame.Options);
        var pages = routes.At(AdminFrame.Root);
        pages.Of(RouteOwner.Nobody).Get("", ToFirstBelow, AdminFrame.Options);
        pages.Of(RouteOwner.InCookie).Get(AdminFrame.SignInPage, ShowAsync, AdminFrame.Options);
        pages.Of(RouteOwner.InCookie).PostForm(
            AdminFrame.SignInPage,
            static form => form,
            PostAsync,
            AdminFrame.Options with { Rate = RateClass.Login });
        pages.Of(RouteOwner.InCookie).PostForm("sign-out", static form => form, SignOutAsync, AdminFrame.Options);
    }

    private static ValueTask<Answer> ToFirst(Call call, CancellationToken stop) =>
        ValueTask.FromResult(Answer.Redirect($"page/{AdminFrame.FirstPage}"));

    private static ValueTask<Answer> ToFirstBelow(Call call, CancellationToken stop) =>
        ValueTask.FromResult(Answer.Redirect(AdminFrame.FirstPage));

    private async ValueTask<Answer> ShowAsync(Call call, CancellationToken stop)
    {
        var session = AdminSessions.Of(call, gates);
        var isSignedIn = session.NewCookie is null
            && await signIns.FindAsync(session.Id, stop) is not null;
        return isSignedIn ? Answer.Redirect(NextOf(call)) : PageOf(session, "", "", 200);
    }

    private async ValueTask<Answer> PostAsync(Call call, FormReader form, CancellationToken stop)
    {
        var session = AdminSessions.Of(call, gates);
        if (!session.Accepts(form)) return PageSessions.Foreign;
        var name = (form.Text("username") ?? "").Trim();
        var userId = name.StartsWith('@') ? name : $"@{name}:{options.ServerName}";
        var (user, problem, isTooMany) = await signIns
            .CheckAsync(userId, form.Text("password") ?? "", call.Address, stop);
        return user is null
            ? PageOf(session, name, problem, isTooMany ? 429 : 403)
            : await SignInAsync(call, session, user);
    }

    /// <summary>
    /// Signs the browser of an administrator in, who proved who they are, with a new session, so that nobody who knew
    /// the old one is signed in too.
    /// </summary>
    private async ValueTask<Answer> SignInAsync(Call call, PageSession session, UserRow user)
    {
        signIns.End(session.Id);
        var fresh = AdminSessions.Begin(call, gates);
        await signIns.BeginAsync(fresh.Id, user, call.Address);
        return fresh.Keep(Answer.Redirect(NextOf(call)));
    }

    private ValueTask<Answer> SignOutAsync(Call call, FormReader form, CancellationToken stop)
    {
        var session = AdminSessions.Of(call, gates);
        if (!session.Accepts(form)) return ValueTask.FromResult(PageSessions.Foreign);
        signIns.End(session.Id);
        return ValueTask.FromResult(
            AdminSessions.Begin(call, gates).Keep(Answer.Redirect(AdminFrame.SignInPage)));
    }

    private Answer PageOf(PageSession session, string name, string alert, int status) =>
        session.Keep(HtmlPage.Of(
            "Administration",
            Html.Of($"""
                <p>Sign in as an administrator of {options.ServerName}.</p>
                <p role="alert">{alert}</p>
                <form method="post">
                {session.FormField}
                <label>User name <input name="username" required autocomplete="username" autocapitalize="none"
                spellcheck="false" value="{name}"></label>
                <label>Password <input name="password" type="password" required
                autocomplete="current-password"></label>
                <button>Sign in</button>
                </form>
                <p class="note">This page works by https, or by http on this machine, such as through a tunnel.</p>
                """),
            status: status));

    private static string NextOf(Call call) => Link.NextOf(call.Query.Text("continue"));
}
