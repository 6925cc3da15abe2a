using Matrix.Host.Rooms.Inbound;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>Continues, after a start, with the received events that waited for others when the server ended.</summary>
internal sealed partial class StagedEventsService(RoomReceiver receiver, ILogger<StagedEventsService> log)
    : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await receiver.ResumeAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops: the next start continues.
        }
#pragma warning disable CA1031 // The server serves without these events; each room reads its own again when it is used.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            Failed(fault);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Events that wait for others were not read")]
    private partial void Failed(Exception fault);
}
