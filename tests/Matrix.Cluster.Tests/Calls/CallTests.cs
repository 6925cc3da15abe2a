using System.Diagnostics;
using System.Text;
using Matrix.Core.Cluster;
using Matrix.Host.Cluster.Calls;
using Matrix.Host.Cluster.Membership;

namespace Matrix.Cluster.Tests.Calls;

/// <summary>Three nodes in one process.</summary>
[Category("PostgreSQL")]
internal sealed class CallTests
{
    private const int MaxBytes = 100_000;

    private static readonly TimeSpan _longestCall = TimeSpan.FromSeconds(4);

    private ClusterDatabase _database = null!;
    private NodeAuthority _authority = null!;
    private TestNode _a = null!;
    private TestNode _b = null!;
    private TestNode _c = null!;

    [OneTimeSetUp]
    public async Task StartNodes()
    {
        _database = await ClusterDatabase.CreateAsync();
        _authority = new NodeAuthority();
        _a = await StartAsync("a.nodes");
        _b = await StartAsync("b.nodes");
        _c = await StartAsync("c.nodes");
    }

    [OneTimeTearDown]
    public async Task StopNodes()
    {
        await Task.WhenAll(new[] { _a, _b, _c }.Select(static node => node.DisposeAsync().AsTask()));
        _authority.Dispose();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task Three_nodes_find_each_other()
    {
        foreach (var node in new[] { _a, _b, _c })
        {
            await Until.HoldsAsync(() => node.Ready.SequenceEqual(["a.nodes", "b.nodes", "c.nodes"]));
            Assert.That(node.View.Ready, Is.EqualTo(new[] { _a.Self, _b.Self, _c.Self }));
        }
    }

    [Test]
    public async Task A_call_reaches_the_node_that_is_meant_and_no_other()
    {
        foreach (var from in new[] { _a, _b, _c })
        {
            foreach (var to in new[] { _a, _b, _c })
            {
                var answer = await CallAsync(from, to.Self, TestNode.Echo, " hears"u8.ToArray());

                Assert.That(answer.IsAnswered);
                Assert.That(Encoding.UTF8.GetString(answer.Body.Span), Is.EqualTo($"{to.Self.Node} hears"));
            }
        }
    }

    [Test]
    public async Task What_is_told_arrives_at_the_node_that_is_meant_and_no_other()
    {
        for (var i = 0; i < 1000; i++)
            Assert.That(_a.Calls.Tell(_b.Self, TestNode.Echo, BitConverter.GetBytes(i)), Is.True);

        await Until.HoldsAsync(() => _b.Told.Count == 1000);
        Assert.That(
            _b.Told.Select(static body => BitConverter.ToInt32(body)), Is.EquivalentTo(Enumerable.Range(0, 1000)));
        Assert.That(_a.Told, Is.Empty);
        Assert.That(_c.Told, Is.Empty);
    }

    [Test]
    public async Task An_incarnation_that_never_was_is_gone()
    {
        var never = new NodeIncarnation("b.nodes", 1);

        Assert.That((await CallAsync(_a, never, TestNode.Echo)).Outcome, Is.EqualTo(CallOutcome.Gone));
        Assert.That(_a.Calls.Tell(never, TestNode.Echo, default), Is.False);
    }

    [Test]
    public async Task A_kind_without_a_handler_is_refused() =>
        Assert.That((await CallAsync(_a, _b.Self, 99)).Outcome, Is.EqualTo(CallOutcome.Refused));

    [Test]
    public async Task A_handler_that_fails_refuses() =>
        Assert.That((await CallAsync(_a, _b.Self, TestNode.Failing)).Outcome, Is.EqualTo(CallOutcome.Refused));

    [Test]
    public async Task A_body_of_the_greatest_size_is_carried_and_a_larger_one_refused()
    {
        var answer = await CallAsync(_a, _b.Self, TestNode.Echo, new byte[MaxBytes - "b.nodes".Length]);

        Assert.That(answer.IsAnswered);
        Assert.That(answer.Body.Length, Is.EqualTo(MaxBytes));
        Assert.That(
            (await CallAsync(_a, _b.Self, TestNode.Echo, new byte[MaxBytes + 1])).Outcome,
            Is.EqualTo(CallOutcome.Refused));
        Assert.That(_a.Calls.Tell(_b.Self, TestNode.Echo, new byte[MaxBytes + 1]), Is.False);
    }

    [Test]
    public async Task An_answer_beyond_the_greatest_size_is_a_refusal()
    {
        Assert.That(
            (await CallAsync(_a, _b.Self, TestNode.Filling, BitConverter.GetBytes(MaxBytes))).IsAnswered, Is.True);
        Assert.That(
            (await CallAsync(_a, _b.Self, TestNode.Filling, BitConverter.GetBytes(MaxBytes + 1))).Outcome,
            Is.EqualTo(CallOutcome.Refused));
    }

    [Test]
    public async Task A_node_that_does_not_answer_in_time_is_not_waited_for_and_its_handler_ends()
    {
        var before = _b.Ended.Count;

        Assert.That((await CallAsync(_a, _b.Self, TestNode.Waiting)).Outcome, Is.EqualTo(CallOutcome.TimedOut));
        await Until.HoldsAsync(() => _b.Ended.Count == before + 1);
    }

    [Test]
    public async Task A_caller_can_stop_waiting_and_then_the_handler_ends()
    {
        var before = _c.Ended.Count;
        using var stop = new CancellationTokenSource();
        var call = _b.Calls.CallAsync(_c.Self, TestNode.Waiting, default, stop.Token).AsTask();
        Assert.That((await CallAsync(_b, _c.Self, TestNode.Echo)).IsAnswered, Is.True);
        var start = Stopwatch.GetTimestamp();
        await stop.CancelAsync();

        Assert.That(() => call, Throws.InstanceOf<OperationCanceledException>());
        await Until.HoldsAsync(() => _c.Ended.Count == before + 1);
        Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(_longestCall), "not by the bound of its time");
    }

