using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Cluster.Routing;

/// <summary>Answers requests that other nodes forward.</summary>
public interface IForwardedRequestHandler
{
    /// <summary>
    /// Answers a request as if it had come to this node's listener of the same kind, from the client's address.
    /// </summary>
    /// <param name="http">The request. The response is complete when this returns.</param>
    /// <param name="told">What the node that forwards it says of it. Without it, the request is refused.</param>
    Task AnswerAsync(HttpContext http, ForwardedRequest? told);
}
