using System.Runtime.CompilerServices;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Network;
using Matrix.Host.Outbound.Federation;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Handles requests of other servers: rate of the address, signature headers, the sender's keys, body, signature, rate
/// of the server, parameters, handler. v1.19 server-server-api#api-standards,
/// v1.19 server-server-api#request-authentication
/// </summary>
public sealed class FederationServer : ApiServer
{
    // Bodies from one address fill at most this part of the memory for bodies.
    private const int PartOfAddress = 4;

    // Responses to one server fill at most this part of the memory for responses, if it gets several.
    private const int PartOfServer = 4;

    // Responses of this size are not counted: they are as many as connections.
    private const int SmallResponse = 64 * 1024;

    // The time before a body must arrive, or a response be read, at its least rate.
    private static readonly TimeSpan _graceTime = TimeSpan.FromSeconds(10);

    private static readonly Answer _keysTakeLong = Answer.LimitExceeded(
        TimeSpan.FromSeconds(10), "The keys of your server could not be fetched in time.");

    private static readonly Answer _tooManyResponses = Answer.LimitExceeded(
        TimeSpan.FromSeconds(10), "This server is sending too much.");

    private readonly RequestAuthentication _authentication;
    private readonly RateLimiter _limiter;
    private readonly FederationOutbound _outbound;
    private readonly TimeProvider _clock;
    private readonly HttpOptions _options;
    private readonly ByteBudget _bodies;
    private readonly long _longestRead;
    private readonly MinDataRate _bodyRate;
    private readonly ByteBudget _responses;
    private readonly MinDataRate _responseRate;

    /// <summary>Maps all endpoints.</summary>
    public FederationServer(
        IEnumerable<IFederationEndpoints> endpoints,
        RequestAuthentication authentication,
        HttpOptions options,
        RateLimiter limiter,
        FederationOutbound outbound,
        TimeProvider clock,
        RequestCounts counts,
        ILogger<FederationServer> log,
        IRequestNodes? nodes = null)
        : base(Map(endpoints), counts, nodes, log)
    {
        _authentication = authentication;
        _limiter = limiter;
        _outbound = outbound;
        _clock = clock;
        _options = options;
        _bodies = new ByteBudget(
            options.FederationBodies,
            Math.Max(options.FederationBodies / PartOfAddress, 2L * options.TransactionBody));
        _longestRead = 2L * Enum.GetValues<BodyLimit>().Max(options.BytesOf);
        _bodyRate = new MinDataRate(options.FederationBodyRate, _graceTime);
        _responses = new ByteBudget(options.FederationResponses, options.FederationResponses / PartOfServer);
        _responseRate = new MinDataRate(options.FederationResponseRate, _graceTime);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private protected override async ValueTask<Answer> AnswerAsync(
        HttpContext http, string target, Route route, string[] names, string[] values)
    {
        var hasBody = route.Method is "PUT" or "POST";
        if (hasBody) LimitBody(http);
        if (http.Features.Get<IHttpMinResponseDataRateFeature>() is { } rate) rate.MinDataRate = _responseRate;

        var address = ClientAddress.Of(http, _options.TrustForwardedFor);
        var block = AddressBlock.Of(address);
        if (!(Nodes is not null && IsForwarded(http))
            && Limited(_limiter.Take(RateClass.FederationAddress, block)) is { } tooMany)
        {
            return tooMany;
        }

        if (Nodes is { } nodes && PathParameters.Check(names, values) is null)
        {
            // Nothing is verified yet: the owner does that.
            var (shown, _) = _authentication.Read(http.Request.Headers.Authorization);
            var request = new RoutedRequest(names, values, target)
            {
                ServerName = nodes.ServerName,
                Peer = shown is [var first, ..] ? new Peer(first.Origin) : null,
            };
            if (await ForwardAsync(nodes, http, route, request, address) is { } forwarded) return forwarded;
        }

        SignedRequest? signed = null;
        if (route.Options.Access == Access.Servers)
        {
            (signed, var refusal) = await FindKeysAsync(http, target, route, address);
            if (signed is null) return refusal!;
        }
        else if (Limited(_limiter.Take(route.Options.Rate, block)) is { } tooManyOfRoute)
        {
            // Whoever asks has no name yet.
            return tooManyOfRoute;
        }

        // Every PUT and POST has a body, whatever its handler reads: it is part of what is signed.
        using var share = _bodies.Open(block);
        var incoming = new IncomingBody(share, signed);
        JsonObject? body = null;
        if (hasBody)
        {
            using var patience = new CancellationTokenSource(_options.FederationBodyTime, _clock);
            (body, var problem) = await RequestBody.ReadAsync(
                http,
                route.Options,
                _options.BytesOf(route.Options.Body),
                incoming,
                http.RequestAborted,
                patience.Token);
            if (problem is not null) return problem;
        }

        if (signed is not null && Admit(http, route, signed, incoming, body) is { } refused) return refused;
        if (PathParameters.Check(names, values) is { } invalid) return invalid;

        var call = new Call(http, target, route, names, values, null, signed?.Sender, address);
        return await route.Handle(call, body, http.RequestAborted);
    }

    private protected override string AddressOf(HttpContext http) =>
        ClientAddress.Of(http, _options.TrustForwardedFor);

    /// <summary>Verifies the signature of a request, and counts it. The error if it is refused.</summary>
    private Answer? Admit(
        HttpContext http, Route route, SignedRequest signed, IncomingBody incoming, JsonObject? body)
    {
        // Not all servers send canonical JSON, which is what they sign.
        if (!incoming.IsVerified && !signed.Verify(body is null ? [] : JsonText.Write(body)))
        {
            return RequestAuthentication.WrongSignature;
        }

        http.Features.Set(signed.Sender);
        _outbound.Wake(signed.Sender.ServerName);
        return Limited(_limiter.Take(route.Options.Rate, signed.Sender.ServerName));
    }

    /// <summary>
    /// Sends a response within the bounds on the bytes that are held for other servers, and on the time. A response
    /// that is held, such as a state, is memory until it is read at the other end.
    /// </summary>
    private protected override async ValueTask<int> SendAsync(HttpContext http, Answer answer)
    {
        var sent = answer.AsBytes();
        if (sent.Length <= SmallResponse)
        {
            sent.BeginSending();
            return await base.SendAsync(http, sent);
        }

        using var share = _responses.Open(
            http.Features.Get<Peer>()?.ServerName
                ?? AddressBlock.Of(ClientAddress.Of(http, _options.TrustForwardedFor)));
        if (!share.TryGrowAloneTo(sent.Length))
        {
            return await base.SendAsync(http, _tooManyResponses);
        }

        sent.BeginSending();
        using var patience = new CancellationTokenSource(_options.FederationResponseTime, _clock);
        using var ends = patience.Token.UnsafeRegister(static http => ((HttpContext)http!).Abort(), http);
        return await base.SendAsync(http, sent);
    }

    private async ValueTask<(SignedRequest? Signed, Answer? Refusal)> FindKeysAsync(
        HttpContext http, string target, Route route, string address)
    {
        var (credentials, refusal) = _authentication.Read(http.Request.Headers.Authorization);
        if (refusal is not null) return (null, refusal);
        using var patience = new CancellationTokenSource(_options.FederationKeyTime, _clock);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, http.RequestAborted);
        try
        {
            return await _authentication.FindKeysAsync(
                credentials, route.Method, RequestPath.PathAndQueryOf(target).ToString(), address, stop.Token);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested)
        {
            return (null, _keysTakeLong);
        }
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
