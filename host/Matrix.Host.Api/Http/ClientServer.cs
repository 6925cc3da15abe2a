using System.Runtime.CompilerServices;
using Matrix.Host.Network;
using Matrix.Host.Storage;
using Matrix.Host.Users;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.AppServices;
using Matrix.Host.Users.Sessions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Handles requests of clients: browser headers, token, rate, parameters, body, handler. Client-Server API, "API
/// Standards" and "Web Browser Clients".
/// </summary>
public sealed class ClientServer : ApiServer
{
    private static readonly Answer _suspended = Answer.Error(
        403, MatrixError.UserSuspended, "You cannot do this while your account is suspended.");

    /// <summary>
    /// The operator, through the control socket: only the server's user can open it, and only the administration API is
    /// served there.
    /// </summary>
    private static readonly Caller _operator = new(
        new UserDevice(AdminActor.Operator.Who, ""), IsAdmin: true, IsGuest: false);

    private static readonly Answer _otherOrigin = Answer.Forbidden("Pages of other origins cannot send this form.");

    private readonly IAccessTokens _tokens;
    private readonly AppServiceDirectory _services;
    private readonly AppServiceCallers _serviceCallers;
    private readonly AccountLocks _locks;
    private readonly RateLimiter _limiter;
    private readonly RateOverrides _overrides;
    private readonly HttpOptions _options;

    /// <summary>Maps all endpoints.</summary>
    public ClientServer(
        IEnumerable<IEndpoints> endpoints,
        IAccessTokens tokens,
        AppServiceDirectory services,
        AppServiceCallers serviceCallers,
        AccountLocks locks,
        HttpOptions options,
        RateLimiter limiter,
        RequestCounts counts,
        RateOverrides overrides,
        ILogger<ClientServer> log)
        : base(Map(endpoints), counts, log)
    {
        _tokens = tokens;
        _services = services;
        _serviceCallers = serviceCallers;
        _locks = locks;
        _limiter = limiter;
        _overrides = overrides;
        _options = options;
    }

    private protected override bool ServesBrowsers => true;

    // Pooled state machines: otherwise the garbage collector moves the state that waits for the disk.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private protected override async ValueTask<Answer> AnswerAsync(
        HttpContext http, string target, Route route, string[] names, string[] values)
    {
        var stop = http.RequestAborted;
        var address = ClientAddress.Of(http, _options.TrustForwardedFor);

        var service = ServiceOf(http, target);
        var isOperator = http.Features.Get<AcceptedBy>()?.Listener == Listener.Control;
        Caller? caller = isOperator ? _operator : null;
        if (route.Options.Access != Access.Anyone && !isOperator)
        {
            var (found, refusal) = service is null
                ? await AuthenticateAsync(http, target, address, route.Options.Access, stop).ConfigureAwait(false)
                : await MasqueradeAsync(service, target, route.Options.Access, stop).ConfigureAwait(false);
            if (refusal is null)
            {
                if (await ModeratedAsync(found, route, stop).ConfigureAwait(false) is { } moderated) return moderated;
                caller = found;
            }
            else if (route.Options.Access != Access.Lenient)
            {
                return refusal;
            }
        }

        if (!isOperator
            && (service is null
                || (service.IsRateLimited && caller is not null && caller.UserId != service.SenderId)))
        {
            var wait = caller is not null
                    && route.Options.Rate == RateClass.Send
                    && _overrides.Find(caller.UserId) is { } rate
                ? _limiter.Take(RateClass.Send, caller.UserId, rate)
                : _limiter.Take(route.Options.Rate, caller?.UserId ?? AddressBlock.Of(address));
            if (wait > TimeSpan.Zero) return Answer.LimitExceeded(wait);
        }

        if (PathParameters.Check(names, values) is { } invalid) return invalid;

        if (route.Options.IsPage && route.Method != "GET" && !SameOrigin.Allows(http.Request)) return _otherOrigin;

        var limit = _options.BytesOf(route.Options.Body);
        if (route.Options.TakesForm)
        {
            var (form, broken) = await RequestBody.ReadFormAsync(http, limit, stop).ConfigureAwait(false);
            return broken ?? await route.Handle(
                new Call(http, target, route, names, values, caller, null, address) { Service = service, Form = form },
                null,
                stop).ConfigureAwait(false);
        }

        var call = new Call(http, target, route, names, values, caller, null, address) { Service = service };
        if (!route.TakesBody) return await route.Handle(call, null, stop).ConfigureAwait(false);

        var (body, problem) = await RequestBody.ReadAsync(http, route.Options, limit, null, stop).ConfigureAwait(false);
        return problem ?? await route.Handle(call, body, stop).ConfigureAwait(false);
    }

    private static ClientRoutes Map(IEnumerable<IEndpoints> endpoints)
    {
        var routes = new ClientRoutes();
        foreach (var group in endpoints) group.Map(routes);
        return routes;
    }

    private AppService? ServiceOf(HttpContext http, string target) =>
        _services.All.Count > 0 && PresentedToken.Of(http.Request, target) is { } token
            ? _services.ByToken(token)
            : null;

    /// <summary>
    /// The user and device as which an application service acts. Application Service API, "Identity assertion".
    /// </summary>
    private async ValueTask<(Caller? Caller, Answer? Refusal)> MasqueradeAsync(
        AppService service, string target, Access access, CancellationToken stop)
    {
        var query = new QueryReader(RequestPath.QueryOf(target));
        var device = query.Text("device_id") ?? query.Text("org.matrix.msc3202.device_id");
        if (query.Problem is { } malformed) return (null, malformed);
        var (caller, problem) = await _serviceCallers.FindAsync(service, query.Text("user_id"), device, stop)
            .ConfigureAwait(false);
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
        HttpContext http, string target, string address, Access access, CancellationToken stop)
    {
        if (PresentedToken.Of(http.Request, target) is not { } token)
        {
            return access is Access.Optional or Access.UsersOrNobody or Access.Lenient
                ? (null, null)
                : (null, Answer.Error(401, MatrixError.MissingToken, "This endpoint requires an access token."));
        }

        var userAgent = http.Request.Headers.UserAgent.ToString();
        var (caller, softLogout) = await _tokens.FindAsync(
            token, address, userAgent.Length == 0 ? null : userAgent, stop).ConfigureAwait(false);
        if (caller is null)
        {
            return (null, Answer.Error(
                401,
                MatrixError.UnknownToken,
                softLogout ? "The access token has expired." : "The access token is unknown.",
                json => json.WriteBoolean("soft_logout", softLogout)));
        }

        return Admit(caller, access);
    }

    /// <summary>
    /// The answer to a caller whose account is locked, or suspended and may not do this; null for others. Client-Server
    /// API, "Account moderation".
    /// </summary>
    private ValueTask<Answer?> ModeratedAsync(Caller? caller, Route route, CancellationToken stop)
    {
        if (caller is null || route.Options.OpenToLocked) return new((Answer?)null);
        var locked = _locks.OfCallerAsync(caller, stop);
        return locked.IsCompletedSuccessfully
            ? new(AnswerOf(locked.Result, caller, route))
            : WaitAsync(locked, caller, route);

        static async ValueTask<Answer?> WaitAsync(ValueTask<UserFailure?> locked, Caller caller, Route route) =>
            AnswerOf(await locked.ConfigureAwait(false), caller, route);

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
