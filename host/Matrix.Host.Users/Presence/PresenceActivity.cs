using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Receipts;

namespace Matrix.Host.Users.Presence;

/// <summary>
/// What local users do: they send events and read. Nobody learns of private receipts.
/// v1.19 client-server-api#last-active-ago
/// </summary>
public sealed class PresenceActivity(PresenceBoard board, IAccountsTable accountsTable) : IRestoredConsumer
{
    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        switch (change)
        {
            case EventsAppended { Events: var events }:
                foreach (var each in events)
                {
                    var isLive = (each.Row.Marks & (EventMarks.Outlier | EventMarks.Backfilled)) == 0;
                    if (isLive) board.Acted(each.Row.Sender);
                }

                break;
            case ReceiptMoved { IsLocal: true, Type: not "m.read.private" } receipt:
                board.Acted(receipt.UserId);
                break;
            case UserDeactivated ended:
                board.Ended(ended.UserId);
                break;
        }
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
    }

    /// <inheritdoc/>
    public async ValueTask RestoreAsync(long after, long through, CancellationToken stop)
    {
        // When somebody was active last is not restored: it is shown for minutes only.
        foreach (var userId in board.LocalUsers())
        {
            if (await accountsTable.FindUserAsync(userId, stop) is not { DeactivatedAt: null }) board.Ended(userId);
        }
    }
}
