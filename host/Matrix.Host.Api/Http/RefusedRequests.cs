using System.Buffers;
using System.Diagnostics;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Responds to requests that the web server itself refuses before any handler is called: invalid HTTP, oversized lines
/// and headers, undecodable paths. The web server reports each by a diagnostic event and would respond without a body.
/// It is the web server's own event source, so other requests pay nothing for it.
/// v1.19 client-server-api#standard-error-response
/// </summary>
internal sealed partial class RefusedRequests(ILogger<RefusedRequests> log) : DiagnosticSource
{
    private const string Refused = "Microsoft.AspNetCore.Server.Kestrel.BadRequest";

    public override bool IsEnabled(string name) => name == Refused;

    public override void Write(string name, object? value)
    {
        if (name == Refused && value is IFeatureCollection connection) Answer(connection);
    }

    private void Answer(IFeatureCollection connection)
    {
        var response = connection.GetRequiredFeature<IHttpResponseFeature>();
        var transport = connection.Get<IConnectionTransportFeature>()?.Transport;

        // Data after a response was refused, such as the rest of an unread body: the connection just ends.
        if (response.HasStarted || transport is null) return;

        var startedAt = Stopwatch.GetTimestamp();
        HttpMetrics.Started();
        var request = connection.GetRequiredFeature<IHttpRequestFeature>();
        var body = AnswerTo(request, response.StatusCode).ToArray();

        if (connection.Get<AcceptedBy>()?.Listener != Listener.Federation) ApiServer.AllowBrowsers(response.Headers);
        response.Headers.ContentType = "application/json";
        response.Headers.ContentLength = body.Length;
        response.Headers.Connection = "close";

        // There is no request whose body writer could be used. The headers are written now, and the body follows them.
        var headers = connection.GetRequiredFeature<IHttpResponseBodyFeature>().StartAsync();
        Debug.Assert(headers.IsCompletedSuccessfully, "Headers go into a buffer.");
        if (!HttpMethods.IsHead(request.Method)) transport.Output.Write(body);

        HttpMetrics.Answered("(refused)", "(refused)", response.StatusCode, startedAt);
        if (log.IsEnabled(LogLevel.Debug)) Answered(response.StatusCode);
    }

    private static Answer AnswerTo(IHttpRequestFeature request, int status)
    {
        var targetIsRead = !string.IsNullOrEmpty(request.RawTarget);
        return targetIsRead && string.IsNullOrEmpty(request.Path) && status == StatusCodes.Status400BadRequest
            ? Http.Answer.MalformedPath
            : FaultAnswers.Unreadable(status);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Refused an invalid request: {Status}")]
    private partial void Answered(int status);
}
