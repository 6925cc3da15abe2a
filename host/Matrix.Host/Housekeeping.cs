using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Transactions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>Forgets what nobody will ask for again: old transaction ids, tokens that expired long ago. Now and then, while the server runs.</summary>
internal sealed partial class Housekeeping(IStorage storage, TimeProvider clock, TimeSpan expiredTokensKept, int transactionsKept, ILogger<Housekeeping> log)
    : BackgroundService
{
    private static readonly TimeSpan _interval = TimeSpan.FromMinutes(10);

    /// <summary>Once.</summary>
    internal async Task TidyAsync(CancellationToken stop)
    {
        var expiredBefore = clock.GetUtcNow().Subtract(expiredTokensKept).ToUnixTimeMilliseconds();
        var batch = new WriteBatch(2).Add(new TransactionsPurged(transactionsKept)).Add(new ExpiredTokensPurged(expiredBefore));
        await storage.Writer.WriteAsync(batch, stop).ConfigureAwait(false);
    }

    /// <inheritdoc/>
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
                    // The next time will do.
                    Failed(fault);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server stops.
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Housekeeping failed; it is tried again later.")]
    private partial void Failed(StorageException fault);
}
