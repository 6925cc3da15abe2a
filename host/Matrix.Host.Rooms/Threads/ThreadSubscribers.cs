using Matrix.Host.Storage;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.RoomRows;
using Matrix.Host.Storage.Tables.ThreadSubscriptions;

namespace Matrix.Host.Rooms.Threads;

/// <summary>Users' subscriptions to threads, in memory. Most users have none.</summary>
public sealed class ThreadSubscribers(ThreadSubscriptionsTable table, RoomsOptions options)
    : IThreadSubscribers, IChangeConsumer
{
    /// <summary>The users that one query reads.</summary>
    private const int QueriedAtOnce = 500;

    /// <summary>What one subscription takes in memory.</summary>
    private const long BytesOfOne = 200;

    private static readonly UserThreads _none = new(false, []);
    private static readonly Dictionary<string, bool> _nobody = [];

    private readonly ByteCache<string, UserThreads> _users = new(
        options.ThreadSubscriptionCacheBytes, static threads => 50 + (BytesOfOne * threads.Subscribed.Count));

    /// <summary>Counts changes: values that were read while it moved may be stale.</summary>
    private int _changes;

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyDictionary<string, bool>> OfAsync(
        IReadOnlyCollection<string> userIds, RoomNid room, string rootId, CancellationToken stop)
    {
        Dictionary<string, bool>? found = null;
        List<string>? unknown = null;
        foreach (var userId in userIds)
        {
            if (_users.TryGet(userId, out var known)) Add(userId, known);
            else (unknown ??= []).Add(userId);
        }

        foreach (var some in unknown?.Chunk(QueriedAtOnce) ?? [])
        {
            foreach (var (userId, threads) in await ReadAsync(some, stop)) Add(userId, threads);
        }

        return found ?? _nobody;

        void Add(string userId, UserThreads threads)
        {
            if (threads.UsesThem) (found ??= [])[userId] = threads.Subscribed.Contains((room, rootId));
        }
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (change is RoomRowsDeleted { Table: "thread_subscriptions" })
        {
            // Users who have no other subscription are as if they had never used them.
            Missed(position);
            return;
        }

        var changed = change switch
        {
            ThreadSubscribed subscribed => subscribed.UserId,
            ThreadUnsubscribed unsubscribed => unsubscribed.UserId,
            EndedThreadsForgotten forgotten => forgotten.UserId,
            AccountDataDeleted deleted => deleted.UserId,
            RoomForgotten forgotten => forgotten.UserId,
            _ => null,
        };
        if (changed is null) return;
        Interlocked.Increment(ref _changes);
        _users.Remove(changed);
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        Interlocked.Increment(ref _changes);
        _users.Clear();
    }

    private async ValueTask<Dictionary<string, UserThreads>> ReadAsync(string[] userIds, CancellationToken stop)
    {
        var before = Volatile.Read(ref _changes);
        var rows = await table.OfUsersAsync(userIds, stop);
        var read = userIds.Distinct(StringComparer.Ordinal).ToDictionary(static userId => userId, static _ => _none);
        foreach (var ofUser in rows.GroupBy(static row => row.UserId))
        {
            read[ofUser.Key] = new UserThreads(
                true,
                [
                    .. ofUser.Where(static row => row.State != SubscriptionState.Unsubscribed)
                        .Select(static row => (row.Room, row.RootId)),
                ]);
        }

        foreach (var (userId, threads) in read) _users.Put(userId, threads);
        if (Volatile.Read(ref _changes) != before)
        {
            foreach (var userId in userIds) _users.Remove(userId);
        }

        return read;
    }

    /// <param name="UsesThem">Whether the user ever subscribed to a thread.</param>
    private sealed record UserThreads(bool UsesThem, HashSet<(RoomNid Room, string RootId)> Subscribed);
}
