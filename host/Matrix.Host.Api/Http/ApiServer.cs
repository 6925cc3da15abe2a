using System.Diagnostics;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage.Commits;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Handles every request to one API: finds its route, responds, sends the standard error response for every failure,
/// measures and logs. How a request is authenticated and limited is the API's own.
/// </summary>
public abstract partial class ApiServer
{
    /// <summary>Bytes of a body that are kept in memory until it is known which node answers; more are in a file.
    /// </summary>
    private const int BufferedInMemory = 64 * 1024;

    /// <summary>Before a request is answered again whose room or user was about to come here, or to go.</summary>
    private static readonly TimeSpan _answersAgain = TimeSpan.FromMilliseconds(5);

    private readonly RouteTable _routes;
    private readonly RequestCounts _counts;
    private readonly IRequestNodes? _nodes;
    private readonly ILogger _log;

    /// <param name="nodes">The nodes of the cluster; null for a server by itself.</param>
    private protected ApiServer(Routes routes, RequestCounts counts, IRequestNodes? nodes, ILogger log)
    {
        _nodes = nodes;
        _routes = new RouteTable(routes.Collected);
        _counts = counts;
        _log = log;
    }

    /// <summary>
    /// Whether web pages of other origins may call the API. v1.19 client-server-api#web-browser-clients
    /// </summary>
    private protected virtual bool ServesBrowsers => false;

    /// <summary>Handles a request. Throws only to end a connection whose client has gone.</summary>
    public async Task HandleAsync(HttpContext http)
    {
        var startedAt = Stopwatch.GetTimestamp();
        HttpMetrics.Started();
        var target = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var method = http.Request.Method;
        var template = "(none)";
        var status = 499;
        var isSync = false;
        Answer? answer = null;
        try
        {
            var match = _routes.Find(RequestPath.PathOf(target));
            if (ServesBrowsers && match.Endpoint is not { IsPage: true })
            {
                AllowBrowsers(http.Response.Headers);
                if (match.Endpoint is { HasETags: true }) AllowETags(http.Response.Headers);
            }

            (answer, template) = Choose(match, method, out var route, out var names);
            isSync = _counts.Began(template);
            answer ??= _nodes is null
                ? await AnswerAsync(http, target, route, names, match.Values)
                : await AnswerAmongNodesAsync(_nodes, http, target, route, names, match.Values);

            status = ReferenceEquals(answer, Answer.Sent) ? http.Response.StatusCode : await SendAsync(http, answer);
        }
        catch (Exception fault) when (fault is ConnectionResetException or ConnectionAbortedException
            || (fault is OperationCanceledException && http.RequestAborted.IsCancellationRequested))
        {
            // The client has closed the connection.
        }
        catch (Exception fault)
        {
            var failure = FaultAnswers.For(fault, http.TraceIdentifier);
            status = fault is ResponseEndedException ? 499 : failure.Status;
            if (FaultAnswers.IsFull(fault))
            {
                NoRoom(http.TraceIdentifier, method, template, fault.Message);
            }
            else if (status >= 500 && !FaultAnswers.IsMove(fault))
            {
                Failed(fault, http.TraceIdentifier, method, template);
            }

            await FailAsync(http, failure);
        }
        finally
        {
            answer?.Release();
            HttpMetrics.Answered(method, template, status, startedAt);
            _counts.Ended(method, template, status, isSync);
            if (_log.IsEnabled(LogLevel.Debug))
            {
                var elapsed = Stopwatch.GetElapsedTime(startedAt);
                Answered(http.TraceIdentifier, method, template, status, elapsed.TotalMilliseconds);
            }
        }
    }

    /// <summary>Sends the response of a failure, unless another has begun.</summary>
    private static async ValueTask FailAsync(HttpContext http, Answer failure)
    {
        if (http.Response.HasStarted)
        {
            // The client must not take a part of the response for the whole.
            http.Abort();
            return;
        }

        http.Response.Headers.CacheControl = default;
        await failure.SendAsync(http.Response);
    }

    /// <summary>Responds to a request whose route was found.</summary>
    /// <param name="names">The names of the path's parameters.</param>
    /// <param name="values">Their values, and perhaps more elements.</param>
    private protected abstract ValueTask<Answer> AnswerAsync(
        HttpContext http, string target, Route route, string[] names, string[] values);

    /// <summary>
    /// Responds on a node. The owner of what the request is about answers it: if the route says who that is, before the
    /// body is read; otherwise once the handler finds that it is elsewhere, which it does before anything else.
    /// </summary>
    private async ValueTask<Answer> AnswerAmongNodesAsync(
        IRequestNodes nodes, HttpContext http, string target, Route route, string[] names, string[] values)
    {
        var stop = http.RequestAborted;
        if (route.Owner.Kind != OwnerKind.Process && !await nodes.EnterAsync(stop)) return Answer.NotLevel;
        if (route.TakesBody) http.Request.EnableBuffering(BufferedInMemory);
        Answer answer;
        for (var since = Stopwatch.GetTimestamp(); ;)
        {
            try
            {
                answer = await AnswerAsync(http, target, route, names, values);
                break;
            }
            catch (StorageException fault) when (
                fault.Failure == StorageFailure.NotOwned && GoesTo(http, fault.Owner)
                    && Stopwatch.GetElapsedTime(since) < nodes.LongestMove)
            {
                var isBrief = route.Options.IsBrief;
                if (await nodes.ForwardAsync(http, fault.Owner, AddressOf(http), isBrief, stop) is { } forwarded)
                {
                    return forwarded;
                }

                // It is this node's now, or again.
                await Task.Delay(_answersAgain, stop);
                Rewind(http.Request);
            }
        }

        // What a sync writes is of its connection only.
        if (!ReferenceEquals(answer, Answer.Sent) && !route.IsJudgedAgain) await nodes.WrittenAsync();

        return answer;
    }

