using System.Text.Json;
using Matrix.Core.Json;
using Matrix.Host.Api.Client.AppServices;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Http;
using Matrix.Host.Users.Accounts;

namespace Matrix.Host.Api.Client.Legacy;

/// <summary>
/// Registration and login in stages, each with its `type` in the body. The 2014 Client-Server API, "Registration and
/// Login". Who may register is decided as today.
/// </summary>
internal sealed class LegacySignIn(RegistrationGate gate, UserInteractiveAuth interactive, ClientOptions options)
    : ILegacyGroup
{
    private const string Page = "/_matrix/static/client/login/";

    private static readonly Answer _closed = Answer.Forbidden("Registration is closed on this server.");

    private static readonly Answer _needsToken = Answer.Forbidden(
        $"This server asks for a registration token first: the stage `{AuthStage.RegistrationToken}`.");

    private static readonly Answer _needsSession = Answer.Forbidden(
        "The session has ended, or its stage was not completed. Begin again.");

    private TodaysOperation _register = null!;
    private TodaysOperation _login = null!;

    private sealed record Given(string Type, string? User, string? Password, string? Token, string? Session);

    public void Map(LegacyRoutes routes)
    {
        (_register, _login) = (routes.Today.Of("POST", "register"), routes.Today.Of("POST", "login"));
        routes.Get("register", _register, FlowsAsync);
        routes.Post("register", _register, Read, RegisterAsync);
        routes.Same("GET", "login");
        routes.Post("login", _login, LegacyRoutes.Whole, LogInAsync);
        routes.Get("login/fallback", routes.Today.Of("GET", "login"), static (call, _) => ValueTask.FromResult(
            Answer.Redirect(call.HasQuery ? $"{Page}?{call.QueryText}" : Page)));
    }

    /// <summary>The first clients sent no type, and the name as `user_id`.</summary>
    private static Given Read(BodyReader body)
    {
        var type = body.Text("type") ?? AuthStage.Password;
        var user = body.Text("user") ?? body.Text("user_id");
        var session = body.Text("session");
        switch (type)
        {
            case AuthStage.Password:
                return new Given(type, user, body.RequiredFreeText("password"), null, session);
            case AuthStage.RegistrationToken:
                return new Given(type, user, null, body.RequiredText("token"), session);
            case ServiceAnswers.LoginType:
                return new Given(type, user, null, null, session);
            default:
                body.Refuse(MatrixError.Unknown, "Bad login type.");
                return new Given(type, null, null, null, null);
        }
    }

    private async ValueTask<Answer> FlowsAsync(Call call, CancellationToken stop)
    {
        var ways = await gate.WaysAsync(stop).ConfigureAwait(false);
        return ways.IsClosed ? _closed : Answer.Json(ways, static (json, ways) =>
        {
            json.WriteStartArray("flows");
            if (ways.Freely) WriteFlow(json, AuthStage.Password);
            if (ways.ByToken) WriteFlow(json, AuthStage.RegistrationToken, AuthStage.Password);
            json.WriteEndArray();
        });
    }

    private static void WriteFlow(Utf8JsonWriter json, params ReadOnlySpan<string> stages)
    {
        json.WriteStartObject();
        json.WriteString("type", stages[0]);
        json.WriteStartArray("stages");
        foreach (var stage in stages) json.WriteStringValue(stage);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private async ValueTask<Answer> RegisterAsync(Call call, Given given, CancellationToken stop)
    {
        if (given.Type == AuthStage.RegistrationToken)
        {
            return await ShowTokenAsync(call, given, stop).ConfigureAwait(false);
        }

        var name = LocalPart(given.User);
        if (given.Type == ServiceAnswers.LoginType)
        {
            var ofService = LegacyJson.Of(("type", Json.NewString(given.Type)));
            return WithServer(await _register.CallAsync(
                call, name is null ? ofService : ofService.With(("username", Json.NewString(name))), stop)
                .ConfigureAwait(false));
        }

        var ways = await gate.WaysAsync(stop).ConfigureAwait(false);
        if (given.Session is null && !ways.Freely && ways.ByToken) return _needsToken;
        var auth = given.Session is { } session
            ? LegacyJson.Of(("session", Json.NewString(session)))
            : LegacyJson.Of(("type", Json.NewString(AuthStage.Dummy)));
        var body = LegacyJson.Of(("password", Json.NewString(given.Password!)), ("auth", Json.NewObject(auth)));
        if (name is not null) body = body.With(("username", Json.NewString(name)));
        var answer = await _register.CallAsync(call, body, stop).ConfigureAwait(false);
        return answer.Status == 401 ? _needsSession : WithServer(answer);
    }

    /// <summary>The stage before the password, where the server asks for a token.</summary>
    private async ValueTask<Answer> ShowTokenAsync(Call call, Given given, CancellationToken stop)
    {
        var session = given.Session;
        if (session is null)
        {
            var begun = await _register.CallAsync(call, JsonObject.Empty, stop).ConfigureAwait(false);
            if (begun.Status != 401) return begun;
            session = TodaysAnswers.Parse(begun)?.Text("session");
        }

        if (session is null) return _needsSession;
        if (interactive.Find(session) is not { } open)
        {
            return Answer.NotFound("The authentication session does not exist or has ended.");
        }

        var turn = open.TurnOf(open.Demand.Flows, AuthStage.RegistrationToken);
        if (turn == StageTurn.NotYet) return Answer.Forbidden("This is not the next stage.");
        if (turn == StageTurn.Next)
        {
            var shown = new BodyReader(LegacyJson.Of(("token", Json.NewString(given.Token!))));
            var attempt = new StageAttempt(open, open.Demand, shown, call);
            var result = await interactive.AttemptInBrowserAsync(AuthStage.RegistrationToken, attempt, stop)
                .ConfigureAwait(false);
            if (shown.Problem is { } wrong) return wrong;
            if (result.Proof is null) return result.Refusal ?? Answer.Forbidden(result.Message);
        }

        return Answer.Json(session, static (json, session) =>
        {
            json.WriteString("session", session);
            json.WriteString("next", AuthStage.Password);
        });
    }

    private async ValueTask<Answer> LogInAsync(Call call, JsonObject body, CancellationToken stop) =>
        WithServer(await _login.CallAsync(call, body, stop).ConfigureAwait(false));

    private Answer WithServer(Answer answer) =>
        answer.Change(json => json.With(("home_server", Json.NewString(options.ServerName))));

    /// <summary>The local part of a name, which may be a user id of this server.</summary>
    private string? LocalPart(string? user) =>
        user is not null && user.StartsWith('@') && user.EndsWith(":" + options.ServerName, StringComparison.Ordinal)
            ? user[1..^(options.ServerName.Length + 1)]
            : user;
}
