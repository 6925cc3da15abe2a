using Matrix.Host.Users.RemoteKeys;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>Runs <see cref="RemoteDeviceLists"/> while the server runs.</summary>
internal sealed partial class DeviceListService(RemoteDeviceLists lists, ILogger<DeviceListService> log)
    : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await lists.RunAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops: the next start continues.
        }
#pragma warning disable CA1031 // The server serves without cached lists: clients' queries go to the users' servers.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            Failed(fault);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Device lists of other servers are not fetched any more")]
    private partial void Failed(Exception fault);
}
