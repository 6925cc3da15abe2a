using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Shards;

namespace Matrix.Host.Tests.Storage;

internal sealed class ShardOwnersTests
{
    private static readonly ShardOwner _self = new("a", 1);

    [Test]
    public async Task A_shard_that_was_read_from_the_table_is_opened_once_consumers_have_read_as_far()
    {
        var level = new TaskCompletionSource();
        var gates = ShardGates.Closed();
        var node = new NodeShards(_self, gates, null!)
        {
            Owns = static _ => false,
            LevelAsync = _ => new ValueTask(level.Task),
        };
        var owners = new ShardOwners(node, new ShardsTable(new OwnTable()));

        var restoring = owners.RestoreAsync(1, 2, default).AsTask();
        Assert.That(gates.IsOpen(0), Is.False);
        level.SetResult();

        await restoring;
        Assert.That(gates.IsOpen(0), Is.True);
        Assert.That(owners.Of(0), Is.EqualTo(_self));
    }

    [Test]
    public async Task A_shard_that_the_writer_has_and_that_closes_is_not_opened_by_what_is_read()
    {
        var gates = ShardGates.Closed();
        var owned = new List<int>();
        var node = new NodeShards(_self, gates, null!) { Owns = static _ => true, OnOwned = owned.Add };
        var owners = new ShardOwners(node, new ShardsTable(new OwnTable()));

        await owners.RestoreAsync(1, 2, default);

        Assert.That((gates.IsOpen(0), owned.Count), Is.EqualTo((false, 0)));
        Assert.That(owners.Of(0), Is.EqualTo(_self));
    }

    [TestCase(false, true)]
    [TestCase(true, false)]
    public async Task A_shard_that_was_given_and_came_back_unread_is_opened_unless_it_is_being_given(
        bool isGiving, bool isOpened)
    {
        var isOwned = false;
        var gates = ShardGates.Closed();
        var node = new NodeShards(_self, gates, null!)
        {
            Owns = _ => isOwned,
            OnOwned = _ => isOwned = true,
            IsGiving = _ => isGiving,
        };
        var owners = new ShardOwners(node, new ShardsTable(new OwnTable()));

        await node.ReopenAsync([0], owners.ReadAsync, default);

        Assert.That((gates.IsOpen(0), isOwned), Is.EqualTo((isOpened, isOpened)));
    }

    /// <summary>A table that says that this node has the first shard.</summary>
    private sealed class OwnTable : IReads
    {
        ValueTask<T?> IReads.FirstAsync<TArgs, T>(
            Statement statement, TArgs args, Action<IArguments, TArgs> bind, Func<IRow, T> map, CancellationToken stop)
            where T : default => throw new NotSupportedException();

        ValueTask<IReadOnlyList<T>> IReads.ListAsync<TArgs, T>(
            Statement statement, TArgs args, Action<IArguments, TArgs> bind, Func<IRow, T> map,
            CancellationToken stop) => new((IReadOnlyList<T>)(object)new[] { _self });

        ValueTask<IReadOnlyList<T>> IReads.ByKeysAsync<TKey, TArgs, T>(
            Statement statement, IReadOnlyCollection<TKey> keys, KeyKind<TKey> kind, TArgs args,
            Action<IArguments, TArgs> bind, Func<IRow, T> map, CancellationToken stop) =>
            throw new NotSupportedException();
    }
}
