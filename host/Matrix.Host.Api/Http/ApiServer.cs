using System.Diagnostics;
using System.Runtime.CompilerServices;
using Matrix.Host.Users.Sessions;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Handles every request: browser headers, route, token, rate, parameters, body, handler; and the standard error
/// response for every failure. Client-Server API, "API Standards" and "Web Browser Clients".
/// </summary>
public sealed partial class ApiServer
{
    private readonly RouteTable _routes;
    private readonly IAccessTokens _tokens;
    private readonly RateLimiter _limiter;
    private readonly HttpOptions _options;
    private readonly ILogger<ApiServer> _log;

    /// <summary>Maps all endpoints.</summary>
    public ApiServer(
        IEnumerable<IEndpoints> endpoints,
        IAccessTokens tokens,
        HttpOptions options,
        RateLimiter limiter,
        ILogger<ApiServer> log)
    {
        var routes = new ClientRoutes();
        foreach (var group in endpoints) group.Map(routes);

        _routes = new RouteTable(routes.All);
        _tokens = tokens;
        _limiter = limiter;
        _options = options;
        _log = log;
    }

    /// <summary>Handles a request. Throws only to end a connection whose client has gone.</summary>
    public async Task HandleAsync(HttpContext http)
    {
        var startedAt = Stopwatch.GetTimestamp();
        HttpMetrics.Started();
        AllowBrowsers(http.Response.Headers);

        var target = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var method = http.Request.Method;
        var template = "(none)";
        var status = 499;
        try
        {
            var match = _routes.Find(RequestPath.PathOf(target));
            (var answer, template) = Choose(match, method, out var route, out var names);
            answer ??= await AnswerAsync(http, target, route, names, match.Values).ConfigureAwait(false);

            status = answer.Status;
            answer.Send(http.Response);
        }
        catch (Exception fault) when (fault is ConnectionResetException or ConnectionAbortedException
            || (fault is OperationCanceledException && http.RequestAborted.IsCancellationRequested))
        {
            // The client has closed the connection.
        }
        catch (Exception fault)
        {
            var answer = FaultAnswers.For(fault, http.TraceIdentifier);
            status = answer.Status;
            if (status >= 500) Failed(fault, http.TraceIdentifier, method, template);
            if (!http.Response.HasStarted) answer.Send(http.Response);
        }
        finally
        {
            HttpMetrics.Answered(method, template, status, startedAt);
            if (_log.IsEnabled(LogLevel.Debug))
            {
                Answered(
                    http.TraceIdentifier,
                    method,
                    template,
                    status,
                    Stopwatch.GetElapsedTime(startedAt).TotalMilliseconds);
            }
        }
    }

    /// <summary>The route or the error, and the request's name in logs and metrics.</summary>
    private static (Answer? Answer, string Template) Choose(
        RouteTable.Match match, string method, out Route route, out string[] names)
    {
        (route, names) = (null!, []);
        if (HttpMethods.IsOptions(method)) return (Answer.Empty, "(options)");
        if (match.Malformed) return (Answer.MalformedPath, "(malformed)");
        if (match.Endpoint is not { } endpoint) return (Answer.UnknownPath, "(unknown)");
        return endpoint.TryFind(method, out route, out names)
            ? (null, route.Template)
            : (Answer.WrongMethod(endpoint.Allowed), "(wrong method)");
    }

    // Pooled state machines: otherwise the garbage collector moves the state that waits for the disk.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Answer> AnswerAsync(
        HttpContext http, string target, Route route, string[] names, string[] values)
    {
        var stop = http.RequestAborted;
        var address = ClientAddress.Of(http, _options.TrustForwardedFor);

        Caller? caller = null;
        if (route.Options.Access != Access.Anyone)
        {
            var (found, refusal) = await AuthenticateAsync(
                http, target, address, route.Options.Access, stop).ConfigureAwait(false);
            if (refusal is not null) return refusal;
            caller = found;
        }

        var wait = _limiter.Take(route.Options.Rate, caller?.UserId ?? address);
        if (wait > TimeSpan.Zero) return Answer.LimitExceeded(wait);

        if (PathParameters.Check(names, values) is { } invalid) return invalid;

        var call = new Call(http, target, route, names, values, caller, address);
        if (!route.TakesBody) return await route.Handle(call, null, stop).ConfigureAwait(false);

        var limit = _options.BytesOf(route.Options.Body);
        var (body, problem) = await RequestBody.ReadAsync(http, route.Options, limit, stop).ConfigureAwait(false);
        return problem ?? await route.Handle(call, body, stop).ConfigureAwait(false);
    }

    private async ValueTask<(Caller? Caller, Answer? Refusal)> AuthenticateAsync(
        HttpContext http, string target, string address, Access access, CancellationToken stop)
    {
        if (PresentedToken.Of(http.Request, target) is not { } token)
        {
            return access == Access.Optional
                ? (null, null)
                : (null, Answer.Error(401, MatrixError.MissingToken, "This endpoint requires an access token."));
        }

        var (caller, softLogout) = await _tokens.FindAsync(token, address, stop).ConfigureAwait(false);
        if (caller is null)
        {
            return (null, Answer.Error(
                401,
                MatrixError.UnknownToken,
                softLogout ? "The access token has expired." : "The access token is unknown.",
                json => json.WriteBoolean("soft_logout", softLogout)));
        }

        return (access, caller) switch
        {
            (Access.Users, { IsGuest: true }) =>
                (null, Answer.Error(403, MatrixError.GuestAccessForbidden, "Guests cannot do this.")),
            (Access.Admins, { IsAdmin: false }) =>
                (null, Answer.Forbidden("Only administrators of this server can do this.")),
            _ => (caller, null),
        };
    }

    internal static void AllowBrowsers(IHeaderDictionary headers)
    {
        headers.AccessControlAllowOrigin = "*";
        headers.AccessControlAllowMethods = "GET, POST, PUT, DELETE, OPTIONS";
        headers.AccessControlAllowHeaders = "X-Requested-With, Content-Type, Authorization";
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Request {RequestId} failed: {Method} {Route}")]
    private partial void Failed(Exception fault, string requestId, string method, string route);

    [LoggerMessage(
        Level = LogLevel.Debug, Message = "Request {RequestId}: {Method} {Route} {Status} in {Milliseconds} ms")]
    private partial void Answered(string requestId, string method, string route, int status, double milliseconds);
}