    /// <summary>The answer of the owner of what a request is about; null if it is answered here.</summary>
    private protected static async ValueTask<Answer?> ForwardAsync(
        IRequestNodes nodes, HttpContext http, Route route, RoutedRequest request, string address)
    {
        var owner = await route.Owner.FindAsync(request, http.RequestAborted);
        if (owner.IsNobody) return null;
        http.Features.Set(new FoundOwner(owner));
        if (nodes.IsHere(owner)) return null;
        try
        {
            return await nodes.ForwardAsync(http, owner, address, route.Options.IsBrief, http.RequestAborted);
        }
        catch (BadHttpRequestException broken)
        {
            return RequestBody.Incomplete(http, broken);
        }
    }

    /// <summary>
    /// Whether a request goes where something is that its handler did not find here. If the route says what the request
    /// belongs to, nothing else moves it: a part of it may be done.
    /// </summary>
    private static bool GoesTo(HttpContext http, Authority elsewhere) =>
        !elsewhere.IsNobody && (http.Features.Get<FoundOwner>() is not { } found || found.Owner == elsewhere);

    /// <summary>The nodes of the cluster; null for a server by itself.</summary>
    private protected IRequestNodes? Nodes => _nodes;

    /// <summary>The address that a request came from.</summary>
    private protected abstract string AddressOf(HttpContext http);

    /// <summary>Whether another node forwarded a request, and has counted it.</summary>
    private protected static bool IsForwarded(HttpContext http) =>
        http.Features.Get<AcceptedBy>()?.ForwardedFor is not null;

    private static void Rewind(HttpRequest request)
    {
        if (!request.Body.CanSeek) return;
        request.Body.Position = 0;

        // The reader of a body is known by its stream, and has ended.
        request.Body = Stream.Synchronized(request.Body);
    }

    /// <summary>Sends a response. Returns its status.</summary>
    private protected virtual async ValueTask<int> SendAsync(HttpContext http, Answer answer)
    {
        await answer.SendAsync(http.Response);
        return http.Response.StatusCode;
    }

    /// <summary>The route or the error, and the request's name in logs and metrics.</summary>
    private (Answer? Answer, string Template) Choose(
        RouteTable.Match match, string method, out Route route, out string[] names)
    {
        (route, names) = (null!, []);
        if (ServesBrowsers && HttpMethods.IsOptions(method)) return (Answer.Empty, "(options)");
        if (match.Malformed) return (Answer.MalformedPath, "(malformed)");
        if (match.Endpoint is not { } endpoint) return (Answer.UnknownPath, "(unknown)");
        if (endpoint.TryFind(method, out route, out names)) return (null, route.Template);
        var allowed = ServesBrowsers ? endpoint.Allowed + ", OPTIONS" : endpoint.Allowed;
        return (Answer.WrongMethod(allowed), "(wrong method)");
    }

    /// <summary>The error of a request that has to wait; null if it has not.</summary>
    private protected static Answer? Limited(TimeSpan wait) =>
        wait > TimeSpan.Zero ? Answer.LimitExceeded(wait) : null;

    internal static void AllowBrowsers(IHeaderDictionary headers)
    {
        headers.AccessControlAllowOrigin = "*";
        headers.AccessControlAllowMethods = "GET, POST, PUT, DELETE, OPTIONS";
        headers.AccessControlAllowHeaders = "X-Requested-With, Content-Type, Authorization";
    }

    private static void AllowETags(IHeaderDictionary headers)
    {
        headers.AccessControlAllowHeaders = $"{headers.AccessControlAllowHeaders}, If-Match, If-None-Match";
        headers.AccessControlExposeHeaders = "ETag, X-Max-Bytes";
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Request {RequestId} failed: {Method} {Route}")]
    private partial void Failed(Exception fault, string requestId, string method, string route);

    [LoggerMessage(Level = LogLevel.Error, Message = "Request {RequestId} failed: {Method} {Route}: {Reason}")]
    private partial void NoRoom(string requestId, string method, string route, string reason);

    [LoggerMessage(
        Level = LogLevel.Debug, Message = "Request {RequestId}: {Method} {Route} {Status} in {Milliseconds} ms")]
    private partial void Answered(string requestId, string method, string route, int status, double milliseconds);

    /// <summary>What a request belongs to, as its route says.</summary>
    private sealed record FoundOwner(Authority Owner);
}
