using Matrix.Host.Outbound.Push;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host;

/// <summary>Runs <see cref="PushOutbound"/> while the server runs.</summary>
internal sealed class PushService(PushOutbound push) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        push.Start();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => push.StopAsync();
}
