using Matrix.Host.Network;

namespace Matrix.Host.Tests.Network;

internal sealed class LogLimiterTests
{
    private readonly ManualTime _time = new();

    [Test]
    public void A_subject_gets_one_line_an_interval_and_the_next_says_how_many_were_held_back()
    {
        var limiter = new LogLimiter(TimeSpan.FromMinutes(1), 10, _time);

        Assert.That(limiter.Allows("a", out var heldBack), Is.True);
        Assert.That(heldBack, Is.Zero);
        Assert.That(limiter.Allows("a", out _), Is.False);
        Assert.That(limiter.Allows("b", out _), Is.True);
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.That(limiter.Allows("a", out _), Is.False);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.That(limiter.Allows("a", out heldBack), Is.True);
        Assert.That(heldBack, Is.EqualTo(2));
        Assert.That(limiter.Allows("a", out _), Is.False);
    }

    [Test]
    public void Beyond_the_bound_the_oldest_subject_is_dropped()
    {
        var limiter = new LogLimiter(TimeSpan.FromMinutes(1), 2, _time);

        foreach (var subject in new[] { "a", "b", "c" }) Assert.That(limiter.Allows(subject, out _), Is.True);

        Assert.That(limiter.Allows("c", out _), Is.False);
        Assert.That(limiter.Allows("b", out _), Is.False);
        Assert.That(limiter.Allows("a", out _), Is.True);
    }
}
