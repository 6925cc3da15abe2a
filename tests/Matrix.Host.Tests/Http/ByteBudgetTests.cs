using Matrix.Host.Api.Http;

namespace Matrix.Host.Tests.Http;

/// <summary>The shares of memory that requests wait for.</summary>
internal sealed class ByteBudgetTests
{
    private const string Mallory = "@mallory:test.example";

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    private readonly ManualTime _time = new();

    private ByteBudget Budget(long most = 64, long mostOfOne = 16, int mostWaiting = 10) =>
        new(most, mostOfOne, mostWaiting, _time);

    private static ValueTask<bool> EnterAsync(ByteBudget.Share share, long bytes = 1) =>
        share.EnterAsync(bytes, _patience, CancellationToken.None);

    [Test]
    public async Task A_request_beyond_its_owners_share_waits_until_another_ends_in_order()
    {
        var budget = Budget(mostOfOne: 2);
        var first = budget.Open(Mallory);
        Assert.That(await EnterAsync(first, 2), Is.True);
        var second = EnterAsync(budget.Open(Mallory)).AsTask();
        var third = EnterAsync(budget.Open(Mallory), 2).AsTask();
        Assert.That(second.IsCompleted || third.IsCompleted, Is.False);

        first.Dispose();
        Assert.That(await second, Is.True);
        Assert.That(third.IsCompleted, Is.False, "There is one byte left, and it needs two.");
        Assert.That(budget.Held, Is.EqualTo(1));
    }

    [Test]
    public async Task Others_do_not_wait_behind_the_requests_of_one()
    {
        var budget = Budget(mostOfOne: 2);
        await EnterAsync(budget.Open(Mallory), 2);
        var waiting = EnterAsync(budget.Open(Mallory)).AsTask();
        Assert.That(await EnterAsync(budget.Open("@alice:test.example"), 2), Is.True);
        Assert.That(waiting.IsCompleted, Is.False);
    }

    [Test]
    public async Task Though_many_take_what_they_can_something_is_left_for_one_who_has_nothing()
    {
        var budget = Budget(mostOfOne: 8);
        for (var owner = 0; owner < 25; owner++)
        {
            for (var requests = 0; requests < 16; requests++)
            {
                var entered = EnterAsync(budget.Open($"@mallory{owner}:test.example")).AsTask();
                if (!entered.IsCompleted) break;
                Assert.That(await entered, Is.True);
            }
        }

        Assert.That(EnterAsync(budget.Open("@alice:test.example")).AsTask().IsCompleted, Is.True);
    }

    [Test]
    public async Task A_request_that_waits_too_long_is_refused_and_leaves_the_queue()
    {
        var budget = Budget(mostOfOne: 1);
        var first = budget.Open(Mallory);
        await EnterAsync(first);
        var second = EnterAsync(budget.Open(Mallory)).AsTask();
        var other = budget.Open(Mallory);
        _time.Advance(_patience);
        Assert.That(await second, Is.False);

        var third = EnterAsync(other).AsTask();
        first.Dispose();
        Assert.That(await third, Is.True);
        other.Dispose();
        Assert.That(budget.Held, Is.Zero);
    }

    [Test]
    public async Task A_request_whose_client_has_gone_leaves_the_queue_and_takes_nothing()
    {
        using var gone = new CancellationTokenSource();
        var budget = Budget(mostOfOne: 1);
        var first = budget.Open(Mallory);
        await EnterAsync(first);
        var second = budget.Open(Mallory).EnterAsync(1, _patience, gone.Token).AsTask();
        var third = budget.Open(Mallory);
        var entered = EnterAsync(third).AsTask();
        await gone.CancelAsync();
        Assert.That(async () => await second, Throws.InstanceOf<OperationCanceledException>());

        first.Dispose();
        Assert.That(await entered, Is.True);
        third.Dispose();
        Assert.That(budget.Held, Is.Zero);
    }

    [Test]
    public async Task The_queue_of_one_owner_is_bounded()
    {
        var budget = Budget(mostOfOne: 1, mostWaiting: 2);
        await EnterAsync(budget.Open(Mallory));
        var waiting = new[] { EnterAsync(budget.Open(Mallory)).AsTask(), EnterAsync(budget.Open(Mallory)).AsTask() };
        Assert.That(await EnterAsync(budget.Open(Mallory)), Is.False);
        Assert.That(waiting.Any(static each => each.IsCompleted), Is.False);
    }
}
