using System.Diagnostics;
using Matrix.Host.Cluster.Calls;

namespace Matrix.Cluster.Tests.Membership;

/// <summary>Nodes that end without a word, or stand still.</summary>
[Category("PostgreSQL")]
internal sealed class DeathTests
{
    /// <summary>
    /// Within this time another node is dead. On a busy machine a node does not count probes during which its own
    /// threads stood, so seconds with such a pause do not count here either.
    /// </summary>
    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(8);

    private static readonly TimeSpan _second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan _longestWait = TimeSpan.FromMinutes(3);

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

    [Test]
    public async Task Of_three_nodes_a_killed_one_is_dead_to_both_others_within_eight_seconds()
    {
        await using var a = await StartAsync("a.nodes");
        await using var b = await StartAsync("b.nodes");
        await using var killed = await NodeProcess.StartAsync(_database, _authority, "c.nodes");
        await Until.HoldsAsync(() => a.View.IsAlive(killed.Self) && b.View.IsAlive(killed.Self));

        killed.Kill();

        Assert.That(await TimeUntilAsync(() => !a.View.IsAlive(killed.Self)), Is.LessThan(_longest));
        await Until.HoldsAsync(() => !b.View.IsAlive(killed.Self));
        var answer = await a.Calls.CallAsync(killed.Self, TestNode.Echo, default, CancellationToken.None);
        Assert.That(answer.Outcome, Is.EqualTo(CallOutcome.Gone));
        Assert.That(a.View.Ready, Is.EqualTo(new[] { a.Self, b.Self }));
    }

    [Test]
    public async Task A_killed_node_that_somebody_suspects_is_dead_to_both_others_at_once()
    {
        await using var a = await StartAsync("a.nodes");
        await using var b = await StartAsync("b.nodes");
        await using var killed = await NodeProcess.StartAsync(_database, _authority, "c.nodes");
        await Until.HoldsAsync(() => a.View.IsAlive(killed.Self) && b.View.IsAlive(killed.Self));

        killed.Kill();
        await killed.WaitForExitAsync();
        a.Node.Suspect(killed.Self);

        // Probes need four seconds.
        Assert.That(await TimeUntilAsync(() => !a.View.IsAlive(killed.Self)), Is.LessThan(TimeSpan.FromSeconds(2)));
        Assert.That(await TimeUntilAsync(() => !b.View.IsAlive(killed.Self)), Is.LessThan(TimeSpan.FromSeconds(2)));
    }

    [Test]
    public async Task A_node_that_stands_still_refuses_nothing_and_is_left_to_the_probes()
    {
        await using var a = await StartAsync("a.nodes");
        await using var b = await StartAsync("b.nodes");
        await using var still = await NodeProcess.StartAsync(_database, _authority, "c.nodes");
        await Until.HoldsAsync(() => a.View.IsAlive(still.Self) && b.View.IsAlive(still.Self));

        still.Pause();
        for (var times = 0; times < 3; times++)
        {
            a.Node.Suspect(still.Self);
            b.Node.Suspect(still.Self);
            await Task.Delay(_pause * 2);
            Assert.That(a.View.IsAlive(still.Self) && b.View.IsAlive(still.Self), Is.True);
        }

        still.Continue();
    }

    [Test]
    public async Task Of_two_nodes_one_that_stands_still_is_dead_within_eight_seconds_and_learns_it()
    {
        await using var a = await StartAsync("a.nodes");
        await using var still = await NodeProcess.StartAsync(_database, _authority, "b.nodes");
        await Until.HoldsAsync(() => a.View.IsAlive(still.Self));
        var life = a.Node.Members.LifeOf(still.Self);
        Assert.That(life.IsCancellationRequested, Is.False);

        still.Pause();

        // It is not known to have ended yet, but does not answer.
        var call = a.Calls.CallAsync(still.Self, TestNode.Echo, default, CancellationToken.None);
        Assert.That(await TimeUntilAsync(() => !a.View.IsAlive(still.Self)), Is.LessThan(_longest));
        Assert.That((await call).Outcome, Is.Not.EqualTo(CallOutcome.Answered));

        // Its connections are still open: who waits for an answer is told.
        await Until.HoldsAsync(() => life.IsCancellationRequested);
        Assert.That(a.Node.Members.LifeOf(still.Self).IsCancellationRequested, Is.True);
        Assert.That(a.Node.Members.LifeOf(a.Self).IsCancellationRequested, Is.False);

        still.Continue();
        await Until.HoldsAsync(() => still.Has(NodeProgram.Dead));
        await still.WaitForExitAsync();
        Assert.That(a.Node.Death.IsCompleted, Is.False);
    }

    [Test]
    public async Task A_node_that_is_declared_dead_while_it_joins_gives_up()
    {
        await using var still = await NodeProcess.StartAsync(_database, _authority, "a.nodes");
        still.Pause();
        await using var b = NodeProcess.Begin(_database, _authority, "b.nodes");
        for (var since = Stopwatch.GetTimestamp();
            await _database.ScalarAsync("SELECT node FROM silos WHERE node = 'b.nodes'") is null;
            await Task.Delay(10))
        {
            Assert.That(Stopwatch.GetElapsedTime(since), Is.LessThan(_longestWait));
        }

        await _database.ScalarAsync(
            """
            UPDATE silo_version SET version = version + 1;
            UPDATE silos SET status = 6, version = (SELECT version FROM silo_version) WHERE node = 'b.nodes'
            """);

        await b.WaitForExitAsync().WaitAsync(_longestWait);
        Assert.That(b.Has(NodeProgram.NotJoined), Is.True);
        Assert.That(b.Has(NodeProgram.Joined), Is.False);
        still.Continue();
    }

    /// <summary>How long it takes until something holds, without the seconds in which this process paused.</summary>
    private static async Task<TimeSpan> TimeUntilAsync(Func<bool> holds)
    {
        var (time, start) = (TimeSpan.Zero, Stopwatch.GetTimestamp());
        while (!holds())
        {
            Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(_longestWait));
            var (second, longest) = (Stopwatch.GetTimestamp(), TimeSpan.Zero);
            while (Stopwatch.GetElapsedTime(second) < _second && !holds())
            {
                var before = Stopwatch.GetTimestamp();
                await Task.Delay(10);
                var pause = Stopwatch.GetElapsedTime(before);
                if (pause > longest) longest = pause;
            }

            if (longest < _pause) time += Stopwatch.GetElapsedTime(second);
        }

        return time;
    }

    private Task<TestNode> StartAsync(string name) =>
        TestNode.StartAsync(_database, TestNode.OptionsOf(_authority, name), name);
}
