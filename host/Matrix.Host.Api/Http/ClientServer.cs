using System.Runtime.CompilerServices;
using Matrix.Core.Json;
using Matrix.Host.Network;
using Matrix.Host.Storage;
using Matrix.Host.Users.Administration;
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
    /// <summary>
    /// The operator, through the control socket: only the server's user can open it, and only the administration API is
    /// served there.
    /// </summary>
    private static readonly Caller _operator = new(
        new UserDevice(AdminActor.Operator.Who, ""), IsAdmin: true, IsGuest: false);

    private static readonly Answer _otherOrigin = Answer.Forbidden("Pages of other origins cannot send this form.");

    private readonly ClientAdmission _admission;
    private readonly WaitingRequests _waiting;
    private readonly RateLimiter _limiter;
    private readonly RateOverrides _overrides;
    private readonly HttpOptions _options;

    /// <summary>Maps all endpoints.</summary>
    public ClientServer(
        IEnumerable<IEndpoints> endpoints,
        ClientAdmission admission,
        WaitingRequests waiting,
        HttpOptions options,
        RateLimiter limiter,
        RequestCounts counts,
        RateOverrides overrides,
        ILogger<ClientServer> log)
        : base(Map(endpoints), counts, log)
    {
        _admission = admission;
        _waiting = waiting;
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

        var shown = Credentials.Of(http.Request, target, address);
        var service = _admission.ServiceOf(shown);
        var isOperator = http.Features.Get<AcceptedBy>()?.Listener == Listener.Control;
        Caller? caller = isOperator ? _operator : null;
        if (route.Options.Access != Access.Anyone && !isOperator)
        {
            var (found, refusal) = await _admission.AdmitAsync(shown, service, route, stop).ConfigureAwait(false);
            if (refusal is not null) return refusal;
            caller = found;
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
        JsonObject? body = null;
        if (route.TakesBody)
        {
            (body, var problem) = await RequestBody.ReadAsync(http, route.Options, limit, null, stop)
                .ConfigureAwait(false);
            if (problem is not null) return problem;
        }

        return caller is not null && !isOperator && route.IsJudgedAgain
            ? await HandleJudgedAsync(call, body, shown, stop).ConfigureAwait(false)
            : await route.Handle(call, body, stop).ConfigureAwait(false);
    }

    /// <summary>
    /// Handles a request that only reads. What waited is judged again before it is written: the session may have ended
    /// meanwhile.
    /// </summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Answer> HandleJudgedAsync(
        Call call, JsonObject? body, Credentials shown, CancellationToken stop)
    {
        Answer answer;
        if (call.Route.Options.Waits)
        {
            using var waiting = _waiting.Begin(shown, call.Caller, call.Route, stop);
            try
            {
                answer = await call.Route.Handle(call, body, waiting.Stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (waiting.Refusal is not null)
            {
                return waiting.Refusal;
            }
        }
        else
        {
            var handled = call.Route.Handle(call, body, stop);
            if (handled.IsCompletedSuccessfully) return handled.Result;
            answer = await handled.ConfigureAwait(false);
        }

        var isShown = false;
        try
        {
            var refusal = await _admission.JudgeAgainAsync(shown, call.Caller, call.Route, stop).ConfigureAwait(false);
            isShown = refusal is null;
            return refusal ?? answer;
        }
        finally
        {
            if (!isShown) answer.Release();
        }
    }

    private static ClientRoutes Map(IEnumerable<IEndpoints> endpoints)
    {
        var routes = new ClientRoutes();
        foreach (var group in endpoints) group.Map(routes);
        return routes;
    }
}
