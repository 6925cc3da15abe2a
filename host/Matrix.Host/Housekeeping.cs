using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.SlidingConnections;
using Matrix.Host.Storage.Tables.Transactions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>
/// Deletes old transaction ids, long expired tokens and unused connections of sliding sync, every ten minutes.
/// </summary>
internal sealed partial class Housekeeping(
    IStorage storage,
    TimeProvider clock,
    TimeSpan expiredTokensKept,
    int transactionsKept,
    TimeSpan slidingKept,
    ILogger<Housekeeping> log) : BackgroundService
{
    private static readonly TimeSpan _interval = TimeSpan.FromMinutes(10);

    internal async Task TidyAsync(CancellationToken stop)
    {
        var expiredBefore = clock.GetUtcNow().Subtract(expiredTokensKept).ToUnixTimeMilliseconds();
        var unusedSince = clock.GetUtcNow().Subtract(slidingKept).ToUnixTimeMilliseconds();
        var batch = new WriteBatch(3)
            .Add(new TransactionsPurged(transactionsKept))
            .Add(new ExpiredTokensPurged(expiredBefore))
            .Add(new SlidingConnectionsExpired(unusedSince));
        await storage.Writer.WriteAsync(batch, stop).ConfigureAwait(false);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_interval, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
            {
                try
                {
                    await TidyAsync(stoppingToken).ConfigureAwait(false);
                }
                catch (StorageException fault)
                {
                    // The next pass deletes the same rows.
                    Failed(fault);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops.
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Housekeeping failed. The server tries again later.")]
    private partial void Failed(StorageException fault);
}
