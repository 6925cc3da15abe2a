using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Api.Pages;

namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>
/// Pages for completing a stage in a browser. A client that does not know the stage then repeats its request with the
/// session alone. v1.19 client-server-api#fallback
/// </summary>
internal sealed class Fallback(UserInteractiveAuth interactive, PageSessions browsers) : IEndpoints
{
    private const string Path = "auth/{authType}/fallback/web";

    /// <summary>As the specification has it; without scripts the user goes back by themselves.</summary>
    private const string Script = """
        if (window.onAuthDone) {
            window.onAuthDone();
        } else if (window.opener && window.opener.postMessage) {
            window.opener.postMessage("authDone", "*");
        }
        """;

    private static readonly Answer _noPage = Failed("This server does not have this authentication stage.", 404);

    private static readonly Answer _noSession = Failed("It took too long, or it is done already.", 404);

    /// <summary>The page of a stage that is complete.</summary>
    internal static Answer Done { get; } = HtmlPage.Of(
        "Done",
        Html.Of($"<p role=\"status\">You can close this page and return to your application.</p>"),
        Script);

    public void Map(ClientRoutes routes)
    {
        var page = new RouteOptions { Access = Access.Anyone, IsPage = true };
        var session = routes.Of(RouteOwner.MintedInQuery("session"));
        session.Get(Path, ShowAsync, page);
        session.PostForm(Path, static form => form, PostAsync, page with { Rate = RateClass.Login });
    }

    private async ValueTask<Answer> ShowAsync(Call call, CancellationToken stop)
    {
        var (opened, refusal) = Read(call);
        if (opened is not { } open) return refusal!;
        return PageOf(await open.Page(call, stop), browsers.Of(call), "", 200);
    }

    private async ValueTask<Answer> PostAsync(Call call, FormReader form, CancellationToken stop)
    {
        var (opened, refusal) = Read(call);
        if (opened is not { } open) return refusal!;
        var browser = browsers.Of(call);
        if (!browser.Accepts(form)) return PageSessions.Foreign;
        var given = new BodyReader(JsonObject.OfSeq(form.All.Select(
            static field => new ValueTuple<string, Json>(field.Key, Json.Of(field.Value)))));
        var attempt = new StageAttempt(open.Session, open.Session.Demand, given, call) { Browser = browser };
        var result = await interactive.AttemptInBrowserAsync(call["authType"], attempt, stop);
        if (result.Proof is not null) return Done;
        if (given.Problem is null && result.Refusal is { Status: 302 or 303 } leads) return browser.Keep(leads);
        if (given.Problem is null && result.Page is { } next)
        {
            return PageOf(next, browser, result.Message, result.Status);
        }

        var (alert, status) = given.Problem is not null ? ("Something is missing.", 400)
            : result.Refusal is { Status: 429 } ? ("There were too many attempts. Wait a moment and try again.", 429)
            : (result.Message.Length > 0 ? result.Message : "It did not work.", 403);
        return PageOf(await open.Page(call, stop), browser, alert, status);
    }

    /// <summary>
    /// The open session of a request whose next stage this is, and the stage's page; otherwise the page that says why
    /// not.
    /// </summary>
    private ((AuthSession Session, StagePageMaker Page)? Opened, Answer? Refusal) Read(Call call)
    {
        if (interactive.StageOf(call["authType"]) is not { } stage) return (null, _noPage);
        if (interactive.Find(call.Query.Text("session")) is not { } session) return (null, _noSession);
        if (stage.PageOf(session) is not { } page) return (null, _noPage);
        return session.ProgressOf(session.Demand.Flows, stage.Type) switch
        {
            StageProgress.Completed => (null, Done),
            StageProgress.NotYet => (null, Failed("This is not the next step.", 403)),
            _ => ((session, page), null),
        };
    }

    private static Answer PageOf(StagePage page, PageSession browser, string alert, int status) =>
        browser.Keep(HtmlPage.Of(
            page.Title,
            Html.Of($"""
                <p role="alert">{alert}</p>
                <form method="post">
                {browser.FormField}
                {page.Fields}
                {page.Buttons}
                </form>
                """),
            formTargets: page.Targets,
            status: status,
            embed: page.Embed));

    private static Answer Failed(string sentence, int status) => HtmlPage.Of(
        "This cannot go on",
        Html.Of($"""
            <p role="alert">{sentence}</p>
            <p>Go back to your application and start again.</p>
            """),
        status: status);
}
