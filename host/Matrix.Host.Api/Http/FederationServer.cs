using System.Runtime.CompilerServices;
using Matrix.Core.Federation;
using Matrix.Core.Json;
using Matrix.Host.Network;
using Matrix.Host.Outbound.Federation;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Handles requests of other servers: rate of the address, signature headers, body, signature, rate of the server,
/// parameters, handler. Server-Server API, "API standards" and "Request Authentication".
/// </summary>
public sealed class FederationServer : ApiServer
{
    // Bodies from one address fill at most this part of the memory for bodies.
    private const int PartOfAddress = 4;

    // The time before a body must arrive at its least rate.
    private static readonly TimeSpan _graceTime = TimeSpan.FromSeconds(10);

    private readonly RequestAuthentication _authentication;
    private readonly RateLimiter _limiter;
    private readonly FederationOutbound _outbound;
    private readonly HttpOptions _options;
    private readonly BodyBudget _bodies;
    private readonly long _longestRead;
    private readonly MinDataRate _bodyRate;

    /// <summary>Maps all endpoints.</summary>
    public FederationServer(
        IEnumerable<IFederationEndpoints> endpoints,
        RequestAuthentication authentication,
        HttpOptions options,
        RateLimiter limiter,
        FederationOutbound outbound,
        ILogger<FederationServer> log)
        : base(Map(endpoints), log)
    {
        _authentication = authentication;
        _limiter = limiter;
        _outbound = outbound;
        _options = options;
        _bodies = new BodyBudget(
            options.FederationBodies,
            Math.Max(options.FederationBodies / PartOfAddress, 2L * options.TransactionBody));
        _longestRead = 2L * Enum.GetValues<BodyLimit>().Max(options.BytesOf);
        _bodyRate = new MinDataRate(options.FederationBodyRate, _graceTime);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private protected override async ValueTask<Answer> AnswerAsync(
        HttpContext http, string target, Route route, string[] names, string[] values)
    {
        var hasBody = route.Method is "PUT" or "POST";
        if (hasBody) LimitBody(http);

        var address = ClientAddress.Of(http, _options.TrustForwardedFor);
        var block = AddressBlock.Of(address);
        var wait = _limiter.Take(RateClass.FederationAddress, block);
        if (wait > TimeSpan.Zero) return Answer.LimitExceeded(wait);

        IReadOnlyList<RequestAuth> credentials = [];
        if (route.Options.Access == Access.Servers)
        {
            (credentials, var refusal) = _authentication.Read(http.Request.Headers.Authorization);
            if (refusal is not null) return refusal;
        }

        else
        {
            // Whoever asks has no name yet.
            wait = _limiter.Take(route.Options.Rate, block);
            if (wait > TimeSpan.Zero) return Answer.LimitExceeded(wait);
        }

        // Every PUT and POST has a body, whatever its handler reads: it is part of what is signed.
        using var share = _bodies.Open(block);
        JsonObject? body = null;
        if (hasBody)
        {
            (body, var problem) = await RequestBody.ReadAsync(
                http, route.Options, _options.BytesOf(route.Options.Body), share, http.RequestAborted)
                .ConfigureAwait(false);
            if (problem is not null) return problem;
        }

        Peer? peer = null;
        if (route.Options.Access == Access.Servers)
        {
            var uri = RequestPath.PathAndQueryOf(target).ToString();
            (peer, var refusal) = await _authentication.VerifyAsync(
                credentials, route.Method, uri, body, address, http.RequestAborted).ConfigureAwait(false);
            if (peer is null) return refusal!;
            _outbound.Wake(peer.ServerName);
            wait = _limiter.Take(route.Options.Rate, peer.ServerName);
            if (wait > TimeSpan.Zero) return Answer.LimitExceeded(wait);
        }

        if (PathParameters.Check(names, values) is { } invalid) return invalid;

        var call = new Call(http, target, route, names, values, null, peer, address);
        return await route.Handle(call, body, http.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>
    /// Sets the web server's limits, which are those of the client listener. The rest of a body that is refused is
    /// thrown away, within bounds: otherwise its sender finds the connection closed, and no response.
    /// </summary>
    private void LimitBody(HttpContext http)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = _longestRead;
        }

        if (http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate) rate.MinDataRate = _bodyRate;
    }

    private static FederationRoutes Map(IEnumerable<IFederationEndpoints> endpoints)
    {
        var routes = new FederationRoutes();
        foreach (var group in endpoints) group.Map(routes);
        return routes;
    }
}
