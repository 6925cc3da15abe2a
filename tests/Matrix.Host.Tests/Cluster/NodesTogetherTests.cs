using Matrix.Core.Cluster;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.RateLimits;
using Matrix.Host.Storage.Tables.Rooms;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Host.Tests.Cluster;

/// <summary>Several nodes on one database, each with shards of its own: their storages, without servers.</summary>
[Category(TestDatabase.Postgres)]
internal sealed class NodesTogetherTests
{
    private TestDatabase _database = null!;
    private string _folder = null!;
    private List<Node> _nodes = null!;

    private static CancellationToken Stop => CancellationToken.None;

    [SetUp]
    public async Task TakeDatabase()
    {
        _database = await TestDatabase.CreateAsync(TestDatabase.Postgres);
        _folder = Directory.CreateTempSubdirectory("matrix-nodes-").FullName;
        _nodes = [];
    }

    [TearDown]
    public async Task GiveBackDatabase()
    {
        foreach (var node in _nodes) await node.DisposeAsync();
        await _database.DisposeAsync();
        Directory.Delete(_folder);
    }

    [Test]
    public async Task Consumers_of_all_nodes_read_the_flushes_of_all_in_one_order()
    {
        Node[] nodes = [await StartsAsync("a"), await StartsAsync("b"), await StartsAsync("c")];
        SeeEachOther(nodes);
        await SharedAsync(nodes);
        var writing = nodes.SelectMany(static node => Enumerable.Range(0, 4).Select(async writer =>
        {
            for (var i = 0; i < 50; i++) await node.WriteAsync($"@{node.Name}-{writer}-{i}:example.org");
        }));
        await Task.WhenAll(writing);

        await Until.HoldsAsync(() => nodes.All(node => node.Seen.Count >= 600));
        Assert.That(nodes[0].Seen, Has.Count.EqualTo(600));
        Assert.That(nodes[0].Seen.Select(static each => each.What), Is.Unique);
        Assert.That(nodes[0].Seen.Select(static each => each.Position), Is.Ordered);
        Assert.That(nodes[1].Seen, Is.EqualTo(nodes[0].Seen));
        Assert.That(nodes[2].Seen, Is.EqualTo(nodes[0].Seen));
        Assert.That(nodes.Sum(static node => node.Misses), Is.Zero);
    }

    [Test]
    public async Task Each_shard_has_one_owner_while_nodes_come_and_go()
    {
        var a = await StartsAsync("a");
        SeeEachOther(a);
        await SharedAsync(a);
        Assert.That(a.Open, Is.EqualTo(ShardGates.All));

        var b = await StartsAsync("b");
        SeeEachOther(a, b);
        await Until.HoldsAsync(() => b.Open.Count >= 240);
        await SharedAsync(a, b);
        var c = await StartsAsync("c");
        SeeEachOther(a, b, c);
        await Until.HoldsAsync(() => c.Open.Count >= 140);
        await SharedAsync(a, b, c);
        foreach (var node in (Node[])[a, b, c]) Assert.That(node.Open.Count, Is.InRange(140, 182));

        // It leaves in order.
        foreach (var node in (Node[])[a, b, c]) node.Members.See([a.Self, c.Self], [b.Self]);
        await SharedAsync(a, c);
        Assert.That(b.Open, Is.Empty);
        await b.DisposeAsync();

        // It is dead, but does not know it.
        a.Members.See([a.Self], []);
        await SharedAsync(a);
        var refused = Assert.ThrowsAsync<StorageException>(async () => await c.WriteAsync("@c:example.org"))!;
        Assert.That(refused.Failure, Is.EqualTo(StorageFailure.Refused));
        await c.Storage.Lost.WaitAsync(TimeSpan.FromSeconds(20));
        await a.WriteAsync("@a:example.org");
    }

    [Test]
    public async Task A_node_that_starts_again_takes_the_shards_of_its_last_start()
    {
        var a = await StartsAsync("a");
        var b = await StartsAsync("b");
        SeeEachOther(a, b);
        await Until.HoldsAsync(() => b.Open.Count >= 240);
        await SharedAsync(a, b);
        var its = b.Open;

        var again = await StartsAsync("b");
        SeeEachOther(a, again);
        await SharedAsync(a, again);

        Assert.That(again.Open, Is.EqualTo(its));
        Assert.ThrowsAsync<StorageException>(async () => await b.WriteAsync("@b:example.org"));
    }

    [Test]
    public async Task A_batch_is_taken_by_the_owner_of_its_shard_only()
    {
        Node[] nodes = [await StartsAsync("a"), await StartsAsync("b")];
        SeeEachOther(nodes);
        await SharedAsync(nodes);
        for (var i = 0; i < 50; i++)
        {
            var authority = Authority.User($"@user{i}:example.org");
            foreach (var node in nodes)
            {
                var limit = new UserRateLimit($"@user{i}:example.org", 1, 1);
                var written = node.Storage.Writer.WriteAsync(
                    new WriteBatch(authority).Add(new RateLimitSet(limit)), Stop);
                if (node.Open.Contains(authority.Shard)) await written;
                else
                {
                    Assert.That(
                        Assert.ThrowsAsync<StorageException>(async () => await written)!.Failure,
                        Is.EqualTo(StorageFailure.NotOwned));
                }
            }
        }
    }

