using System.Security.Cryptography;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Sodium;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>What came of a demand.</summary>
/// <param name="Refusal">
/// What to answer while authentication is not complete, or the result of the same request if it was granted before;
/// null once it is complete.
/// </param>
/// <param name="Session">The session.</param>
/// <param name="Request">What the request is recognised by when it comes again.</param>
internal readonly record struct AuthOutcome(Answer? Refusal, AuthSession? Session, string Request = "")
{
    /// <summary>
    /// Holds while the password is the one that was given. What is granted for it must require this when it is written.
    /// </summary>
    internal PasswordIs NewCondition() => new(Session!.UserId!, Session.PasswordHash!);
}

/// <summary>
/// Asks a client to authenticate for one request, in stages. Client-Server API, "User-Interactive Authentication API".
/// </summary>
/// <example>
/// <code>
/// var auth = await interactive.DemandAsync(call, body, new AuthDemand(AuthFlow.Password, call.Caller.UserId), stop);
/// if (auth.Refusal is { } refusal) return refusal;
/// … do it, requiring auth.NewCondition() …
/// return UserInteractiveAuth.Grant(auth, answer);
/// </code>
/// </example>
internal sealed class UserInteractiveAuth(
    AuthSessions sessions, PasswordLogin passwords, RegistrationGate gate, ClientOptions options, RateLimiter limiter)
{
    /// <summary>Looks at the `auth` of a body: whether it completes a flow, or what to answer.</summary>
    internal async ValueTask<AuthOutcome> DemandAsync(Call call, JsonObject body, AuthDemand demand, CancellationToken stop)
    {
        var operation = OperationOf(call, body, demand);
        var reader = new BodyReader(body);
        if (!reader.Has("auth") || reader.HasNull("auth"))
        {
            var started = sessions.Start(operation, demand);
            return new AuthOutcome(Ask(started, demand), started);
        }

        if (reader.Inner("auth") is not { } auth) return new AuthOutcome(reader.Problem, null);

        var id = auth.Text("session");
        var stage = auth.Text("type");
        if (reader.Problem is { } malformed) return new AuthOutcome(malformed, null);

        var request = RequestOf(call, body);
        var session = id is null ? null : sessions.Find(id);
        if (session is { IsFinished: true })
        {
            if (session.ResultOf(request) is { } result) return new AuthOutcome(result, session, request);
            session = null;
        }

        if (session is not null && session.Operation != operation)
        {
            return new AuthOutcome(Answer.Forbidden("The request has changed since its authentication began."), null);
        }

        if (session is null)
        {
            session = sessions.Start(operation, demand);

            // Old clients send their password at once, without a session. A session that has ended begins anew.
            if (id is not null) return new AuthOutcome(Ask(session, demand, MatrixError.Forbidden, "There is no such session, or it has ended."), session, request);
        }

        if (stage is not null && !session.Completed.Contains(stage))
        {
            if (!session.IsNext(demand.Flows, stage))
            {
                return new AuthOutcome(Ask(session, demand, MatrixError.Unrecognized, $"`{Shown(stage)}` is not a stage that comes next."), session, request);
            }

            var failure = await AttemptAsync(session, stage, auth, call, demand, stop).ConfigureAwait(false);
            if (reader.Problem is { } wrong) return new AuthOutcome(wrong, null);
            if (failure is { } why) return new AuthOutcome(why.Refusal ?? Ask(session, demand, MatrixError.Forbidden, why.Message), session, request);
        }

        return new AuthOutcome(demand.Flows.Any(session.Completes) ? null : Ask(session, demand), session, request);
    }

    /// <summary>
    /// The result of a request that was granted before and comes again, the same in everything: its answer may have
    /// been lost. For endpoints that would refuse it before they demand authentication.
    /// </summary>
    internal Answer? ResultOf(Call call, JsonObject body)
    {
        var id = new BodyReader(body).Inner("auth")?.Text("session");
        return id is not null && sessions.Find(id) is { IsFinished: true } session ? session.ResultOf(RequestOf(call, body)) : null;
    }

    /// <summary>404: a session that was never begun, or has ended.</summary>
    internal static Answer NoSession { get; } = Answer.NotFound("There is no such session of authentication, or it has ended.");

    /// <summary>Whether there is such a session.</summary>
    internal bool Knows(string session) => sessions.Find(session) is { IsFinished: false };

    /// <summary>Completes a stage of a session apart from its request, which is then repeated with the session alone.</summary>
    internal async ValueTask<Answer> CompleteAsync(Call call, string stage, JsonObject given, CancellationToken stop)
    {
        var reader = new BodyReader(given);
        var id = reader.RequiredText("session");
        if (reader.Problem is { } malformed) return malformed;
        if (sessions.Find(id) is not { IsFinished: false } session) return NoSession;
        if (session.Completed.Contains(stage)) return Answer.Empty;
        if (!session.IsNext(session.Demand.Flows, stage)) return Answer.Forbidden("This stage does not come next.");

        var failure = await AttemptAsync(session, stage, reader, call, session.Demand, stop).ConfigureAwait(false);
        if (reader.Problem is { } wrong) return wrong;
        return failure is { } why ? why.Refusal ?? Answer.Forbidden(why.Message) : Answer.Empty;
    }

    /// <summary>
    /// The request was granted: its session grants no other, and the same request gets the same answer.
    /// </summary>
    internal static Answer Grant(AuthOutcome outcome, Answer answer)
    {
        outcome.Session?.Finish(outcome.Request, answer);
        return answer;
    }

    /// <summary>The 401 of a request whose password has changed since it was given.</summary>
    internal static Answer AskAgain(AuthOutcome outcome, AuthDemand demand)
    {
        outcome.Session!.ReopenPassword();
        return Ask(outcome.Session, demand, MatrixError.Forbidden, "The password has changed since it was given.");
    }

    /// <summary>
    /// The 401 that names the flows, and what is complete of them. An errcode says that the last attempt failed: then
    /// what is complete is named even where that is nothing.
    /// </summary>
    internal static Answer Ask(AuthSession session, AuthDemand demand, string? code = null, string message = "") => Answer.Json(
        json =>
        {
            if (code is not null)
            {
                json.WriteString("errcode", code);
                json.WriteString("error", message);
            }

            if (session.Completed is var completed && (completed.Length > 0 || code is not null))
            {
                json.WriteStartArray("completed");
                foreach (var stage in completed) json.WriteStringValue(stage);
                json.WriteEndArray();
            }

            json.WriteStartArray("flows");
            foreach (var flow in demand.Flows)
            {
                json.WriteStartObject();
                json.WriteStartArray("stages");
                foreach (var stage in flow.Stages) json.WriteStringValue(stage);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteStartObject("params");
            json.WriteEndObject();
            json.WriteString("session", session.Id);
        },
        401);

    /// <summary>Tries a stage; null if it succeeded.</summary>
    private async ValueTask<(string Message, Answer? Refusal)?> AttemptAsync(
        AuthSession session, string stage, BodyReader auth, Call call, AuthDemand demand, CancellationToken stop)
    {
        switch (stage)
        {
            case AuthStage.Dummy:
                session.Complete(stage);
                return null;

            case AuthStage.RegistrationToken:
                var token = auth.RequiredText("token");
                if (auth.Problem is not null) return ("", null);
                if (limiter.Take(RateClass.Registration, call.Address) is { Ticks: > 0 } pause) return ("", Answer.LimitExceeded(pause));
                if (!await gate.IsValidAsync(token, stop).ConfigureAwait(false)) return ("The registration token is not valid.", null);
                session.Complete(stage, token);
                return null;

            case AuthStage.Password:
                var password = auth.RequiredFreeText("password");
                var userId = UserIdentifier.Read(auth, options.ServerName);
                if (auth.Problem is not null) return ("", null);
                if (userId is null) return ("", Answer.Forbidden("Nobody here has that address or number."));
                if (demand.UserId is not null && !IsThat(userId, demand.UserId)) return ("The password must be that of the user who asks.", null);
                switch (await passwords.CheckAsync(demand.UserId ?? userId, password, call.Address, stop).ConfigureAwait(false))
                {
                    case PasswordCheck.Right(var user):
                        session.Complete(stage, userId: user.UserId, passwordHash: user.PasswordHash);
                        return null;
                    case PasswordCheck.TooMany(var wait):
                        return ("", Answer.LimitExceeded(wait));
                    default:
                        return ("The password is wrong.", null);
                }

            default:
                return ("This stage is not known.", null);
        }
    }

    /// <summary>What a session is for, as text to compare. The body counts without its `auth`, whatever its order and spacing.</summary>
    private static string OperationOf(Call call, JsonObject body, AuthDemand demand)
    {
        if (!demand.IsBoundToBody) return $"{EndpointOf(call)} {demand.UserId}";

        var rest = JsonObject.OfSeq(body.Members.Where(m => m.Item1 != "auth"));
        return $"{EndpointOf(call)} {demand.UserId} {call.ParametersText} {DigestOf(rest)}";
    }

    /// <summary>What a request is, its `auth` included, as text to compare.</summary>
    private static string RequestOf(Call call, JsonObject body) =>
        $"{EndpointOf(call)} {call.CallerIfAny?.UserId} {call.ParametersText} {DigestOf(body)}";

    // The endpoint under its older name is the same endpoint.
    private static string EndpointOf(Call call) =>
        $"{call.Method} {call.Template[(call.Template.LastIndexOf("/v3/", StringComparison.Ordinal) + 1)..]}";

    private static string DigestOf(JsonObject json) => Convert.ToHexString(SHA256.HashData(CanonicalJson.bytes(Json.NewObject(json))));

    private static bool IsThat(string? given, string userId) => string.Equals(given, userId, StringComparison.OrdinalIgnoreCase);

    private static string Shown(string text) => text.Length <= 60 ? text : text[..60] + "…";
}
