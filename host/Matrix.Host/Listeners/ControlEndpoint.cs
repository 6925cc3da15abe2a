using Matrix.Host.Outbound.Federation;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Listeners;

/// <summary>Serves the control socket, for `mx`.</summary>
internal static class ControlEndpoint
{
    /// <summary>`POST /federation/retry/{serverName}`: tries a server again that did not answer.</summary>
    private const string Retry = "/federation/retry/";

    internal static async Task AnswerAsync(HttpContext http, FederationOutbound outbound)
    {
        var path = http.Request.Path.Value ?? "";
        if (!HttpMethods.IsPost(http.Request.Method) || !path.StartsWith(Retry, StringComparison.Ordinal))
        {
            await WriteAsync(http, StatusCodes.Status404NotFound, "the server does not know this command");
            return;
        }

        var server = path[Retry.Length..];
        var (status, text) = await outbound.RetryAsync(server, http.RequestAborted) switch
        {
            null => (StatusCodes.Status409Conflict, $"no attempt to reach {server} is waiting"),
            "" => (StatusCodes.Status200OK, $"{server} answers"),
            var failure => (StatusCodes.Status409Conflict, $"{server} was tried: {failure}"),
        };
        await WriteAsync(http, status, text);
    }

    private static Task WriteAsync(HttpContext http, int status, string text)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "text/plain; charset=utf-8";
        return http.Response.WriteAsync(text);
    }
}
