using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Presence;
using Matrix.Host.Users.Presence;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>
/// Shows changes of presence while the server runs. Who is present when it stops in order is saved: clients must learn
/// that a user does not come back.
/// </summary>
internal sealed partial class PresenceService(
    PresenceBoard board,
    PresencePublisher publisher,
    EarlyPresence early,
    IStorage storage,
    ILogger<PresenceService> log) : BackgroundService
{
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        if (board.IsOn)
        {
            board.Restore(await storage.Presence.AtStopAsync(cancellationToken));
            storage.Writer.Post(new WriteBatch(1).Add(new PresenceStopped([])));
        }

        await base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (!board.IsOn) return;
        try
        {
            await storage.Writer.WriteAsync(
                new WriteBatch(1).Add(new PresenceStopped(board.Present())), cancellationToken);
        }
        catch (Exception fault) when (fault is StorageException or OperationCanceledException)
        {
            // Clients show them until they come back.
            NotSaved(fault);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            // Neither ends before the server stops, unless it fails.
            var ended = await Task.WhenAny(publisher.RunAsync(stoppingToken), early.RunAsync(stoppingToken));
            await ended;
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops.
        }
#pragma warning disable CA1031 // The server serves without presence.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            Failed(fault);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The users who are present were not saved")]
    private partial void NotSaved(Exception fault);

    [LoggerMessage(Level = LogLevel.Error, Message = "Changes of presence are not shown any more")]
    private partial void Failed(Exception fault);
}
