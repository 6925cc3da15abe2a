using System.Security.Cryptography;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>The result of demanding authentication.</summary>
/// <param name="Refusal">The response while authentication is incomplete, or the earlier response of the same request
/// if it was granted before; null once authentication is complete.</param>
/// <param name="Request">Identifies the request if it is repeated.</param>
internal readonly record struct AuthOutcome(Answer? Refusal, AuthSession? Session, string Request = "")
{
    /// <summary>
    /// A condition that what was proved still holds, such as an unchanged password. Every write that the request
    /// authorises must require it.
    /// </summary>
    internal ConditionalChange NewCondition() => Session!.NewCondition();
}

/// <summary>
/// Demands authentication for a request, in stages. v1.19 client-server-api#user-interactive-authentication-api
/// </summary>
internal sealed class UserInteractiveAuth
{
    private static readonly Answer _notForOAuth = Answer.Error(
        404,
        MatrixError.Unrecognized,
        "A session of the OAuth 2.0 API cannot do this. Use the account management page.");

    private readonly AuthSessions _sessions;
    private readonly AccountLocks _locks;
    private readonly Dictionary<string, IAuthStage> _stages;
    private readonly IAuthStage[] _provers;

    /// <summary>With the stages that are configured.</summary>
    public UserInteractiveAuth(AuthSessions sessions, AccountLocks locks, IEnumerable<IAuthStage> stages)
    {
        (_sessions, _locks) = (sessions, locks);
        _stages = stages.Where(static stage => stage.IsConfigured)
            .ToDictionary(static stage => stage.Type, StringComparer.Ordinal);
        _provers = [.. _stages.Values.Where(static stage => stage.Proves is not null)];
    }

    /// <summary>Evaluates the `auth` of a body: whether it completes a flow, or the response to send.</summary>
    internal async ValueTask<AuthOutcome> DemandAsync(
        Call call, JsonObject body, AuthDemand demand, CancellationToken stop)
    {
        if (call.CallerIfAny is { IsOAuth: true } && !demand.IsForOAuth) return new AuthOutcome(_notForOAuth, null);
        demand = await ForUserAsync(demand, stop);
        var operation = OperationOf(call, body, demand);
        var reader = new BodyReader(body);
        if (!reader.Has("auth") || reader.HasNull("auth"))
        {
            var started = _sessions.Start(operation, demand, OwnerOf(call));
            return new AuthOutcome(Ask(started, demand), started);
        }

        if (reader.Inner("auth") is not { } auth) return new AuthOutcome(reader.Problem, null);

        var id = auth.Text("session");
        var stage = auth.Text("type");
        if (reader.Problem is { } malformed) return new AuthOutcome(malformed, null);

        var request = RequestOf(call, body);

        // Old clients send their password at once, without a session.
        var session = id is null ? _sessions.Start(operation, demand, OwnerOf(call)) : SessionOf(call, id);
        if (session is null or { IsFinished: true }) return Ended(call, session, operation, demand, request);
        if (session.Operation != operation)
        {
            return new AuthOutcome(
                Answer.Forbidden("The request differs from the one whose authentication was started."), null);
        }

        stage ??= demand.Flows.SelectMany(static flow => flow.Stages).FirstOrDefault(
            type => _stages.GetValueOrDefault(type) is { IsCompletedElsewhere: true });
        var attempted = await ProgressAsync(stage, new(session, demand, auth, call), request, stop);
        if (attempted is { } refused) return refused;
        if (!demand.Flows.Any(session.Completes)) return new AuthOutcome(Ask(session, demand), session, request);
        return await ClaimAsync(call, session, operation, demand, request, stop);
    }

