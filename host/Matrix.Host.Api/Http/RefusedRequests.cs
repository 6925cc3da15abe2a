using System.Buffers;
using System.Diagnostics;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Answers what the web server itself refuses, before any handler is asked: what is no HTTP, lines and headers beyond their limits, a
/// path that cannot be decoded. It tells of each by a diagnostic event, and would else answer without a body.
/// Client-Server API, "Standard error response".
/// </summary>
/// <remarks>As the web server's own source of events, it costs other requests nothing: no listener is asked about them.</remarks>
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

        // What follows an answer was refused, such as the rest of a body that nobody read: the connection ends, and that is all.
        if (response.HasStarted || transport is null) return;

        var startedAt = Stopwatch.GetTimestamp();
        HttpMetrics.Started();
        var request = connection.GetRequiredFeature<IHttpRequestFeature>();
        var body = AnswerTo(request, response.StatusCode).ToArray();

        ApiServer.AllowBrowsers(response.Headers);
        response.Headers.ContentType = "application/json";
        response.Headers.ContentLength = body.Length;
        response.Headers.Connection = "close";

        // There is no request yet whose body writer could be used. The headers are written now, and the body goes behind them.
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

    [LoggerMessage(Level = LogLevel.Debug, Message = "What is no request was refused: {Status}")]
    private partial void Answered(int status);
}