    [Test]
    public async Task No_two_nodes_give_rooms_the_same_number()
    {
        Node[] nodes = [await StartsAsync("a"), await StartsAsync("b")];
        var taken = await Task.WhenAll(nodes.Select(static async node =>
        {
            using var numbers = new RoomNumbers(node.Storage.Rooms, node.Storage.Writer, node.Storage.NodeShards);
            var all = new List<RoomNid>();
            for (var i = 0; i < 3 * RoomNumbers.Block; i++) all.Add(await numbers.NextAsync(Stop));
            return all;
        }));
        Assert.That(taken.SelectMany(static numbers => numbers), Is.Unique);
        Assert.That(taken.SelectMany(static numbers => numbers).Select(static nid => nid.Value).Min(), Is.EqualTo(1));
    }

    private static void SeeEachOther(params Node[] nodes)
    {
        foreach (var node in nodes) node.Members.See([.. nodes.Select(static each => each.Self)], []);
    }

    /// <summary>Waits until these nodes have all shards, each one of them.</summary>
    private static Task SharedAsync(params Node[] nodes) => Until.HoldsAsync(
        () => nodes.SelectMany(static node => node.Open).Order().SequenceEqual(ShardGates.All)
            && nodes.All(node => node.Owns(node.Open)));

    private async Task<Node> StartsAsync(string name)
    {
        var storage = await StorageEngine.OpenAsync(
            new StorageOptions
            {
                Url = _database.Url,
                DataDir = _folder,
                ServerName = "example.org",
                Node = name,
                ServesTogether = true,
                LooksForFlushes = TimeSpan.FromMilliseconds(20),
            },
            Stop);
        var node = new Node(name, storage);
        _nodes.Add(node);
        await node.StartAsync();
        return node;
    }

    /// <summary>What a node is told of the others.</summary>
    private sealed class Members : IClusterMembers
    {
        public ClusterView View { get; private set; } = new([], []);

        public event Action? Changed;

        internal void See(IReadOnlyList<NodeIncarnation> ready, IReadOnlyList<NodeIncarnation> leaving)
        {
            View = new ClusterView(ready, leaving);
            Changed?.Invoke();
        }
    }

    private sealed class Node : IChangeConsumer, IAsyncDisposable
    {
        private readonly List<(long Position, string What)> _seen = [];
        private readonly ShardOwners _owners;
        private readonly ShardKeeper _keeper;
        private bool _isDisposed;

        internal Node(string name, OpenedStorage storage)
        {
            (Name, Storage) = (name, storage);
            _owners = new ShardOwners(storage.NodeShards, storage.Shards);
            _keeper = new ShardKeeper(Members, _owners, storage.NodeShards, NullLogger<ShardKeeper>.Instance);
            Self = new NodeIncarnation(storage.NodeShards.Self.Node, storage.NodeShards.Self.Incarnation);
            storage.Writer.AddConsumer(_owners);
            storage.Writer.AddConsumer(this);
        }

        internal string Name { get; }

        internal OpenedStorage Storage { get; }

        internal Members Members { get; } = new();

        internal NodeIncarnation Self { get; }

        internal int Misses { get; private set; }

        internal IReadOnlyList<(long Position, string What)> Seen
        {
            get
            {
                lock (_seen) return [.. _seen];
            }
        }

        /// <summary>The shards that are open here.</summary>
        internal IReadOnlyList<int> Open => [.. ShardGates.All.Where(Storage.NodeShards.Gates.IsOpen)];

        public void OnChange(Change change, long position)
        {
            if (change is not RateLimitSet set) return;
            lock (_seen) _seen.Add((position, set.Limit.UserId));
        }

        public void Missed(long through) => Misses++;

        public async ValueTask DisposeAsync()
        {
            if (_isDisposed) return;
            _isDisposed = true;
            await _keeper.StopAsync(Stop);
            _keeper.Dispose();
            await Storage.DisposeAsync();
        }

        internal bool Owns(IReadOnlyList<int> shards) =>
            shards.All(shard => _owners.Of(shard) == Storage.NodeShards.Self);

        internal async Task StartAsync()
        {
            await _owners.LoadAsync(Stop);
            await _keeper.StartAsync(Stop);
        }

        internal ValueTask<WriteReceipt> WriteAsync(string user) => Storage.Writer.WriteAsync(
            new WriteBatch(Authority.Nobody).Add(new RateLimitSet(new UserRateLimit(user, 1, 1))), Stop);
    }
}
