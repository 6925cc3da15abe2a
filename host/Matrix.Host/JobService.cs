using Matrix.Host.Rooms.Administration;
using Matrix.Host.Rooms.Jobs;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host;

/// <summary>Carries jobs out while the server runs.</summary>
internal sealed class JobService(JobRunner runner, Retention retention) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await Task.WhenAll(runner.RunAsync(stoppingToken), retention.RunAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops: the next start continues.
        }
    }
}
