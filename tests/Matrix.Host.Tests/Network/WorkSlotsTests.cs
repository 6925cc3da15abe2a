using Matrix.Host.Network;
using Matrix.Host.Network.Slots;

namespace Matrix.Host.Tests.Network;

/// <summary>The places for work with other servers that users cause.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class WorkSlotsTests : IDisposable
{
    private static readonly NetworkOptions _options = new() { ServerName = "test.example", PaceServers = 2 };

    private readonly ManualTime _time = new();
    private readonly ServerPaces _paces;
    private readonly WorkSlots _slots;

    public WorkSlotsTests()
    {
        _paces = new ServerPaces(_options, _time);
        _slots = new WorkSlots(new SlotBounds(8) { OfServer = 3 }, _paces, _time);
    }

    public void Dispose() => _slots.Dispose();

    private Task<WorkSlot> EnterAsync(string who, string? server, CancellationToken stop = default) =>
        _slots.EnterAsync(who, server, stop).AsTask();

    private void Knows(string server, TimeSpan took, bool isReached = true) => _paces.Ended(server, took, isReached);

    [Test]
    public async Task One_user_has_a_quarter_of_the_places_and_another_one_gets_a_place_at_once()
    {
        Knows("quick.test", TimeSpan.Zero);
        var mallory = new[] { 1, 2, 3 }.Select(_ => EnterAsync("@mallory:test.example", null)).ToList();
        Assert.That(mallory.Select(place => place.IsCompleted), Is.EqualTo(new[] { true, true, false }));

        Assert.That(EnterAsync("@alice:test.example", "quick.test").IsCompletedSuccessfully);

        (await mallory[0]).Dispose();
        await mallory[2];
    }

    [Test]
    public void Where_there_are_few_places_each_user_has_one()
    {
        using var few = new WorkSlots(new SlotBounds(2), _paces, _time);
        Assert.That(few.EnterAsync("@a:x", null, default).AsTask().IsCompletedSuccessfully);
        Assert.That(few.EnterAsync("@a:x", null, default).AsTask().IsCompleted, Is.False);
        Assert.That(few.EnterAsync("@b:x", null, default).AsTask().IsCompletedSuccessfully);
    }

    [Test]
    public void Slow_servers_have_a_quarter_of_the_places_and_new_ones_half_so_that_quick_ones_are_reached()
    {
        Knows("slow.test", TimeSpan.FromSeconds(5));
        Knows("quick.test", TimeSpan.FromSeconds(1));
        Assert.That(
            Enumerable.Range(0, 3).Count(i => EnterAsync($"@s{i}:x", "slow.test").IsCompleted), Is.EqualTo(2));
        Assert.That(
            Enumerable.Range(0, 6).Count(i => EnterAsync($"@n{i}:x", $"new{i}.test").IsCompleted), Is.EqualTo(4));
        Assert.That(EnterAsync("@alice:x", "quick.test").IsCompletedSuccessfully);
        Assert.That(EnterAsync("@bob:x", "quick.test").IsCompletedSuccessfully);
        Assert.That(EnterAsync("@carol:x", "quick.test").IsCompleted, Is.False, "All eight are taken.");
    }

    [Test]
    public void One_server_has_a_bounded_number()
    {
        Knows("quick.test", TimeSpan.Zero);
        Assert.That(
            Enumerable.Range(0, 5).Count(i => EnterAsync($"@u{i}:x", "quick.test").IsCompleted), Is.EqualTo(3));
    }

    [Test]
    public async Task A_server_is_slow_if_it_took_long_and_quick_if_it_answered_and_that_is_forgotten()
    {
        async Task Works(string server, TimeSpan took, bool isReached)
        {
            using var place = await EnterAsync("@alice:x", server);
            _time.Advance(took);
            place.IsReached = isReached;
        }

        await Works("a.test", _options.SlowAfter, isReached: false);
        Assert.That(_paces.Of("a.test"), Is.EqualTo(ServerPace.Slow));
        await Works("a.test", TimeSpan.FromSeconds(1), isReached: false);
        Assert.That(_paces.Of("a.test"), Is.EqualTo(ServerPace.Slow), "It did not answer.");
        await Works("a.test", TimeSpan.FromSeconds(1), isReached: true);
        Assert.That(_paces.Of("a.test"), Is.EqualTo(ServerPace.Quick));

        await Works("b.test", TimeSpan.Zero, isReached: true);
        await Works("c.test", TimeSpan.Zero, isReached: true);
        Assert.That(_paces.Of("a.test"), Is.EqualTo(ServerPace.Unknown), "Two are remembered.");
        _time.Advance(_options.PaceKept);
        Assert.That(_paces.Of("c.test"), Is.EqualTo(ServerPace.Unknown));
    }

    [Test]
    public async Task A_waiter_that_stops_leaves_everything_to_the_others()
    {
        using var stop = new CancellationTokenSource();
        var places = new[] { await EnterAsync("@a:x", null), await EnterAsync("@a:x", null) };
        var waiting = EnterAsync("@a:x", "new.test", stop.Token);
        await stop.CancelAsync();
        Assert.That(async () => await waiting, Throws.InstanceOf<OperationCanceledException>());

        foreach (var place in places) place.Dispose();
        places[0].Dispose();
        Assert.That(EnterAsync("@a:x", "new.test").IsCompletedSuccessfully);
        Assert.That(EnterAsync("@a:x", "new.test").IsCompletedSuccessfully);
        Assert.That(EnterAsync("@a:x", "new.test").IsCompleted, Is.False);
    }
}
