using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.AdminPages.Frame;

/// <summary>
/// What all pages for administrators share: who is signed in, the tokens of forms, the password before what cannot be
/// undone, and the layout.
/// </summary>
internal sealed class AdminFrame(
    AdminSignIns signIns, ActionMessages messages, ShardGates gates, ClientOptions options)
{
    /// <summary>
    /// The prefix of all pages. It is below the path of the administration API, so that whoever closes that path, or
    /// gives it a listener of its own, does the same to the pages.
    /// </summary>
    internal const string Root = AdminPaths.Prefix + "page/";

    /// <summary>The name of the first page.</summary>
    internal const string FirstPage = "overview";

    /// <summary>The name of the page on which administrators sign in.</summary>
    internal const string SignInPage = "sign-in";

    /// <summary>What pages need: they look themselves who is signed in.</summary>
    internal static RouteOptions Options { get; } =
        new() { Access = Access.Anyone, IsPage = true, Rate = RateClass.Admin };

    /// <summary>Maps a page.</summary>
    internal void Page(
        ClientRoutes routes, string name, Func<AdminVisit, CancellationToken, ValueTask<AdminView>> show) =>
        routes.Of(RouteOwner.InCookie).At(Root).Get(name, (call, stop) => ShowAsync(call, name, show, stop), Options);

    /// <summary>Maps an action that can be undone: a form.</summary>
    internal void Action(
        ClientRoutes routes,
        string name,
        Func<AdminVisit, FormReader, CancellationToken, ValueTask<AdminActionResult>> action) =>
        routes.Of(RouteOwner.InCookie).At(Root).PostForm(
            name, static form => form, (call, form, stop) => RunActionAsync(call, form, action, stop), Options);

    /// <summary>Maps an action that cannot be undone: a page that asks for the password, and its form.</summary>
    internal void Confirmed(ClientRoutes routes, string name, IConfirmedAction action)
    {
        Page(routes, name, async (visit, stop) => await AskAsync(action, visit, "", stop));
        Action(routes, name, (visit, form, stop) => ConfirmAsync(action, visit, form, stop));
    }

    /// <summary>The response with a page.</summary>
    internal Answer PageOf(AdminVisit visit, AdminView view)
    {
        if (messages.Take(visit.Session) is { } message)
        {
            view = message.IsAlert ? view with { Alert = message.Text } : view with { Done = message.Text };
        }

        return visit.Session.Keep(Layout.Of(visit, view, options.ServerName));
    }

    /// <summary>Leads the browser to the sign-in page, and then on.</summary>
    internal static Answer ToSignIn(string next) =>
        Answer.Redirect($"{SignInPage}?continue={Uri.EscapeDataString(next)}");

    private async ValueTask<AdminVisit?> VisitAsync(Call call, CancellationToken stop)
    {
        var session = AdminSessions.Of(call, gates);
        return session.NewCookie is null && await signIns.FindAsync(session.Id, stop) is { } user
            ? new AdminVisit(call, session, user)
            : null;
    }

    private async ValueTask<Answer> ShowAsync(
        Call call,
        string name,
        Func<AdminVisit, CancellationToken, ValueTask<AdminView>> show,
        CancellationToken stop)
    {
        if (await VisitAsync(call, stop) is not { } visit)
        {
            return ToSignIn(call.HasQuery ? $"{name}?{call.QueryText}" : name);
        }

        var view = await show(visit, stop);
        return call.Query.Problem ?? PageOf(visit, view);
    }

    private async ValueTask<Answer> RunActionAsync(
        Call call,
        FormReader form,
        Func<AdminVisit, FormReader, CancellationToken, ValueTask<AdminActionResult>> action,
        CancellationToken stop)
    {
        if (!AdminSessions.Of(call, gates).Accepts(form)) return PageSessions.Foreign;
        if (await VisitAsync(call, stop) is not { } visit) return ToSignIn(FirstPage);
        switch (await action(visit, form, stop))
        {
            case AdminActionResult.GoesTo(var page, var message):
                messages.Put(visit.Session, message);
                return visit.Session.Keep(Answer.Redirect(page));
            case AdminActionResult.Shows(var view):
                return PageOf(visit, view);
            default:
                throw new InvalidOperationException("There is no other result.");
        }
    }

    private async ValueTask<AdminView> AskAsync(
        IConfirmedAction action, AdminVisit visit, string alert, CancellationToken stop)
    {
        if (await action.AskAsync(visit, stop) is not { } confirmation)
        {
            return AdminView.Nothing(Sections.Overview, "It does not exist, or no longer.");
        }

        var password = signIns.IsConfirmed(visit.User)
            ? Html.Empty
            : Html.Of($"""
                <label>Your password
                <input name="password" type="password" required autocomplete="current-password"></label>
                """);
        return new AdminView(confirmation.Section, confirmation.Title, Html.Of($"""
            <form method="post" class="panel narrow">
            {visit.Session.FormField}
            {confirmation.Body}
            {password}
            <p class="buttons"><button class="danger">{confirmation.Button}</button>
            <a class="button" href="{confirmation.Back}">Cancel</a></p>
            </form>
            """))
        {
            Alert = alert,
            Status = alert.Length == 0 ? 200 : 403,
        };
    }

    private async ValueTask<AdminActionResult> ConfirmAsync(
        IConfirmedAction action, AdminVisit visit, FormReader form, CancellationToken stop)
    {
        if (!signIns.IsConfirmed(visit.User)
            && await signIns.ConfirmAsync(
                visit.Session.Id, visit.User, form.Text("password") ?? "", visit.Call.Address, stop) is { } refusal)
        {
            return new AdminActionResult.Shows(await AskAsync(action, visit, refusal, stop));
        }

        return await action.DoAsync(visit, form, stop);
    }
}
