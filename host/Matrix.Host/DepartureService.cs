using Matrix.Host.Rooms.Accounts;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>Completes deactivations: runs <see cref="Departures"/> while the server runs, and logs failures.</summary>
internal sealed partial class DepartureService(Departures departures, ILogger<DepartureService> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await departures.RunAsync(failed => Failed(failed.UserId, failed.RoomId, failed.Reason), stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops: the next start continues.
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The deactivated user {UserId} could not leave the room {RoomId}; the server will retry: {Reason}")]
    private partial void Failed(string userId, string roomId, string reason);
}
