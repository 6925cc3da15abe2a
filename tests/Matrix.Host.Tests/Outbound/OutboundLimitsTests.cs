using Matrix.Host.Network;
using Matrix.Host.Outbound;

namespace Matrix.Host.Tests.Outbound;

/// <summary>The limits that hold unless the configuration says otherwise.</summary>
internal sealed class OutboundLimitsTests
{
    private static readonly OutboundOptions _outbound = new() { ServerName = "example.org" };
    private static readonly NetworkOptions _network = new() { ServerName = "example.org" };

    [Test]
    public void At_most_256_sockets_are_open_and_failing_servers_hold_a_quarter_of_them_at_most()
    {
        Assert.That(_network.MaxSockets, Is.LessThanOrEqualTo(256));
        Assert.That(_outbound.MaxSending, Is.LessThanOrEqualTo(_network.MaxSockets));
        Assert.That(4 * _outbound.MaxSendingLimited, Is.LessThanOrEqualTo(_network.MaxSockets));
    }

    [Test]
    public void Pauses_begin_with_a_second_and_end_with_an_hour()
    {
        Assert.That(_outbound.FirstPause, Is.EqualTo(TimeSpan.FromSeconds(1)));
        Assert.That(_outbound.LongestPause, Is.EqualTo(TimeSpan.FromHours(1)));
        Assert.That(_outbound.WakePause, Is.EqualTo(TimeSpan.FromSeconds(10)));
        Assert.That(_outbound.MaxPendingInOutage, Is.EqualTo(50));
    }
}
