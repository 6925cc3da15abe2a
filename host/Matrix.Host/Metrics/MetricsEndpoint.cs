using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Metrics;

/// <summary>What the listener of the figures answers. It is not one of the protocol: who reads here is a person or Prometheus.</summary>
internal static class MetricsEndpoint
{
    internal static Task AnswerAsync(HttpContext http, MetricsPage page)
    {
        var response = http.Response;
        response.ContentType = "text/plain; charset=utf-8";
        if (http.Request.Path != "/metrics")
        {
            response.StatusCode = StatusCodes.Status404NotFound;
            return response.WriteAsync("Here are /metrics and /health.\n");
        }

        if (!HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method))
        {
            response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            response.Headers.Allow = "GET, HEAD";
            return response.WriteAsync("/metrics is to be read, by GET.\n");
        }

        response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        return response.WriteAsync(page.Write());
    }
}
