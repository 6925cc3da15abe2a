using System.Runtime.CompilerServices;
using Matrix.Host.Network;
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
    private readonly IAccessTokens _tokens;
    private readonly RateLimiter _limiter;
    private readonly HttpOptions _options;

    /// <summary>Maps all endpoints.</summary>
    public ClientServer(
        IEnumerable<IEndpoints> endpoints,
        IAccessTokens tokens,
        HttpOptions options,
        RateLimiter limiter,
        ILogger<ClientServer> log)
        : base(Map(endpoints), log)
    {
        _tokens = tokens;
        _limiter = limiter;
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

        Caller? caller = null;
        if (route.Options.Access != Access.Anyone)
        {
            var (found, refusal) = await AuthenticateAsync(http, target, address, route.Options.Access, stop)
                .ConfigureAwait(false);
            if (refusal is not null) return refusal;
            caller = found;
        }

        var wait = _limiter.Take(route.Options.Rate, caller?.UserId ?? AddressBlock.Of(address));
        if (wait > TimeSpan.Zero) return Answer.LimitExceeded(wait);

        if (PathParameters.Check(names, values) is { } invalid) return invalid;

        var call = new Call(http, target, route, names, values, caller, null, address);
        if (!route.TakesBody) return await route.Handle(call, null, stop).ConfigureAwait(false);

        var limit = _options.BytesOf(route.Options.Body);
        var (body, problem) = await RequestBody.ReadAsync(http, route.Options, limit, null, stop).ConfigureAwait(false);
        return problem ?? await route.Handle(call, body, stop).ConfigureAwait(false);
    }

    private static ClientRoutes Map(IEnumerable<IEndpoints> endpoints)
    {
        var routes = new ClientRoutes();
        foreach (var group in endpoints) group.Map(routes);
        return routes;
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
}
