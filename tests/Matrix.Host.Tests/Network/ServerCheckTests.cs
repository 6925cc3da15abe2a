using Matrix.Host.Network.Checking;

namespace Matrix.Host.Tests.Network;

/// <summary>What `mx federation check` computes. The steps are tested with real servers.</summary>
public sealed class ServerCheckTests
{
    [Test]
    public void The_clock_differs_if_a_date_in_seconds_cannot_explain_the_time()
    {
        var now = new DateTimeOffset(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
        TimeSpan Of(double date, double asked, double answered) => ServerCheck.ClockDifference(
            now.AddSeconds(date), now.AddSeconds(asked), now.AddSeconds(answered));

        Assert.That(Of(10, 10.2, 10.9), Is.EqualTo(TimeSpan.Zero));
        Assert.That(Of(10, 9.5, 12), Is.EqualTo(TimeSpan.Zero));
        Assert.That(Of(10, 10.9, 11.4), Is.EqualTo(TimeSpan.Zero));
        Assert.That(Of(10, 13, 14).TotalSeconds, Is.EqualTo(-2));
        Assert.That(Of(10, 6, 7).TotalSeconds, Is.EqualTo(3));
    }
}
