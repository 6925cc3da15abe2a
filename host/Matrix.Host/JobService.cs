using Matrix.Host.Rooms.Jobs;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host;

/// <summary>Carries jobs out while the server runs.</summary>
internal sealed class JobService(JobRunner runner) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await runner.RunAsync(stoppingToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops: the next start continues.
        }
    }
}