    /// <summary>Attempts a stage, if it is the next one. The outcome if it is not, or is not completed.</summary>
    private async ValueTask<AuthOutcome?> ProgressAsync(
        string? stage, StageAttempt attempt, string request, CancellationToken stop)
    {
        var (session, demand) = (attempt.Session, attempt.Demand);
        var progress = stage is null ? StageProgress.Completed : session.ProgressOf(demand.Flows, stage);
        if (progress == StageProgress.NotYet)
        {
            return new AuthOutcome(
                Ask(session, demand, MatrixError.Unrecognized, $"`{Shorten(stage!)}` is not the next stage."),
                session,
                request);
        }

        if (progress == StageProgress.Next)
        {
            var result = await AttemptAsync(stage!, attempt, stop);
            if (attempt.Given.Problem is { } wrong) return new AuthOutcome(wrong, null);
            if (result is { Proof: null } why)
            {
                return new AuthOutcome(
                    why.Refusal ?? Ask(session, demand, MatrixError.Forbidden, why.Message), session, request);
            }
        }

        return null;
    }

    /// <summary>Claims a session whose stages are completed for this request.</summary>
    private async ValueTask<AuthOutcome> ClaimAsync(
        Call call,
        AuthSession session,
        string operation,
        AuthDemand demand,
        string request,
        CancellationToken stop)
    {
        // Without a token, only the stages show whose account it is.
        var locked = call.CallerIfAny is null && session.UserId is { } user
            ? await _locks.OfUserAsync(user, stop)
            : null;
        if (locked is not null) return new AuthOutcome(UserAnswers.Of(locked), session, request);

        // A session grants one request, so one at a time is carried out. The claim ends with the request, done or not.
        call.Http.Response.RegisterForDispose(await session.ClaimAsync(stop));
        if (session.IsFinished) return Ended(call, session, operation, demand, request);

        // The request before may have reopened a stage.
        return new AuthOutcome(
            demand.Flows.Any(session.Completes) ? null : Ask(session, demand), session, request);
    }

    /// <summary>
    /// The response of a granted request that is repeated unchanged, because its response may have been lost. For
    /// endpoints that would refuse the repetition before they demand authentication.
    /// </summary>
    internal Answer? ResultOf(Call call, JsonObject body)
    {
        var id = new BodyReader(body).Inner("auth")?.Text("session");
        return id is not null && SessionOf(call, id) is { IsFinished: true } session
            ? session.ResultOf(RequestOf(call, body))
            : null;
    }

    /// <summary>
    /// A session. A request that belongs to something else does not go to another node for it: there is none then, and
    /// the client begins again.
    /// </summary>
    /// <exception cref="StorageException">Another node has it, and the request goes there.</exception>
    private AuthSession? SessionOf(Call call, string id)
    {
        try
        {
            return _sessions.Find(id);
        }
        catch (StorageException fault) when (
            fault.Failure == StorageFailure.NotOwned && !call.Route.Owner.IsFoundByHandler)
        {
            return null;
        }
    }

    /// <summary>An open session; null if it does not exist or has ended.</summary>
    internal AuthSession? Find(string? session) =>
        session is not null && _sessions.Find(session) is { IsFinished: false } found ? found : null;

    /// <summary>A stage that is configured; null for others.</summary>
    internal IAuthStage? StageOf(string type) => _stages.GetValueOrDefault(type);

    /// <summary>
    /// Attempts a stage of a session apart from its request, which is then repeated with the session alone.
    /// </summary>
    internal ValueTask<StageResult> AttemptInBrowserAsync(
        string stage, StageAttempt attempt, CancellationToken stop) => AttemptAsync(stage, attempt, stop);

    /// <summary>
    /// Completes a stage that was proved elsewhere; false if it is not the next one of a session of the user.
    /// </summary>
    internal bool Complete(string? session, string stage, StageProof proof)
    {
        if (Find(session) is not { } found || found.Demand.UserId != proof.UserId) return false;
        var progress = found.ProgressOf(found.Demand.Flows, stage);
        if (progress == StageProgress.Next) found.Complete(stage, proof);
        return progress != StageProgress.NotYet;
    }

    /// <summary>Grants the request: its session grants no other, and the same request gets the same response.</summary>
    internal static Answer Grant(AuthOutcome outcome, Answer answer)
    {
        outcome.Session?.Finish(outcome.Request, answer);
        return answer;
    }

    /// <summary>The 401 of a request for which the proved condition does not hold any more.</summary>
    internal Answer AskAgain(AuthOutcome outcome)
    {
        var session = outcome.Session!;
        session.ReopenConditional();
        return Ask(session, session.Demand, MatrixError.Forbidden, "The account has changed since the authentication.");
    }

