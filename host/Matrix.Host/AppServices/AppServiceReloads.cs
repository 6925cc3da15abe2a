using Matrix.Host.Configuration;
using Matrix.Host.Users.AppServices;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.AppServices;

/// <summary>Reads the registrations of application services again when their files change.</summary>
internal sealed partial class AppServiceReloads(
    AppServiceFiles files,
    AppServiceDirectory directory,
    HomeserverConfig config,
    TimeProvider clock,
    ILogger<AppServiceReloads> log)
    : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(config.AppServiceCheckInterval, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken)) Reload();
    }

    /// <summary>Reads the files, and replaces the services if the files changed.</summary>
    internal void Reload()
    {
        if (!files.Reload(out var services, out var problem)) return;
        if (problem is not null)
        {
            Kept(problem);
            return;
        }

        directory.Replace(services);
        Replaced(services.Count);
    }

    [LoggerMessage(
        Level = LogLevel.Information, Message = "The registrations of {Count} application services are new.")]
    private partial void Replaced(int count);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The old registrations of application services stay, because the new ones cannot be used: {Problem}")]
    private partial void Kept(string problem);
}
