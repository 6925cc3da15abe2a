using Matrix.Host.Api.Client.InteractiveAuth.Stages;
using Matrix.Host.Api.Client.OAuth;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.SingleSignOn;

namespace Matrix.Host.Api.Client.SingleSignOn;

/// <summary>
/// The page on which a person who is new chooses a user name, because that of the provider is taken or not valid, and
/// accepts the policies.
/// </summary>
internal sealed class SsoNamePage(
    SsoAttempts attempts,
    SsoAccounts accounts,
    SsoOptions options,
    TermsStage terms,
    PageSessions sessions,
    Browsers browsers,
    ClientOptions client,
    OAuthPaths paths) : IEndpoints
{
    private static readonly Answer _nobody = SsoPages.Failed("This took too long, or is done already.", 400);

    public void Map(ClientRoutes routes)
    {
        if (options.Providers.Count == 0) return;
        var page = new RouteOptions { Access = Access.Anyone, IsPage = true };
        var pages = routes.Of(RouteOwner.InCookie).At(OAuthPaths.Root);
        pages.Get(OAuthPaths.SsoNamePage, ShowAsync, page);
        pages.PostForm(
            OAuthPaths.SsoNamePage, static form => form, PostAsync, page with { Rate = RateClass.Registration });
    }

    private async ValueTask<Answer> ShowAsync(Call call, CancellationToken stop)
    {
        var browser = sessions.Of(call);
        if (attempts.WaitingIn(browser.Id) is not { } newcomer) return _nobody;
        var account = await accounts.FindAsync(newcomer.Identity, stop);
        return account is SsoAccount.Newcomer(var name, var problem)
            ? PageOf(call, browser, newcomer, name, ReasonOf(name, problem), 200)
            : _nobody;
    }

    private async ValueTask<Answer> PostAsync(Call call, FormReader form, CancellationToken stop)
    {
        var browser = sessions.Of(call);
        if (!browser.Accepts(form)) return PageSessions.Foreign;
        if (attempts.WaitingIn(browser.Id) is not { } newcomer) return _nobody;
        var name = (form.Text("username") ?? "").Trim();
        if (!terms.HasAll(form.Text))
        {
            return PageOf(call, browser, newcomer, name, AlertOf("Tick the boxes of all policies first."), 400);
        }

        var created = await accounts.CreateAsync(newcomer.Identity, name, terms.Current, stop);
        if (!created.IsOk) return PageOf(call, browser, newcomer, name, AlertOf(created.Failure.Message), 400);

        // The provider may have ended the session meanwhile.
        return attempts.Leave(browser.Id)
            ? browsers.SignIn(call, created.Value, newcomer.Next, newcomer.Identity.Origin)
            : _nobody;
    }

    private static Html AlertOf(string refusal) => Html.Of($"""<p role="alert">{refusal}</p>""");

    /// <summary>Why the page asks, where the provider's name cannot be the user name.</summary>
    private static Html ReasonOf(string name, UsernameProblem? problem) => problem switch
    {
        null => Html.Empty,
        UsernameProblem.Invalid => Html.Of($"<p>No name there can be your user name here. Choose one.</p>"),
        { } why => Html.Of($"<p>Your name there is “{name}”. {why.ToSentence()} Choose another.</p>"),
    };

    private Answer PageOf(
        Call call, PageSession browser, SsoNewcomer newcomer, string name, Html message, int status) =>
        browser.Keep(HtmlPage.Of(
            "Create your account",
            Html.Of($"""
                <p>You signed in at {newcomer.Identity.Provider.Name}, and are new on {client.ServerName}. The user name
                cannot be changed later.</p>
                {message}
                <form method="post">
                {browser.FormField}
                {NewAccountFields.Username(name)}
                {terms.FieldsFor(call)}
                <button>Create the account</button>
                </form>
                """),
            formTargets: paths.TargetsOf(newcomer.Next),
            status: status));
}
