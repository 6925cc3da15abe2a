using Matrix.Host.Cluster.Membership;
using Matrix.Processes;

namespace Matrix.Cluster.Tests.Membership;

/// <summary>Nodes whose clocks differ.</summary>
[Category("PostgreSQL")]
internal sealed class ClockTests
{
    private ClusterDatabase _database = null!;
    private NodeAuthority _authority = null!;

    [SetUp]
    public async Task CreateDatabase()
    {
        _database = await ClusterDatabase.CreateAsync();
        _authority = new NodeAuthority();
    }

    [TearDown]
    public async Task Dispose()
    {
        _authority.Dispose();
        await _database.DisposeAsync();
    }

    [TestCase(0, new long[0], false, TestName = "Alone_any_clock_will_do")]
    [TestCase(90_000, new long[0], false, TestName = "Alone_any_clock_will_do_that_is_far_from_the_databases_too")]
    [TestCase(900, new long[] { 0 }, false, TestName = "A_clock_within_the_bound_is_right")]
    [TestCase(1_500, new long[] { 0 }, true, TestName = "Of_two_that_differ_the_one_with_the_database_is_right")]
    [TestCase(0, new long[] { 1_500 }, false, TestName = "And_the_other_one_is_not")]
    [TestCase(9_000, new long[] { 9_001, 9_002 }, false, TestName = "All_agree_and_the_database_is_wrong")]
    [TestCase(-5_000, new long[] { 9_000, 9_000 }, true, TestName = "One_of_three_is_wrong_and_so_is_the_database")]
    [TestCase(9_000, new long[] { -5_000, 9_000 }, false, TestName = "And_the_two_that_agree_are_right")]
    [TestCase(5_000, new long[] { 5_000, 0, 0 }, true, TestName = "In_a_tie_the_database_decides")]
    [TestCase(0, new long[] { 5_000, 5_000, 0 }, false, TestName = "And_the_others_are_right")]
    public void A_clock_is_compared_with_the_middle(long mine, long[] others, bool isTooFar) =>
        Assert.That(NodeClock.IsTooFar(mine, others, 1_000), Is.EqualTo(isTooFar));

    [Test]
    public async Task A_node_whose_clock_differs_does_not_join()
    {
        await using var a = await StartAsync("a.nodes", new ShiftedTime());
        await using var b = await StartAsync("b.nodes", new ShiftedTime());
        await Until.HoldsAsync(() => b.Node.Members.ClockOf(a.Self) is not null);
        var wrong = TestNode.Create(
            _database,
            OptionsOf("c.nodes", new ShiftedTime { Ahead = TimeSpan.FromSeconds(5) }),
            TestNode.Draw("c.nodes"));

        var refused = Assert.ThrowsAsync<IOException>(() => wrong.Node.StartAsync(CancellationToken.None))!;

        await wrong.DisposeAsync();
        Assert.That(refused.Message, Does.Contain("clock of this machine").And.Contain("ms ahead"));
    }

    [Test]
    public async Task A_node_whose_clock_goes_wrong_is_not_ready_until_it_is_right()
    {
        var time = new ShiftedTime();
        await using var a = await StartAsync("a.nodes", new ShiftedTime());
        await using var b = await StartAsync("b.nodes", time);
        await Until.HoldsAsync(() => a.View.Ready.Count == 2 && b.View.Ready.Count == 2);

        time.Ahead = TimeSpan.FromSeconds(3);

        await Until.HoldsAsync(() => a.Ready.SequenceEqual(["a.nodes"]) && b.Ready.SequenceEqual(["a.nodes"]));
        Assert.That(a.Node.Members.ReadinessOf(b.Self), Is.EqualTo(Readiness.ClockApart));
        Assert.That(a.Node.Members.ClockOf(b.Self), Is.InRange(2_000, 4_000));
        Assert.That(a.View.IsAlive(b.Self), Is.True);

        time.Ahead = TimeSpan.Zero;
        await Until.HoldsAsync(() => a.View.Ready.Count == 2);
    }

    [Test]
    public async Task A_node_that_leaves_stays_away_when_its_clock_is_right_again()
    {
        var time = new ShiftedTime();
        await using var a = await StartAsync("a.nodes", new ShiftedTime());
        await using var b = await StartAsync("b.nodes", time);
        time.Ahead = TimeSpan.FromSeconds(3);
        await Until.HoldsAsync(() => a.Node.Members.ReadinessOf(b.Self) == Readiness.ClockApart);

        await b.Node.Members.SayAsync(Readiness.Leaving, CancellationToken.None);
        time.Ahead = TimeSpan.Zero;

        await Until.HoldsAsync(() => a.Node.Members.ClockOf(b.Self) is < 1_000);
        Assert.That(a.Node.Members.ReadinessOf(b.Self), Is.EqualTo(Readiness.Leaving));
    }

    private Host.Cluster.ClusterNodeOptions OptionsOf(string name, TimeProvider time) =>
        TestNode.OptionsOf(_authority, name) with { Clock = time, LookEvery = TimeSpan.FromMilliseconds(100) };

    private Task<TestNode> StartAsync(string name, TimeProvider time) =>
        TestNode.StartAsync(_database, OptionsOf(name, time), name);

    private sealed class ShiftedTime : TimeProvider
    {
        private long _ahead;

        public TimeSpan Ahead
        {
            get => TimeSpan.FromTicks(Volatile.Read(ref _ahead));
            set => Volatile.Write(ref _ahead, value.Ticks);
        }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Ahead;
    }
}
