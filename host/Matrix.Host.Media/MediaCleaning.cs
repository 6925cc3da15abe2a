using Matrix.Host.Media.Previews;
using Matrix.Host.Media.Store;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Media;

/// <summary>Deletes media that is no longer kept, and at start and daily contents without a URI.</summary>
public sealed partial class MediaCleaning(
    MediaCleaner cleaner,
    PreviewCleaner previews,
    ShardGates gates,
    MediaOptions options,
    TimeProvider clock,
    ILogger<MediaCleaning> log) : DutyService(Duty, gates)
{
    /// <summary>The authority over what is deleted in the background.</summary>
    internal static readonly Authority Duty = Authority.Duty("media cleaning");

    private static readonly TimeSpan _sweepInterval = TimeSpan.FromDays(1);

    /// <inheritdoc/>
    protected override async Task WorkAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(options.CleaningInterval, clock);
        var sweepAt = clock.GetUtcNow();
        do
        {
            await TryAsync(cleaner.CleanAsync, stop);
            await TryAsync(previews.CleanAsync, stop);
            if (clock.GetUtcNow() >= sweepAt && await TryAsync(cleaner.SweepAsync, stop))
            {
                sweepAt = clock.GetUtcNow() + _sweepInterval;
            }
        }
        while (await timer.WaitForNextTickAsync(stop));
    }

    /// <summary>Does one part of a pass: the others are done even if it fails.</summary>
    private async ValueTask<bool> TryAsync(Func<CancellationToken, ValueTask> clean, CancellationToken stop)
    {
        try
        {
            await clean(stop);
            return true;
        }
        catch (Exception fault) when (fault is StorageException or IOException or UnauthorizedAccessException)
        {
            // The next pass deletes the same media.
            Failed(fault);
            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Old media could not be deleted. The server tries again later.")]
    private partial void Failed(Exception fault);
}
