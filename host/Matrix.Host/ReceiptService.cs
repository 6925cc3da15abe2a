using Matrix.Host.Rooms.Receipts;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>Applies receipts of other servers that came before their events.</summary>
internal sealed partial class ReceiptService(ReceivedReceipts receipts, ILogger<ReceiptService> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await receipts.RunAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops, and drops what waits.
        }
#pragma warning disable CA1031 // The server serves without these receipts.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            Failed(fault);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Receipts that came before their events are not applied any more")]
    private partial void Failed(Exception fault);
}
