using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Metrics;

/// <summary>Serves the metrics listener. Its reader is a person or Prometheus, not a Matrix client.</summary>
internal static class MetricsEndpoint
{
    internal static Task AnswerAsync(HttpContext http, MetricsPage page)
    {
        var response = http.Response;
        response.ContentType = "text/plain; charset=utf-8";
        if (http.Request.Path != "/metrics")
        {
            response.StatusCode = StatusCodes.Status404NotFound;
            return response.WriteAsync("See /metrics and /health.\n");
        }

        if (!HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method))
        {
            response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            response.Headers.Allow = "GET, HEAD";
            return response.WriteAsync("/metrics allows GET only.\n");
        }

        response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        return response.WriteAsync(page.Write());
    }
}
