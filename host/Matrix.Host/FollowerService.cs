using Matrix.Host.Rooms.Upgrading;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>Copies the settings of users who follow a room to the one that replaces it.</summary>
internal sealed partial class FollowerService(RoomFollowers followers, ILogger<FollowerService> log) : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        followers.RunAsync(Failed, stoppingToken);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The settings of a replaced room were not copied")]
    private partial void Failed(Exception fault);
}
