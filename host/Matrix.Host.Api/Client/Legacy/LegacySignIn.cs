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
internal sealed class LegacySignIn(
    RegistrationGate gate,
    RegistrationStages stages,
    AddressFlows addresses,
    UserInteractiveAuth interactive,
    LegacyMail mail,
    ClientOptions options) : ILegacyGroup
{
    private const string Page = "/_matrix/static/client/login/";

    private static readonly Answer _closed = Answer.Forbidden("Registration is closed on this server.");

    private static readonly Answer _needsStages = Answer.Forbidden(
        "This server asks for other stages before the password: its flows list them.");

    private static readonly Answer _needsSession = Answer.Forbidden(
        "The session has ended, or its stage was not completed. Begin again.");

    private CurrentOperation _register = null!;
    private CurrentOperation _login = null!;

    private sealed record Given(string Type, string? User, string? Password, string? Token, string? Session)
    {
        internal LegacyMailStep? Mail { get; init; }
    }

    public void Map(LegacyRoutes routes)
    {
        (_register, _login) = (routes.Current.Of("POST", "register"), routes.Current.Of("POST", "login"));
        routes.Get("register", _register, FlowsAsync);
        routes.Post("register", _register, Read, RegisterAsync);
        routes.Same("GET", "login");
        routes.Post("login", _login, LegacyRoutes.Whole, LogInAsync);
        routes.Get("login/fallback", routes.Current.Of("GET", "login"), static (call, _) => ValueTask.FromResult(
            Answer.Redirect(call.HasQuery ? $"{Page}?{call.QueryText}" : Page)));
    }

    /// <summary>The first clients sent no type, and the name as `user_id`.</summary>
    private Given Read(BodyReader body)
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
            case LegacyMail.Url or LegacyMail.Code or LegacyMail.Identity when mail.IsOn:
                return new Given(type, user, null, null, session)
                {
                    Mail = LegacyMail.Read(body, type, hasSession: session is not null),
                };
            case ServiceAnswers.LoginType:
                return new Given(type, user, null, null, session);
            default:
                body.Refuse(MatrixError.Unknown, "Bad login type.");
                return new Given(type, null, null, null, null);
        }
    }

    private async ValueTask<Answer> FlowsAsync(Call call, CancellationToken stop)
    {
        var ways = await gate.WaysAsync(stop);
        return ways.IsClosed ? _closed : Answer.Json(FlowsOf(ways), static (json, flows) =>
        {
            json.WriteStartArray("flows");
            foreach (var flow in flows) WriteFlow(json, flow);
            json.WriteEndArray();
        });
    }

    /// <summary>
    /// Today's flows, with the password at the end. Those with a stage that no old client can do, such as terms, are
    /// left out.
    /// </summary>
    private List<string[]> FlowsOf(RegistrationWays ways)
    {
        var flows = new List<string[]>();
        foreach (var today in addresses.Of(stages.FlowsOf(ways.Freely, ways.ByToken)))
        {
            string[] before = [.. today.Stages.Where(static stage => stage != AuthStage.Dummy)];
            if (before.Any(static stage => stage is not (AuthStage.RegistrationToken or AuthStage.Email))) continue;
            string[] forms = before.Contains(AuthStage.Email) ? [.. LegacyMail.Stages] : [""];
            foreach (var form in forms)
            {
                flows.Add([.. before.Select(stage => stage == AuthStage.Email ? form : stage), AuthStage.Password]);
            }
        }

        return flows;
    }

    private static void WriteFlow(Utf8JsonWriter json, string[] stages)
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
        if (given.Mail is not null || given.Type == AuthStage.RegistrationToken)
        {
            return await TakeStageAsync(call, given, stop);
        }

        var name = LocalPart(given.User);
        if (given.Type == ServiceAnswers.LoginType)
        {
            var ofService = LegacyJson.Of(("type", Json.Of(given.Type)));
            return WithServer(await _register.CallAsync(
                call, name is null ? ofService : ofService.With(("username", Json.Of(name))), stop));
        }

        var ways = await gate.WaysAsync(stop);
        if (given.Session is null && !ways.IsClosed && !FlowsOf(ways).Exists(static flow => flow.Length == 1))
        {
            return _needsStages;
        }

        var auth = given.Session is { } session
            ? LegacyJson.Of(("session", Json.Of(session)))
            : LegacyJson.Of(("type", Json.Of(AuthStage.Dummy)));
        var body = LegacyJson.Of(("password", Json.Of(given.Password!)), ("auth", Json.Of(auth)));
        if (name is not null) body = body.With(("username", Json.Of(name)));
        var answer = await _register.CallAsync(call, body, stop);
        return answer.Status == 401 ? _needsSession : WithServer(answer);
    }

    /// <summary>A stage before the password: a token, or an address.</summary>
    private async ValueTask<Answer> TakeStageAsync(Call call, Given given, CancellationToken stop)
    {
        var sessionId = given.Session;
        if (sessionId is null)
        {
            // A name that is taken is refused before the stages.
            var named = LocalPart(given.User) is { } name
                ? LegacyJson.Of(("username", Json.Of(name)))
                : JsonObject.Empty;
            var begun = await _register.CallAsync(call, named, stop);
            if (begun.Status != 401) return begun;
            sessionId = CurrentAnswers.Parse(begun)?.Text("session");
        }

        if (interactive.Find(sessionId) is not { Demand.IsRegistration: true } session)
        {
            return Answer.NotFound("The authentication session does not exist or has ended.");
        }

        var stage = given.Mail is null ? AuthStage.RegistrationToken : AuthStage.Email;
        var progress = session.ProgressOf(session.Demand.Flows, stage);
        if (progress == StageProgress.NotYet) return Answer.Forbidden("This is not the next stage.");
        if (progress == StageProgress.Next)
        {
            var (shown, response) = given.Mail is { } step
                ? await mail.TakeAsync(call, session, step, stop)
                : (LegacyJson.Of(("token", Json.Of(given.Token!))), null);
            if (response is not null) return response;
            var reader = new BodyReader(shown!);
            var attempt = new StageAttempt(session, session.Demand, reader, call);
            var result = await interactive.AttemptInBrowserAsync(stage, attempt, stop);
            if (reader.Problem is { } wrong) return wrong;
            if (result.Proof is null) return result.Refusal ?? Answer.Forbidden(result.Message);
        }

        return Answer.Json(session, static (json, session) =>
        {
            json.WriteString("session", session.Id);
            json.WriteString("next", NextOf(session));
        });
    }

    /// <summary>The stage that comes next: the password, unless the server asks for an address too.</summary>
    private static string NextOf(AuthSession session) =>
        !session.Demand.Flows.Any(session.Completes)
        && session.ProgressOf(session.Demand.Flows, AuthStage.Email) == StageProgress.Next
            ? LegacyMail.Url
            : AuthStage.Password;

    private async ValueTask<Answer> LogInAsync(Call call, JsonObject body, CancellationToken stop) =>
        WithServer(await _login.CallAsync(call, body, stop));

    private Answer WithServer(Answer answer) =>
        answer.Change(json => json.With(("home_server", Json.Of(options.ServerName))));

    /// <summary>The local part of a name, which may be a user id of this server.</summary>
    private string? LocalPart(string? user) =>
        user is not null && user.StartsWith('@') && user.EndsWith(":" + options.ServerName, StringComparison.Ordinal)
            ? user[1..^(options.ServerName.Length + 1)]
            : user;
}
