using Matrix.Host.Api.Http;
using Matrix.Host.Cluster.Flushes;
using Matrix.Host.Cluster.Routing;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Listeners;

/// <summary>
/// Takes requests that other nodes forward: they are answered as if they had come to this node's listener of the same
/// kind, from the client's address.
/// </summary>
internal sealed class ForwardedRequests(AppliedPositions positions)
{
    /// <summary>
    /// Takes what the other node says of a request. False if it says nothing that can be: then the request is refused.
    /// </summary>
    public async ValueTask<bool> TakeAsync(HttpContext http, ForwardedRequest? told)
    {
        if (told is null
            || !Enum.TryParse<Listener>(told.Listener, out var listener)
            || listener is Listener.Nodes or Listener.Metrics)
        {
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            return false;
        }

        http.Features.Set(told);
        http.Features.Set(new AcceptedBy(listener) { ForwardedFor = told.Address });
        http.Request.Scheme = told.Scheme;
        http.Request.Headers.Host = told.Host;

        // What the other node knows of the caller may just have been written.
        await positions.ReachAsync(told.Position, AppliedPositions.LongestWait, http.RequestAborted);
        return true;
    }
}
