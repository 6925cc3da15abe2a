using Matrix.Host.Configuration;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.OAuth;
using Matrix.Host.Storage.Tables.SingleSignOn;
using Matrix.Host.Storage.Tables.SlidingConnections;
using Matrix.Host.Storage.Tables.Transactions;
using Matrix.Host.Storage.Tables.ValidationSessions;
using Microsoft.Extensions.Logging;

namespace Matrix.Host;

/// <summary>
/// Deletes old transaction ids, long expired tokens, unused connections of sliding sync, unused OAuth clients and
/// ended proofs of addresses, every ten minutes.
/// </summary>
internal sealed partial class Housekeeping(
    IStorageWriter writer, ShardGates gates, TimeProvider clock, HomeserverConfig config, ILogger<Housekeeping> log)
    : DutyService(_duty, gates)
{
    private static readonly Authority _duty = Authority.Duty("housekeeping");
    private static readonly TimeSpan _interval = TimeSpan.FromMinutes(10);

    /// <summary>How long a device with an expired code still learns that it has expired.</summary>
    private static readonly TimeSpan _codesKept = TimeSpan.FromMinutes(10);

    internal async Task TidyAsync(CancellationToken stop)
    {
        var now = clock.GetUtcNow();
        var unusedClients = now.Subtract(config.Users.OAuth.ClientsKept).ToUnixTimeMilliseconds();
        var batch = new WriteBatch(_duty, 5)
            .Add(new TransactionsPurged(config.Rooms.RememberedTransactions))
            .Add(new ExpiredTokensPurged(now.Subtract(config.ExpiredTokensKept).ToUnixTimeMilliseconds()))
            .Add(new SlidingConnectionsExpired(now.Subtract(config.Sync.SlidingKept).ToUnixTimeMilliseconds()))
            .Add(new ValidationsPurged(now.ToUnixTimeMilliseconds()))
            .Add(new SsoGrantsPurged(now.ToUnixTimeMilliseconds()))
            .Add(new OAuthLeftoversPurged(now.Subtract(_codesKept).ToUnixTimeMilliseconds(), unusedClients));
        await writer.WriteAsync(batch, stop);
    }

    protected override async Task WorkAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(_interval, clock);
        while (await timer.WaitForNextTickAsync(stop))
        {
            try
            {
                await TidyAsync(stop);
            }
            catch (StorageException fault)
            {
                // The next pass deletes the same rows.
                Failed(fault);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Housekeeping failed. The server tries again later.")]
    private partial void Failed(StorageException fault);
}
