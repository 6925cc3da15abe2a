using Matrix.Host.Api.Http;
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
    bool adminApart)
{
    /// <summary>Responds to a request.</summary>
    internal Task AnswerAsync(HttpContext http) => http.Features.Get<AcceptedBy>()?.Listener switch
    {
        Listener.Nodes => AnswerForwardedAsync(forwarded!, http),
        Listener.Federation when federation is not null => federation.HandleAsync(http),
        Listener.Metrics when !http.Request.Path.StartsWithSegments("/health") =>
            MetricsEndpoint.AnswerAsync(http, metrics),
        Listener.Admin or Listener.Control when !AdminPaths.Serves(http) => AdminPaths.RefuseAsync(http),
        null or Listener.Client when federationOnClient && federation is not null
            && FederationRoutes.Serves(http.Request.Path.Value) => federation.HandleAsync(http),
        null or Listener.Client when adminApart && AdminPaths.MayServe(http) => AdminPaths.RefuseAsync(http),
        _ => clients.HandleAsync(http),
    };

    private async Task AnswerForwardedAsync(ForwardedRequests forwarded, HttpContext http)
    {
        if (await forwarded.TakeAsync(http)) await AnswerAsync(http);
    }
}
