using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Guests;
using Matrix.Host.Users.Accounts;

namespace Matrix.Host.Users.Guests;

/// <summary>Ends the accounts of guests who have not been seen for a time: they leave their rooms.</summary>
public sealed class UnusedGuests(
    IStorage storage, Deactivation deactivation, UsersOptions options, TimeProvider time)
{
    private const int PageSize = 100;

    /// <summary>Ends all that are unused now. Returns their number.</summary>
    public async ValueTask<int> EndAsync(CancellationToken stop)
    {
        var since = time.GetUtcNow().Subtract(options.UnusedGuestsKept).ToUnixTimeMilliseconds();
        for (var ended = 0; ;)
        {
            var page = await storage.Guests.UnusedAsync(since, PageSize, stop);
            foreach (var guest in page)
            {
                // A guest who is seen meanwhile, or becomes an ordinary user, stays.
                var unused = new GuestIsUnused(guest, since);
                var result = await deactivation.EndAsync(guest, erase: false, unused, stop);
                if (result == DeactivationResult.Done) ended++;
            }

            if (page.Count < PageSize) return ended;
        }
    }
}
