using Matrix.Host.Users;
using Matrix.Host.Users.AppServices;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Finds the callers of requests and says whether they may call: at first, and again after a request waited.
/// v1.19 client-server-api#using-access-tokens; v1.19 application-service-api#identity-assertion
/// </summary>
public sealed class ClientAdmission(
    IAccessTokens tokens, AppServiceDirectory services, AppServiceCallers serviceCallers, AccountLocks locks)
{
    private static readonly Answer _suspended = Answer.Error(
        403, MatrixError.UserSuspended, "You cannot do this while your account is suspended.");

    /// <summary>The application service whose token a request shows; null for none.</summary>
    internal AppService? ServiceOf(Credentials shown) =>
        services.All.Count > 0 && shown.Token is { } token ? services.ByToken(token.Text) : null;

    /// <summary>The caller of a request, or the error. No caller is no error where a route needs none.</summary>
    /// <param name="service">The service whose token the request shows.</param>
    internal async ValueTask<(Caller? Caller, Answer? Refusal)> AdmitAsync(
        Credentials shown, AppService? service, Route route, CancellationToken stop)
    {
        var (caller, refusal) = service is null
            ? await AuthenticateAsync(shown, route.Options.Access, stop)
            : await MasqueradeAsync(service, shown.Target, route.Options.Access, stop);
        if (refusal is not null) return (null, route.Options.Access == Access.Lenient ? null : refusal);
        return await ModeratedAsync(caller, route, stop) is { } moderated
            ? (null, moderated)
            : (caller, null);
    }

    /// <summary>
    /// The error for a caller who may not call any more; null for others. A token that was refreshed or has expired
    /// since does not count: its session may go on.
    /// </summary>
    internal ValueTask<Answer?> JudgeAgainAsync(
        Credentials shown, Caller caller, Route route, CancellationToken stop) =>
        tokens.IsUnchanged(caller)
            ? ModeratedAsync(caller, route, stop)
            : JudgeChangedAsync(shown, caller, route, stop);

    private async ValueTask<Answer?> JudgeChangedAsync(
        Credentials shown, Caller caller, Route route, CancellationToken stop)
    {
        var (_, refusal) = await AdmitAsync(shown, ServiceOf(shown), route, stop);
        if (refusal?.Code != MatrixError.UnknownToken
            || caller.Service is not null
            || !await tokens.GoesOnAsync(caller, stop))
        {
            return refusal;
        }

        return await locks.OfUserAsync(caller.UserId, stop) is { } locked
            ? Answer.Locked(locked.Message)
            : null;
    }

    /// <summary>
    /// The user and device as which an application service acts. v1.19 application-service-api#identity-assertion
    /// </summary>
    private async ValueTask<(Caller? Caller, Answer? Refusal)> MasqueradeAsync(
        AppService service, string target, Access access, CancellationToken stop)
    {
        var query = new QueryReader(RequestPath.QueryOf(target));
        var device = query.Text("device_id") ?? query.Text("org.matrix.msc3202.device_id");
        if (query.Problem is { } malformed) return (null, malformed);
        var (caller, problem) = await serviceCallers.FindAsync(service, query.Text("user_id"), device, stop);
        return problem switch
        {
            MasqueradeProblem.Forbidden =>
                (null, Answer.Forbidden("The application service has no such user, or has not registered them.")),
            MasqueradeProblem.Deactivated =>
                (null, Answer.Error(403, MatrixError.UserDeactivated, "The account has been deactivated.")),
            MasqueradeProblem.UnknownDevice =>
                (null, Answer.Error(400, MatrixError.UnknownDevice, "The user has no such device.")),
            _ => Admit(caller!, access),
        };
    }

    private async ValueTask<(Caller? Caller, Answer? Refusal)> AuthenticateAsync(
        Credentials shown, Access access, CancellationToken stop)
    {
        if (shown.Token is not { } token)
        {
            return access is Access.Optional or Access.UsersOrNobody or Access.Lenient
                ? (null, null)
                : (null, Answer.Error(401, MatrixError.MissingToken, "This endpoint requires an access token."));
        }

        var (caller, softLogout) = await tokens.FindAsync(token, shown.Address, shown.UserAgent, stop);
        if (caller is null)
        {
            return (null, Answer.Error(
                401,
                MatrixError.UnknownToken,
                softLogout ? "The access token has expired." : "The access token is unknown.",
                // v1.19 client-server-api#soft-logout
                json => json.WriteBoolean("soft_logout", softLogout)));
        }

        return Admit(caller, access);
    }

    /// <summary>
    /// The answer to a caller whose account is locked, or suspended and may not do this; null for others.
    /// v1.19 client-server-api#account-moderation
    /// </summary>
    private ValueTask<Answer?> ModeratedAsync(Caller? caller, Route route, CancellationToken stop)
    {
        if (caller is null || route.Options.OpenToLocked) return new((Answer?)null);
        var locked = locks.OfCallerAsync(caller, stop);
        return locked.IsCompletedSuccessfully
            ? new(AnswerOf(locked.Result, caller, route))
            : WaitAsync(locked, caller, route);

        static async ValueTask<Answer?> WaitAsync(ValueTask<UserFailure?> locked, Caller caller, Route route) =>
            AnswerOf(await locked, caller, route);

        static Answer? AnswerOf(UserFailure? locked, Caller caller, Route route) =>
            locked is not null ? Answer.Locked(locked.Message)
            : caller.IsSuspended && !route.IsOpenToSuspended ? _suspended
            : null;
    }

    private static (Caller? Caller, Answer? Refusal) Admit(Caller caller, Access access) => (access, caller) switch
    {
        (Access.Users or Access.UsersOrNobody, { IsGuest: true }) =>
            (null, Answer.Error(403, MatrixError.GuestAccessForbidden, "Guests cannot do this.")),
        (Access.Admins, { Service: not null }) =>
            (null, Answer.Forbidden("Application services do not administer the server.")),
        (Access.Admins, { IsAdmin: false }) =>
            (null, Answer.Forbidden("Only administrators of this server can do this.")),
        _ => (caller, null),
    };
}
