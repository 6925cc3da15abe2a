using Matrix.Host.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Listeners;

/// <summary>Reads the certificate again when its files change, so that a renewal needs no restart.</summary>
internal sealed partial class TlsReloads(
    TlsCertificate certificate, HomeserverConfig config, TimeProvider clock, ILogger<TlsReloads> log)
    : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(config.TlsCheckInterval, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (!certificate.Reload(out var problem)) continue;
            if (problem is null) Replaced();
            else Kept(problem);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "New connections get the new TLS certificate.")]
    private partial void Replaced();

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The old TLS certificate stays, because the new one cannot be used: {Problem}")]
    private partial void Kept(string problem);
}
