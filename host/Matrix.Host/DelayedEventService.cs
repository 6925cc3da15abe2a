using Matrix.Host.Rooms.Delayed;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>Sends delayed events: runs <see cref="DelayedEvents"/> while the server runs, and logs failures.</summary>
internal sealed partial class DelayedEventService(DelayedEvents events, ILogger<DelayedEventService> log)
    : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await events.RunAsync(
                (row, failure) => Refused(row.Sender.UserId, row.RoomId, failure.Message),
                (row, fault) => Failed(fault, row.Sender.UserId, row.RoomId),
                stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops: the next start continues.
        }
    }

    [LoggerMessage(
        Level = LogLevel.Information, Message = "A delayed event of {UserId} in {RoomId} was not sent: {Reason}")]
    private partial void Refused(string userId, string roomId, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "A delayed event of {UserId} in {RoomId} could not be sent; the server will retry")]
    private partial void Failed(Exception fault, string userId, string roomId);
}
