using Matrix.Host.Rooms.Sync;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Sync;

internal sealed class TimerWheelTests
{
    private sealed class Counted : WheelEntry
    {
        public int Expirations { get; private set; }

        protected internal override void Expired() => Expirations++;
    }

    [TestCase(1)]
    [TestCase(50)]
    [TestCase(30_000)]
    [TestCase(60_000)]
    [TestCase(300_000)]
    public void An_entry_expires_once_and_not_before_its_time(int milliseconds)
    {
        var time = new ManualTime();
        using var wheel = new TimerWheel(time);
        var entry = new Counted();
        wheel.Add(entry, TimeSpan.FromMilliseconds(milliseconds));

        time.Advance(TimeSpan.FromMilliseconds(milliseconds - 1));
        Assert.That(entry.Expirations, Is.Zero);
        time.Advance(TimerWheel.Tick * 2);
        Assert.That(entry.Expirations, Is.EqualTo(1));
        time.Advance(TimeSpan.FromMinutes(10));
        Assert.That(entry.Expirations, Is.EqualTo(1));
        Assert.That(wheel.Waiting, Is.Zero);
    }

    [Test]
    public void What_was_taken_out_does_not_expire()
    {
        var time = new ManualTime();
        using var wheel = new TimerWheel(time);
        var entries = Enumerable.Range(0, 3).Select(_ => new Counted()).ToArray();
        foreach (var entry in entries) wheel.Add(entry, TimeSpan.FromSeconds(1));

        Assert.That(wheel.Remove(entries[1]), Is.True);
        Assert.That(wheel.Remove(entries[1]), Is.False);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.That(entries.Select(e => e.Expirations), Is.EqualTo(new[] { 1, 0, 1 }));
    }

    [Test]
    public void What_is_added_after_a_pause_waits_its_whole_time()
    {
        var time = new ManualTime();
        using var wheel = new TimerWheel(time);
        time.Advance(TimeSpan.FromHours(5));
        var entry = new Counted();
        wheel.Add(entry, TimeSpan.FromSeconds(10));
        time.Advance(TimeSpan.FromSeconds(9));
        Assert.That(entry.Expirations, Is.Zero);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.That(entry.Expirations, Is.EqualTo(1));
    }
}
