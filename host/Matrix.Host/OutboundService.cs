using Matrix.Host.Outbound.Federation;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host;

/// <summary>Runs <see cref="FederationOutbound"/> while the server runs.</summary>
internal sealed class OutboundService(FederationOutbound federation) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        federation.Start();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => federation.StopAsync(cancellationToken);
}
