using Matrix.Host.Cluster.Flushes;

namespace Matrix.Cluster.Tests.Flushes;

internal sealed class PositionWaitsTests
{
    private static readonly TimeSpan _never = TimeSpan.FromHours(1);

    [Test]
    public void A_wait_ends_when_its_position_is_reached_and_not_before()
    {
        var waits = new PositionWaits();
        var (five, again, six) = (waits.For(5, Nothing), waits.For(5, Nothing), waits.For(6, Nothing));

        waits.Reached(4);
        Assert.That(five.IsCompleted, Is.False);
        waits.Reached(5);
        Assert.That(five.IsCompleted && again.IsCompleted, Is.True);
        Assert.That(six.IsCompleted, Is.False);
        waits.Reached(long.MaxValue);
        Assert.That(six.IsCompleted, Is.True);
    }

    [Test]
    public void What_was_reached_while_somebody_began_to_wait_ends_the_wait() =>
        Assert.That(new PositionWaits().For(5, static () => 5).IsCompleted, Is.True);

    [Test]
    public void One_that_waits_for_less_than_who_came_before_waits_for_as_much()
    {
        var waits = new PositionWaits();
        var (six, five) = (waits.For(6, Nothing), waits.For(5, Nothing));

        waits.Reached(6);

        Assert.That(six.IsCompleted && five.IsCompleted, Is.True);
        Assert.That(waits.For(5, Nothing).IsCompleted, Is.False);
    }

    [Test]
    public void A_wait_that_is_late_is_named_and_one_that_is_too_long_ends()
    {
        var waits = new PositionWaits();
        Assert.That(waits.EndOlder(TimeSpan.Zero, TimeSpan.Zero), Is.Null);
        var (five, six) = (waits.For(5, Nothing), waits.For(6, Nothing));

        Assert.That(waits.EndOlder(_never, _never), Is.Null);
        Assert.That(waits.EndOlder(TimeSpan.Zero, _never), Is.EqualTo(5));
        Assert.That(five.IsCompleted, Is.False);
        Assert.That(waits.EndOlder(TimeSpan.Zero, TimeSpan.Zero), Is.EqualTo(6));
        Assert.That(five.IsCompleted && six.IsCompleted, Is.True);
    }

    private static long Nothing() => 0;
}
