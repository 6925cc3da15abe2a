using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Consumers;
using Matrix.Host.Storage.Tables.Pushers;

namespace Matrix.Host.Outbound.Push;

/// <summary>
/// Takes over the pushers of shards: what their users are owed of changes that the owner before did not handle is read
/// from the database, before changes are handled for them like for all others here.
/// </summary>
internal sealed class PushedShards(
    PusherIndex index,
    PushersTable table,
    PendingPushes pending,
    MissedPushes missed,
    PushSenders senders,
    PushPosition position)
{
    /// <summary>The positions of shards that have their own.</summary>
    internal ValueTask<IReadOnlyList<ShardPosition>> PositionsAsync(
        IReadOnlyCollection<int> shards, CancellationToken stop) => position.OfShards.OfShardsAsync(shards, stop);

    /// <summary>
    /// Takes over. Until the feed is read anew, from the handled position, it lacks what concerns these users.
    /// </summary>
    /// <param name="own">The positions of shards that have their own. None is beyond the handled one.</param>
    internal async ValueTask BeginAsync(
        IReadOnlyCollection<int> shards, IReadOnlyList<ShardPosition> own, CancellationToken stop)
    {
        index.Begin(shards);
        foreach (var group in own.GroupBy(static each => each.Position, static each => each.Shard))
        {
            await CatchUpAsync([.. group], group.Key, stop);
        }

        if (own.Count > 0)
        {
            var level = new WriteBatch(Authority.Nobody);
            foreach (var (shard, _) in own) position.OfShards.Level(level, shard);
            await position.RecordAsync(level);
        }

        await index.LoadAsync(stop);
        await senders.WakeOwingAsync(shards.ToHashSet(), stop);
    }

    /// <summary>Ends to push to the users of shards. Counts that were not sent are owed.</summary>
    internal async ValueTask EndAsync(IReadOnlyCollection<int> shards)
    {
        var some = shards.ToHashSet();
        var batch = new WriteBatch(Authority.Nobody);
        foreach (var pusher in senders.Counting())
        {
            if (some.Contains(Core.Cluster.Shards.OfUser(pusher.UserId))) Owe(batch, pusher);
        }

        foreach (var shard in shards) position.OfShards.Leave(batch, shard, position.Handled);
        await position.RecordAsync(batch);
        index.End(some);
        senders.Drop(some);
    }

    /// <summary>Adds that a pusher is owed the count.</summary>
    internal void Owe(WriteBatch batch, PusherName pusher) => batch.AlsoOf(Authority.User(pusher.UserId))
        .Add(new PushEnqueued(pusher.PusherId, position.Handled, EventNid.None));

    /// <summary>Handles for the users of some shards what was handled for the others.</summary>
    private async ValueTask CatchUpAsync(IReadOnlyCollection<int> shards, long after, CancellationToken stop)
    {
        var users = new PusherIndex(table);
        users.Begin(shards);
        await users.LoadAsync(stop);
        var (reading, owed) = (missed.Of(users), pending.Of(users));
        var counting = new HashSet<PusherName>();
        await foreach (var userId in reading.ReadersAsync(after, stop)) counting.UnionWith(users.Of(userId));
        for (var through = after; users.Users > 0 && through < position.Handled;)
        {
            var flush = await reading.ReadAsync(through, position.Handled, stop);
            var batch = new WriteBatch(Authority.Nobody);
            var owing = new Dictionary<PusherName, int>();
            foreach (var invite in flush.Invites) await owed.AddInviteAsync(invite, batch, owing, stop);
            foreach (var pushed in flush.Events) await owed.AddAsync(pushed, batch, owing, counting, stop);
            through = flush.Through;
            foreach (var shard in shards) position.OfShards.Advance(batch, shard, through);
            await position.RecordAsync(batch);
        }

        foreach (var pusher in counting) senders.CountChanged(pusher);
    }
}
