using Matrix.Core.Cluster;
using Matrix.Host.Cluster.Calls;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Cluster.Routing;

/// <summary>Forwards brief requests as calls between nodes.</summary>
internal sealed class CallForwarding(ClusterNode node)
{
    /// <summary>Sends a request once.</summary>
    /// <param name="body">Its body, of at most <see cref="BriefBodies.Most"/> bytes.</param>
    internal async ValueTask<ForwardAttempt> TryAsync(
        HttpContext http, NodeIncarnation to, ForwardedRequest told, byte[] body, CancellationToken stop)
    {
        var answer = await node.Calls.CallAsync(
            to, BriefRequestHandler.Number, BriefRequest.Write(http, told, body), stop);
        if (answer.Outcome == CallOutcome.Refused) return ForwardAttempt.TooLarge;
        if (!answer.IsAnswered || BriefResponse.TryRead(answer.Body) is not { } response)
        {
            node.Suspect(to);
            return ForwardAttempt.Unreachable;
        }

        if (response.WrongNodeAt is { } position) return ForwardAttempt.WrongNode(position);
        await response.SendAsync(http.Response, stop);
        return ForwardAttempt.Answered;
    }
}
