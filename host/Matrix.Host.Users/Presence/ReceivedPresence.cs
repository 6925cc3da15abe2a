using Matrix.Core.Ident;
using Matrix.Core.Presence;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Users.Presence;

/// <summary>Takes the presence of other servers' users. v1.19 server-server-api#presence</summary>
public sealed class ReceivedPresence(
    PresenceBoard board,
    EarlyPresence early,
    IMembershipsTable membershipsTable,
    ShardGates gates,
    PresenceOptions options)
{
    /// <summary>The longest `last_active_ago` that is read; after this, no activity is known.</summary>
    public const long LongestAgo = 10L * 365 * 86_400_000;

    /// <summary>The most users of a transaction.</summary>
    public int MaxUsers => options.MaxReceived;

    /// <summary>The most bytes of a message; a longer one is not shown.</summary>
    public int StatusBytes => options.StatusBytes;

    /// <summary>
    /// Shows users of a server who share a room with a local user. Returns the number of updates of other users: they
    /// are shown if the users join soon, and are ignored otherwise.
    /// </summary>
    /// <exception cref="StorageException">Another node has the server.</exception>
    public async ValueTask<int> ReceiveAsync(
        string origin, IReadOnlyList<PresenceUpdate> updates, CancellationToken stop)
    {
        if (!board.IsFederated) return updates.Count;
        using var visit = gates.Enter(Authority.Server(origin));
        var own = updates.Where(each => UserId.IsValid(each.UserId) && UserId.Server(each.UserId) == origin)
            .Take(options.MaxReceived).ToArray();
        var unknown = own.Where(each => !board.Knows(each.UserId)).Select(static each => each.UserId).ToHashSet();
        if (unknown.Count > 0)
        {
            var shared = await membershipsTable.SharedRoomsAsync(unknown, stop);
            unknown.ExceptWith(shared.Select(static row => row.UserId));
        }

        var taken = 0;
        foreach (var update in own)
        {
            if (unknown.Contains(update.UserId))
            {
                early.Keep(origin, update, visit.Opening);
                continue;
            }

            early.Forget(update.UserId);
            board.Receive(update);
            taken++;
        }

        return updates.Count - taken;
    }
}
