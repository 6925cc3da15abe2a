using Matrix.Host.Rooms.Joining;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>Keeps the server in the rooms of its policy lists, and logs failures.</summary>
internal sealed partial class PolicyRoomService(PolicyRooms rooms, ILogger<PolicyRoomService> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await rooms.RunAsync(Failed, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops.
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The room {RoomId} of a policy list was not joined; the server will retry: {Reason}")]
    private partial void Failed(string roomId, string reason);
}