    [Test]
    public async Task A_node_that_leaves_in_order_is_seen_leaving_and_then_gone_and_one_of_its_name_is_another()
    {
        var options = TestNode.OptionsOf(_authority, "d.nodes");
        var d = await TestNode.StartAsync(_database, options, "d.nodes", isReady: false);
        await Until.HoldsAsync(() => _a.View.IsAlive(d.Self));
        Assert.That(_a.Ready, Has.No.Member("d.nodes"));

        await d.Node.Members.SayAsync(Readiness.Ready, CancellationToken.None);
        await Until.HoldsAsync(() => _a.Ready.Contains("d.nodes"));

        await d.Node.Members.SayAsync(Readiness.Leaving, CancellationToken.None);
        await Until.HoldsAsync(() => !_a.Ready.Contains("d.nodes"));
        Assert.That(_a.View.IsAlive(d.Self), Is.True);
        Assert.That((await CallAsync(_a, d.Self, TestNode.Echo)).IsAnswered, Is.True);

        await d.DisposeAsync();
        await Until.HoldsAsync(() => !_a.View.IsAlive(d.Self));
        Assert.That((await CallAsync(_a, d.Self, TestNode.Echo)).Outcome, Is.EqualTo(CallOutcome.Gone));
        Assert.That(d.Node.Death.IsCompleted, Is.False);

        await using var again = await TestNode.StartAsync(_database, options, "d.nodes");
        Assert.That((await CallAsync(_a, again.Self, TestNode.Echo)).IsAnswered, Is.True);
        Assert.That((await CallAsync(_a, d.Self, TestNode.Echo)).Outcome, Is.EqualTo(CallOutcome.Gone));
    }

    private static async Task<CallAnswer> CallAsync(TestNode from, NodeIncarnation to, int kind, byte[]? body = null) =>
        await from.Calls.CallAsync(to, kind, body, CancellationToken.None);

    private Task<TestNode> StartAsync(string name) => TestNode.StartAsync(
        _database,
        TestNode.OptionsOf(_authority, name) with
        {
            MaxCallBytes = MaxBytes,
            LongestCall = _longestCall,
        },
        name);
}
