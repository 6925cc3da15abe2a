using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Matrix.Host.Cluster.Routing;

/// <summary>Reads bodies that are forwarded by calls.</summary>
internal static class BriefBodies
{
    /// <summary>The most bytes. Larger requests go by HTTP.</summary>
    public const int Most = 64 * 1024;

    /// <summary>
    /// Reads the body of a request, which can be read again from its beginning. Null if it is too large, or does not
    /// say how large it is: then nothing was read.
    /// </summary>
    /// <exception cref="BadHttpRequestException">It did not arrive as the client said.</exception>
    public static async ValueTask<byte[]?> ReadAsync(HttpContext http, CancellationToken stop)
    {
        var request = http.Request;
        if (http.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false }) return [];
        if (request.ContentLength is not (>= 0 and <= Most and var length)) return null;
        if (request.Body.CanSeek) request.Body.Position = 0;
        var body = new byte[length];
        await request.Body.ReadExactlyAsync(body, stop);
        request.Body = new MemoryStream(body, writable: false);
        return body;
    }
}
