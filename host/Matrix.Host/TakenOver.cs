using Matrix.Host.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>Ends the server when another one has taken its database over.</summary>
internal sealed partial class TakenOver(OpenedStorage storage) : BackgroundService
{
    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "The node {Node} is marked as serving. This server waits until it ends or gives no sign of life.")]
    internal static partial void StandsBy(ILogger log, string node);

    /// <exception cref="Storage.Commits.StorageException">Another server has taken the database over.</exception>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken) =>
        throw await storage.Lost.WaitAsync(stoppingToken);
}
