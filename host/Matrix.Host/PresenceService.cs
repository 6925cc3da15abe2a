using Matrix.Host.Users.Presence;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>Shows changes of presence while the server runs.</summary>
internal sealed partial class PresenceService(
    PresencePublisher publisher, EarlyPresence early, ILogger<PresenceService> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            // Neither ends before the server stops, unless it fails.
            var ended = await Task.WhenAny(publisher.RunAsync(stoppingToken), early.RunAsync(stoppingToken))
                .ConfigureAwait(false);
            await ended.ConfigureAwait(false);
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

    [LoggerMessage(Level = LogLevel.Error, Message = "Changes of presence are not shown any more")]
    private partial void Failed(Exception fault);
}
