using Matrix.Host.Storage.Commits;
using Matrix.Host.Sync.Sliding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>Saves the connections of sliding sync when the server stops, so that their clients can go on.</summary>
internal sealed partial class SlidingSyncService(SlidingConnections connections, ILogger<SlidingSyncService> log)
    : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>The web server has stopped before: no request is running.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        try
        {
            await connections.SaveAsync(cancellationToken);
        }
        catch (Exception fault) when (fault is StorageException or OperationCanceledException)
        {
            // Their clients start new ones.
            NotSaved(fault);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Connections of sliding sync were not saved")]
    private partial void NotSaved(Exception fault);
}
