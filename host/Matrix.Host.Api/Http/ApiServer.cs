using System.Diagnostics;
using Matrix.Host.Rooms.Reading;
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
    private readonly RouteTable _routes;
    private readonly RequestCounts _counts;
    private readonly ILogger _log;

    private protected ApiServer(Routes routes, RequestCounts counts, ILogger log)
    {
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
            answer ??= await AnswerAsync(http, target, route, names, match.Values);

            status = await SendAsync(http, answer);
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
            if (status >= 500 && !FaultAnswers.IsMove(fault)) Failed(fault, http.TraceIdentifier, method, template);
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

    [LoggerMessage(
        Level = LogLevel.Debug, Message = "Request {RequestId}: {Method} {Route} {Status} in {Milliseconds} ms")]
    private partial void Answered(string requestId, string method, string route, int status, double milliseconds);
}
