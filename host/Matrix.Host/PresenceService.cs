using Matrix.Host.Users.Presence;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>Shows changes of presence while the server runs.</summary>
internal sealed partial class PresenceService(PresencePublisher publisher, ILogger<PresenceService> log)
    : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await publisher.RunAsync(stoppingToken).ConfigureAwait(false);
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