    /// <summary>
    /// The 401 with the flows and the completed stages. An errcode means that the last attempt failed; then `completed`
    /// is present even if it is empty.
    /// </summary>
    internal Answer Ask(
        AuthSession session, AuthDemand demand, string? code = null, string message = "") => Answer.Json(
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
            foreach (var type in demand.Flows.SelectMany(static flow => flow.Stages).Distinct())
            {
                if (_stages.GetValueOrDefault(type) is not { HasParams: true } stage) continue;
                json.WriteStartObject(type);
                stage.WriteParams(json);
                json.WriteEndObject();
            }

            json.WriteEndObject();
            json.WriteString("session", session.Id);
        },
        401);

    /// <summary>
    /// The outcome for a session that has ended: the response of the granted request if this is the same one, otherwise
    /// a 401 with a new session.
    /// </summary>
    private AuthOutcome Ended(
        Call call, AuthSession? session, string operation, AuthDemand demand, string request)
    {
        if (session?.ResultOf(request) is { } result) return new AuthOutcome(result, session, request);

        var next = _sessions.Start(operation, demand, OwnerOf(call));
        var ask = Ask(next, demand, MatrixError.Forbidden, "The session does not exist or has ended.");
        return new AuthOutcome(ask, next, request);
    }

    /// <summary>
    /// What a user can do in place of the password: users of single sign-on may have none.
    /// </summary>
    private async ValueTask<AuthDemand> ForUserAsync(AuthDemand demand, CancellationToken stop)
    {
        var password = AuthFlow.Password[0];
        if (!demand.Flows.Contains(password) || demand.UserId is not { } userId || _provers.Length < 2) return demand;
        var flows = new List<AuthFlow>(_provers.Length);
        foreach (var stage in _provers)
        {
            if (await stage.Proves!(userId, stop)) flows.Add(new AuthFlow(stage.Type));
        }

        return flows.Count == 0
            ? demand
            : demand with { Flows = [.. flows, .. demand.Flows.Where(flow => flow != password)] };
    }

    /// <summary>Attempts a stage, and completes it if it succeeded.</summary>
    private async ValueTask<StageResult> AttemptAsync(string type, StageAttempt attempt, CancellationToken stop)
    {
        if (!_stages.TryGetValue(type, out var stage)) return StageResult.Wrong("This stage is unknown.");
        var result = await stage.AttemptAsync(attempt, stop);
        if (result.Proof is { } proof) attempt.Session.Complete(type, proof);
        return result;
    }

    /// <summary>
    /// The operation of a session as text to compare. The body counts without its `auth`, whatever its order and
    /// whitespace.
    /// </summary>
    private static string OperationOf(Call call, JsonObject body, AuthDemand demand)
    {
        if (!demand.IsBoundToBody) return $"{EndpointOf(call)} {demand.UserId}";

        var rest = JsonObject.OfSeq(body.Members.Where(m => m.Item1 != "auth"));
        return $"{EndpointOf(call)} {demand.UserId} {call.ParametersText} {DigestOf(rest)}";
    }

    /// <summary>The request with its `auth`, as text to compare.</summary>
    private static string RequestOf(Call call, JsonObject body) =>
        $"{EndpointOf(call)} {call.CallerIfAny?.UserId} {call.ParametersText} {DigestOf(body)}";

    /// <summary>Whose share of the sessions a request takes.</summary>
    private static string? OwnerOf(Call call) => call.Service?.SenderId ?? call.CallerIfAny?.UserId;

    // An older name of an endpoint means the same endpoint.
    private static string EndpointOf(Call call) =>
        $"{call.Method} {call.Template[(call.Template.LastIndexOf("/v3/", StringComparison.Ordinal) + 1)..]}";

    private static string DigestOf(JsonObject json) =>
        Convert.ToHexString(SHA256.HashData(CanonicalJson.Bytes(Json.Of(json))));

    private static string Shorten(string text) => text.Length <= 60 ? text : text[..60] + "…";
}
