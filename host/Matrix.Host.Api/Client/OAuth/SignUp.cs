using Matrix.Host.Api.Client.AddressPages;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.OAuth;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.OAuth;

/// <summary>The page on which users register. v1.19 client-server-api#user-registration</summary>
internal sealed class SignUp(
    Browsers browsers,
    SignUps signUps,
    PasswordLogin passwords,
    RegistrationStages stages,
    SignUpAddresses addresses,
    ClientOptions client,
    OAuthPaths paths,
    OAuthOptions options) : IEndpoints, ISignInWay
{
    /// <summary>
    /// Fills in the token of the link that the server printed. It is in the fragment, which browsers do not send.
    /// </summary>
    private const string FillsToken = """
        const token = new URLSearchParams(location.hash.slice(1)).get("token");
        const field = document.querySelector("input[name=token]");
        if (token && field) {
            if (!field.value) field.value = token;
            history.replaceState(null, "", location.pathname + location.search);
        }
        """;

    public void Map(ClientRoutes routes)
    {
        if (!options.HasPages) return;
        var page = new RouteOptions { Access = Access.Anyone, IsPage = true, IsLocal = !options.IsOn };
        var pages = routes.Of(RouteOwner.InCookie).At(OAuthPaths.Root);
        pages.Get(OAuthPaths.SignUpPage, ShowAsync, page);
        pages.PostForm(
            OAuthPaths.SignUpPage, static form => form, PostAsync, page with { Rate = RateClass.Registration });
    }

    public async ValueTask<IReadOnlyList<SignInLink>> LinksAsync(string next, CancellationToken stop) =>
        (await signUps.WaysAsync(stop)).IsClosed
            ? []
            : [new SignInLink("Create an account", paths.PathOf(OAuthPaths.SignUpPage, next))];

    private async ValueTask<Answer> ShowAsync(Call call, CancellationToken stop)
    {
        var browser = await browsers.OfAsync(call, stop);
        var ways = await signUps.WaysAsync(stop);
        if (ways.IsClosed) return browsers.ToSignIn(browser, NextOf(call));
        return addresses.FirstOf(call, ways) is { } step
            ? StepPage(browser, call, step, Html.Empty)
            : await PageAsync(browser, ways, SignUpProofs.None, call, Entered.Nothing, stop);
    }

    private async ValueTask<Answer> PostAsync(Call call, FormReader form, CancellationToken stop)
    {
        var browser = await browsers.OfAsync(call, stop);
        if (!browser.Session.Accepts(form)) return PageSessions.Foreign;
        var ways = await signUps.WaysAsync(stop);
        var name = (form.Text("username") ?? "").Trim();
        var password = form.Text("password") ?? "";
        var token = form.Text("token") is { Length: > 0 } given ? given.Trim() : null;

        // The addresses come first, each with forms of its own.
        var isStep = form.Text(AddressDialog.StepField) is not null;
        if (isStep && ways.IsClosed) return browsers.ToSignIn(browser, NextOf(call));
        var proofs = ways.IsClosed ? SignUpProofs.None : await addresses
            .TakeAsync(call, form, browser.Session, isStep ? ways.ByToken : token is not null, stop);
        if (proofs.Next is { } step) return StepPage(browser, call, step, proofs.Kept);
        if (isStep) return await PageAsync(browser, ways, proofs, call, Entered.Nothing, stop);
        if (form.Text("password_again") != password)
        {
            return await AgainAsync("The two passwords differ.");
        }

        // What can be wrong comes before the stages: a captcha is solved for one attempt.
        var judged = await signUps.JudgeAsync(name, password, token, stop);
        if (!judged.IsOk) return await AgainAsync(judged.Failure.Message);
        var (passed, missing) = await stages.AttemptAsync(call, form, browser.Session, stop);
        if (passed is null) return await AgainAsync(missing);
        var created = await signUps
            .CreateAsync(judged.Value, password, token, passed.Accepted, proofs.Proved, call.Attempt().Requester, stop);
        return created.IsOk
            ? browsers.SignIn(call, created.Value, NextOf(call))
            : await AgainAsync(created.Failure.Message);

        ValueTask<Answer> AgainAsync(string alert) =>
            PageAsync(browser, ways, proofs, call, new Entered(name, token ?? "", alert), stop);
    }

    /// <summary>The page of an address that is proved before the rest.</summary>
    private Answer StepPage(Browser browser, Call call, AddressStep step, Html kept) =>
        browser.Session.Keep(HtmlPage.Of(
            step.Title,
            Html.Of($"""
                <p>For your new account on {client.ServerName}.</p>
                <p role="alert">{step.Alert}</p>
                <form method="post">
                {browser.Session.FormField}
                {kept}
                {step.Fields}
                {step.Buttons}
                </form>
                <p><a href="{paths.PathOf(OAuthPaths.SignInPage, NextOf(call))}">I have an account</a></p>
                """),
            status: step.Status));

    private async ValueTask<Answer> PageAsync(
        Browser browser,
        RegistrationWays ways,
        SignUpProofs proofs,
        Call call,
        Entered entered,
        CancellationToken stop)
    {
        var demanded = await stages.PageAsync(call, stop);
        var token = !ways.ByToken ? Html.Empty
            : ways.Freely ? Html.Of(
                $"""
                <label>Registration token, if you have one
                <input name="token" autocomplete="off" value="{entered.Token}"></label>
                """)
            : Html.Of($"""
                <label>Registration token
                <input name="token" required autocomplete="off" value="{entered.Token}"></label>
                """);
        var isFirst = await signUps.AwaitsFirstUserAsync(stop);
        var first = isFirst
            ? Html.Of($"""
                <p>This account is the first one, and administers the server. The registration token is in what the
                server printed at its start.</p>
                """)
            : Html.Empty;
        return browser.Session.Keep(HtmlPage.Of(
            "Create an account",
            Html.Of($"""
                <p>On {client.ServerName}. The user name cannot be changed later.</p>
                {first}
                <p role="alert">{entered.Alert}</p>
                <form method="post">
                {browser.Session.FormField}
                {proofs.Kept}
                {NewAccountFields.Username(entered.Name)}
                {NewAccountFields.Password("Password", "password", passwords)}
                {token}
                {demanded.Fields}
                <button>Create the account</button>
                </form>
                {addresses.LinksOf(call, ways, NextOf(call))}
                <p><a href="{paths.PathOf(OAuthPaths.SignInPage, NextOf(call))}">I have an account</a></p>
                """),
            script: isFirst ? FillsToken : "",
            formTargets: paths.TargetsOf(NextOf(call)),
            status: entered.Alert.Length == 0 ? 200 : 400,
            embed: demanded.Embed));
    }

    private string NextOf(Call call) => paths.NextOf(call.Query.Text("continue"));

    /// <summary>What was entered and stays in the form, and why it was refused. Passwords do not stay.</summary>
    private sealed record Entered(string Name, string Token, string Alert)
    {
        internal static Entered Nothing { get; } = new("", "", "");
    }
}
