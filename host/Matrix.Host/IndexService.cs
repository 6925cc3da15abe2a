using Matrix.Host.Rooms.Searching;
using Matrix.Host.Rooms.UserDirectory;
using Microsoft.Extensions.Hosting;

namespace Matrix.Host;

/// <summary>Keeps the indexes of messages and users up to date.</summary>
internal sealed class IndexService(SearchIndexer messages, DirectoryIndexer users) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await Task.WhenAll(messages.RunAsync(stoppingToken), users.RunAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops: the next start continues.
        }
    }
}
