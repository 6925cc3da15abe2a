using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Presence;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Users.Presence;

/// <summary>
/// Shows changes of presence to local users and to other servers: a bounded number at a time, and then a pause. While
/// nothing changes it sleeps.
/// </summary>
public sealed partial class PresencePublisher(
    PresenceBoard board,
    IEnumerable<IPresenceConsumer> consumers,
    PresenceTable presenceTable,
    PresenceOptions options,
    TimeProvider time,
    ILogger<PresencePublisher> log) : BackgroundService
{
    private readonly IPresenceConsumer[] _consumers = [.. consumers];

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await PublishAsync(stoppingToken);
        }
#pragma warning disable CA1031 // The server serves without presence.
        catch (Exception fault) when (fault is not OperationCanceledException || !stoppingToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            LogEnded(fault);
        }
    }

    private async Task PublishAsync(CancellationToken stop)
    {
        while (true)
        {
            await board.WaitAsync(stop);
            await Task.Delay(options.GatherTime, time, stop);
            IReadOnlyList<PresenceChange> changes = [];
            try
            {
                await ReadStatusesAsync(stop);
                changes = board.Take();
                if (changes.Count > 0) await ShowAsync(changes, stop);
            }
            catch (StorageException fault) when (!stop.IsCancellationRequested)
            {
                LogFailed(fault);
                board.Again(changes);
            }
        }
    }

    private async ValueTask ShowAsync(IReadOnlyList<PresenceChange> changes, CancellationToken stop)
    {
        foreach (var consumer in _consumers) await consumer.ShowAsync(changes, stop);
    }

    private async ValueTask ReadStatusesAsync(CancellationToken stop)
    {
        var users = board.WithoutStatus();
        if (users.Count == 0) return;
        board.Learn(users, await presenceTable.StatusesAsync(users, stop));
    }

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "Changes of presence could not be shown; the server will retry")]
    private partial void LogFailed(Exception fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "Changes of presence are not shown any more")]
    private partial void LogEnded(Exception fault);
}
