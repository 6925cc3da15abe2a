using Matrix.Host.Outbound.AppServices;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host.AppServices;

/// <summary>Runs <see cref="AppServiceOutbound"/> while the server runs.</summary>
internal sealed class AppServiceSending(AppServiceOutbound services) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        services.Start();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => services.StopAsync(cancellationToken);
}
