using Matrix.Core.Json;
using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>
/// Pages for completing a stage in a browser. A client that does not know the stage then repeats its request with the
/// session alone. Client-Server API, "Fallback" of the User-Interactive Authentication API.
/// </summary>
internal sealed class Fallback(UserInteractiveAuth interactive) : IEndpoints
{
    private const string Path = "auth/{authType}/fallback/web";

    private const string Script = """
        whenSubmitted(async given => {
            const body = { session: query.get("session") };
            if ("user" in given) body.identifier = { type: "m.id.user", user: given.user };
            if ("password" in given) body.password = given.password;
            if ("token" in given) body.token = given.token;
            if (!await send(location.pathname, body)) return;
            done("Done. You can return to your application.");
            if (window.onAuthDone) {
                window.onAuthDone();
            } else if (window.opener && window.opener.postMessage) {
                window.opener.postMessage("authDone", "*");
            }
        });
        """;

    private static readonly Answer _noPage = Answer.Error(
        404, MatrixError.Unrecognized, "This server does not have this authentication stage.");

    private static readonly Dictionary<string, Answer> _pages = new(StringComparer.Ordinal)
    {
        [AuthStage.Dummy] = WebPage.Of("Continue", "", Script),
        [AuthStage.RegistrationToken] = WebPage.Of(
            "Register",
            """<p><label>Registration token <input name="token" required autocomplete="off"></label></p>""",
            Script),
        [AuthStage.Password] = WebPage.Of(
            "Confirm that it is you",
            """
            <p><label>User name <input name="user" required autocomplete="username"></label></p>
            <p><label>Password
            <input name="password" type="password" required autocomplete="current-password"></label></p>
            """,
            Script),
    };

    public void Map(ClientRoutes routes)
    {
        routes.Get(
            Path, static query => query.RequiredText("session"), Show, new RouteOptions { Access = Access.Anyone });
        routes.Post(
            Path,
            static body => body.Whole,
            PostAsync,
            new RouteOptions { Access = Access.Anyone, Rate = RateClass.Login });
    }

    private ValueTask<Answer> Show(Call call, string session, CancellationToken stop) => ValueTask.FromResult(
        !_pages.TryGetValue(call["authType"], out var page) ? _noPage
        : interactive.Knows(session) ? page
        : UserInteractiveAuth.NoSession);

    private ValueTask<Answer> PostAsync(Call call, JsonObject given, CancellationToken stop) =>
        _pages.ContainsKey(call["authType"])
            ? interactive.CompleteAsync(call, call["authType"], given, stop)
            : ValueTask.FromResult(_noPage);
}
