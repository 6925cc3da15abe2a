using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Guests;
using Matrix.Host.Users.Accounts;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Users.Guests;

/// <summary>
/// Ends, every hour, the accounts of guests who have not been seen for a time: they leave their rooms.
/// </summary>
public sealed partial class UnusedGuests(
    IGuestsTable guestsTable,
    Deactivation deactivation,
    ShardGates gates,
    UsersOptions options,
    TimeProvider time,
    ILogger<UnusedGuests> log) : DutyService(Authority.Duty("unused guests"), gates)
{
    private const int PageSize = 100;
    private static readonly TimeSpan _interval = TimeSpan.FromHours(1);

    /// <inheritdoc/>
    protected override async Task WorkAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(_interval, time);
        while (await timer.WaitForNextTickAsync(stop))
        {
            try
            {
                var ended = await EndAsync(stop);
                if (ended > 0) Ended(ended);
            }
            catch (StorageException fault)
            {
                // The next round finds the same guests.
                NotEnded(fault);
            }
        }
    }

    /// <summary>Ends all that are unused now. Returns their number.</summary>
    internal async ValueTask<int> EndAsync(CancellationToken stop)
    {
        var since = time.GetUtcNow().Subtract(options.UnusedGuestsKept).ToUnixTimeMilliseconds();
        for (var ended = 0; ;)
        {
            var page = await guestsTable.UnusedAsync(since, PageSize, stop);
            var elsewhere = 0;
            foreach (var guest in page)
            {
                try
                {
                    // A guest who is seen meanwhile, or becomes an ordinary user, stays.
                    var unused = new GuestIsUnused(guest, since);
                    var result = await deactivation.EndAsync(guest, erase: false, unused, stop);
                    if (result == DeactivationResult.Done) ended++;
                }
                catch (StorageException fault) when (fault.Failure == StorageFailure.NotOwned)
                {
                    // No node has them now. The next round finds them again.
                    elsewhere++;
                }
            }

            if (page.Count < PageSize || elsewhere == page.Count) return ended;
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The accounts of {Count} unused guests have ended.")]
    private partial void Ended(int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Accounts of unused guests did not end. The server will retry.")]
    private partial void NotEnded(StorageException fault);
}
