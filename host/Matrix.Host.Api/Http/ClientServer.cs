using System.Runtime.CompilerServices;
using Matrix.Core.Json;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Network;
using Matrix.Host.Storage;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.Sessions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Handles requests of clients: browser headers, token, rate, parameters, body, handler.
/// v1.19 client-server-api#api-standards, v1.19 client-server-api#web-browser-clients
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

    /// <summary>The part of all memory for responses, or for bodies, that one caller may have.</summary>
    private const int PartOfUser = 8;

    /// <summary>Bodies of this size are not charged: they are as many as connections.</summary>
    private const int SmallBody = 16 * 1024;

    /// <summary>Responses of this size are not charged.</summary>
    private const int SmallResponse = 64 * 1024;

    /// <summary>What a byte of a body is charged for: its text in several forms, and the values in it.</summary>
    private const int ChargeOfByte = 8;

    private readonly ClientAdmission _admission;
    private readonly WaitingRequests _waiting;
    private readonly ClientRates _rates;
    private readonly HttpOptions _options;
    private readonly ByteBudget _bodies;
    private readonly ByteBudget _responses;
    private readonly IBrowserPages _pages;

    /// <summary>Maps all endpoints.</summary>
    public ClientServer(
        IEnumerable<IEndpoints> endpoints,
        ClientAdmission admission,
        WaitingRequests waiting,
        HttpOptions options,
        ClientRates rates,
        RequestCounts counts,
        TimeProvider clock,
        IBrowserPages pages,
        ILogger<ClientServer> log,
        IRequestNodes? nodes = null)
        : base(Map(endpoints), counts, nodes, log)
    {
        _admission = admission;
        _waiting = waiting;
        _rates = rates;
        _options = options;
        _bodies = Budget(options.ClientBodies, options, clock);
        _responses = Budget(options.ClientResponses, options, clock);
        _pages = pages;
    }

    /// <summary>Bytes that are reserved for responses, and charged for bodies.</summary>
    internal (long Responses, long Bodies) MemoryHeld => (_responses.Held, _bodies.Held);

    private protected override bool ServesBrowsers => true;

    private protected override ValueTask<int> SendAsync(HttpContext http, Answer answer)
    {
        var shown = answer.Code is not null && BrowserRequest.IsNavigation(http.Request)
            ? _pages.InWords(answer)
            : answer;
        return base.SendAsync(http, shown.From(_pages.Server));
    }

    // Pooled state machines: otherwise the garbage collector moves the state that waits for the disk.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private protected override async ValueTask<Answer> AnswerAsync(
        HttpContext http, string target, Route route, string[] names, string[] values)
    {
        var stop = http.RequestAborted;
        var address = ClientAddress.Of(http, _options.TrustForwardedFor);

        var shown = Credentials.Of(http, target, address);
        var service = _admission.ServiceOf(shown);
        var isOperator = http.Features.Get<AcceptedBy>()?.Listener == Listener.Control;
        Caller? caller = isOperator ? _operator : null;
        if (route.Options.Access != Access.Anyone && !isOperator)
        {
            var (found, refusal) = await _admission.AdmitAsync(shown, service, route, stop);
            if (refusal is not null) return refusal;
            caller = found;
        }

        if (!isOperator && !(Nodes is not null && IsForwarded(http))
            && Limited(_rates.Take(route, service, caller, address)) is { } tooMany)
        {
            return tooMany;
        }

        if (PathParameters.Check(names, values) is { } invalid) return invalid;
        if (RefusedPage(http, route) is { } refused) return refused;
        if (Nodes is { } nodes)
        {
            var request = new RoutedRequest(names, values, target)
            {
                ServerName = nodes.ServerName,
                Caller = caller,
                Service = service,
            };
            if (await ForwardAsync(nodes, http, route, request, address) is { } forwarded) return forwarded;
        }

        var call = new Call(http, target, route, names, values, caller, null, address)
        {
            Service = service,
            Server = this,
            Credentials = isOperator ? null : shown,
        };
        return route.TakesBody
            ? await HandleWithBodyAsync(http, call, stop)
            : await HandleAsync(call, null, stop);
    }

    private protected override string AddressOf(HttpContext http) =>
        ClientAddress.Of(http, _options.TrustForwardedFor);

    /// <summary>The error for a request that comes from the wrong page or place; null for others.</summary>
    private Answer? RefusedPage(HttpContext http, Route route)
    {
        if (route.Options.IsPage && route.Method is not ("GET" or "HEAD") && !SameOrigin.Allows(http.Request))
        {
            return _otherOrigin;
        }

        return route.Options.IsLocal && !BrowserRequest.IsLocal(http.Request) ? _pages.ElsewhereOnly : null;
    }

    /// <summary>Reads the body within the caller's share of memory, and handles the request.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Answer> HandleWithBodyAsync(HttpContext http, Call call, CancellationToken stop)
    {
        var route = call.Route;
        var limit = _options.BytesOf(route.Options.Body);
        using var memory = IsSmall(http) ? null : _bodies.Open(OwnerOf(call));
        var charged = ChargeOfByte * Math.Min(http.Request.ContentLength ?? limit, limit);
        var waited = false;
        if (memory is not null)
        {
            var entering = memory.EnterAsync(charged, _options.MemoryWait, stop);
            waited = !entering.IsCompleted;
            if (!await entering) return Answer.Busy;
        }

        JsonObject? body = null;
        Answer? problem;
        if (route.Options.TakesForm)
        {
            var form = RequestBody.ReadFormAsync(http, limit, stop);
            waited |= !form.IsCompleted;
            (call.Form, problem) = await form;
        }
        else
        {
            var incoming = memory is null ? null : new IncomingBody(memory, null, charged);
            var reading = RequestBody.ReadAsync(http, route.Options, limit, incoming, stop);
            waited |= !reading.IsCompleted;
            (body, problem) = await reading;
        }

        // If the body was waited for, the session may have ended: then nothing is done.
        if (problem is null && waited) problem = await JudgeArrivedAsync(call, stop);
        return problem ?? await HandleAsync(call, body, stop);
    }

    /// <summary>
    /// The error for a caller who may not call any more, asked before a response is written and between its steps; null
    /// for others.
    /// </summary>
    internal ValueTask<Answer?> JudgeAgainAsync(Call call, CancellationToken stop) =>
        call.Route.IsJudgedAgain ? JudgeArrivedAsync(call, stop) : new((Answer?)null);

    /// <summary>
    /// The error for a caller who may not call any more, asked after a body arrived, and before anything is done with
    /// it; null for others.
    /// </summary>
    internal ValueTask<Answer?> JudgeArrivedAsync(Call call, CancellationToken stop) =>
        call is { CallerIfAny: { } caller, Credentials: { } shown }
            ? _admission.JudgeAgainAsync(shown, caller, call.Route, stop)
            : new((Answer?)null);

    /// <summary>A request begins that may wait for news; null for the operator's. Disposing ends it.</summary>
    internal WaitingRequest? BeginWaiting(Call call, CancellationToken stop) =>
        call is { CallerIfAny: { } caller, Credentials: { } shown }
            ? _waiting.Begin(shown, caller, call.Route, stop)
            : null;

    /// <summary>
    /// Counts what a request does beyond one of its route. The error if that is too much; null if not.
    /// </summary>
    /// <param name="count">How many requests it counts as.</param>
    /// <param name="taken">How many of these the route's rate has counted.</param>
    internal Answer? Count(Call call, RateClass rate, int count, int taken) =>
        Limited(_rates.Take(call, rate, count, taken));

    /// <summary>
    /// Waits for memory for a large response in the caller's share. Null if this takes too long, or if too many
    /// requests of the caller wait.
    /// </summary>
    internal async ValueTask<ByteBudget.Share?> ReserveAsync(Call call, CancellationToken stop)
    {
        var share = _responses.Open(OwnerOf(call));
        return await share.EnterAsync(_options.LargeResponse, _options.MemoryWait, stop)
            ? share
            : null;
    }

    private async ValueTask<Answer> HandleAsync(Call call, JsonObject? body, CancellationToken stop)
    {
        if (!call.Route.Options.IsLarge)
        {
            var answer = await HandleJudgedAsync(call, body, stop);
            return answer.Length <= SmallResponse ? answer : await HoldAsync(call, answer, stop);
        }

        if (await ReserveAsync(call, stop) is not { } memory) return Answer.Busy;
        try
        {
            return (await HandleJudgedAsync(call, body, stop)).Holding(memory);
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Handles a request. If it only reads and waited, the caller is judged again before the response is written: the
    /// session may have ended meanwhile. A response in steps does so itself.
    /// </summary>
    private ValueTask<Answer> HandleJudgedAsync(Call call, JsonObject? body, CancellationToken stop)
    {
        var handled = call.Route.Handle(call, body, stop);
        return handled.IsCompletedSuccessfully ? handled : JudgeHandledAsync(handled, call, stop);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<Answer> JudgeHandledAsync(ValueTask<Answer> handled, Call call, CancellationToken stop)
    {
        var answer = await handled;
        if (answer.IsInSteps) return answer;

        var isShown = false;
        try
        {
            var refusal = await JudgeAgainAsync(call, stop);
            isShown = refusal is null;
            return refusal ?? answer;
        }
        finally
        {
            if (!isShown) answer.Release();
        }
    }

    /// <summary>A response that is in memory waits until its bytes are free in the caller's share.</summary>
    private async ValueTask<Answer> HoldAsync(Call call, Answer answer, CancellationToken stop)
    {
        var share = _responses.Open(OwnerOf(call));
        try
        {
            if (await share.EnterAsync(answer.Length, _options.MemoryWait, stop))
            {
                return answer.Holding(share);
            }
        }
        catch
        {
            answer.Release();
            throw;
        }

        answer.Release();
        return Answer.Busy;
    }

    private static ByteBudget Budget(long most, HttpOptions options, TimeProvider clock) => new(
        most, Math.Max(most / PartOfUser, options.LargeResponse), options.WaitingRequests, clock);

    /// <summary>Whose share a request takes from. Application services have one of their own.</summary>
    private static string OwnerOf(Call call) =>
        call.Service?.SenderId ?? call.CallerIfAny?.UserId ?? AddressBlock.Of(call.Address);

    private static bool IsSmall(HttpContext http) =>
        http.Request.ContentLength is { } length
            ? length <= SmallBody
            : http.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false };

    private static ClientRoutes Map(IEnumerable<IEndpoints> endpoints)
    {
        var routes = new ClientRoutes();
        foreach (var group in endpoints) group.Map(routes);
        return routes;
    }
}
