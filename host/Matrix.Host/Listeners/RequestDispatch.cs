using Matrix.Host.Api.Http;
using Matrix.Host.Cluster.Routing;
using Matrix.Host.Metrics;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Listeners;

/// <summary>
/// Sends each request to the API of its listener: clients, other servers, and operators never share paths, except for
/// federation and the administration API on the client listener if the configuration says so.
/// </summary>
internal sealed class RequestDispatch(
    ClientServer clients,
    FederationServer? federation,
    MetricsPage metrics,
    ForwardedRequests? forwarded,
    bool federationOnClient,
    bool adminApart) : IForwardedRequestHandler
{
    /// <inheritdoc/>
    public async Task AnswerAsync(HttpContext http, ForwardedRequest? told)
    {
        if (await forwarded!.TakeAsync(http, told)) await AnswerAsync(http);
    }

    /// <summary>Responds to a request.</summary>
    internal Task AnswerAsync(HttpContext http) => http.Features.Get<AcceptedBy>()?.Listener switch
    {
        Listener.Nodes => AnswerAsync(http, ForwardedRequest.Of(http.Request)),
        Listener.Federation when federation is not null => federation.HandleAsync(http),
        Listener.Metrics when !http.Request.Path.StartsWithSegments("/health") =>
            MetricsEndpoint.AnswerAsync(http, metrics),
        Listener.Admin or Listener.Control when !AdminPaths.Serves(http) => AdminPaths.RefuseAsync(http),
        null or Listener.Client when federationOnClient && federation is not null
            && FederationRoutes.Serves(http.Request.Path.Value) => federation.HandleAsync(http),
        null or Listener.Client when adminApart && AdminPaths.MayServe(http) => AdminPaths.RefuseAsync(http),
        _ => clients.HandleAsync(http),
    };
}
