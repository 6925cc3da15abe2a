using Matrix.Host.Media.Store;
using Matrix.Host.Storage.Commits;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Media;

/// <summary>
/// Cleans the folder of a node that has its own, because contents are in a bucket: at intervals, and at start and daily
/// what was made of contents that are gone. Other folders are cleaned by <see cref="MediaCleaning"/>.
/// </summary>
public sealed partial class OwnFolderCleaning(
    MediaCleaner cleaner, MediaOptions options, TimeProvider clock, ILogger<OwnFolderCleaning> log) : BackgroundService
{
    private static readonly TimeSpan _sweepInterval = TimeSpan.FromDays(1);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.HasOwnFolder) return;
        using var timer = new PeriodicTimer(options.CleaningInterval, clock);
        var sweepAt = clock.GetUtcNow();
        do
        {
            try
            {
                await cleaner.CleanFolderAsync(stoppingToken);
                if (clock.GetUtcNow() < sweepAt) continue;
                await cleaner.SweepFolderAsync(stoppingToken);
                sweepAt = clock.GetUtcNow() + _sweepInterval;
            }
            catch (Exception fault) when (fault is StorageException or IOException or UnauthorizedAccessException)
            {
                // The next pass deletes the same files.
                Failed(fault);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "Old thumbnails could not be deleted. The server tries again later.")]
    private partial void Failed(Exception fault);
}
