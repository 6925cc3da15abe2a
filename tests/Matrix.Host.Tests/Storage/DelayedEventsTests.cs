using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.DelayedEvents;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>Events that clients scheduled.</summary>
internal sealed class DelayedEventsTests(string kind) : StorageTests(kind)
{
    [Test]
    public async Task They_are_read_as_they_were_scheduled_until_they_end()
    {
        var message = new DelayedEventRow(
            "a", new UserDevice(Alice, "PHONE"), "!r:test.example", "m.room.message", null, Json("{\"v\":1}"), null,
            5000, 1_700_000_000_000, UInt128.MaxValue - 1);
        var state = new DelayedEventRow(
            "b", new UserDevice(Bob, ""), "!r:test.example", "org.example\0type", "", Json("{\"v\":2}"), 7, 1, 2, null);
        await Write(new DelayedEventAdded(message), new DelayedEventAdded(state));

        var all = await Store.DelayedEvents.AllAsync("", 10, Stop);
        Assert.That(all.Select(row => row.DelayId), Is.EqualTo(new[] { "a", "b" }));
        Assert.That(all.Select(row => row.Content.Length), Is.All.Zero);
        Assert.That((await Store.DelayedEvents.AllAsync("a", 10, Stop)).Single().DelayId, Is.EqualTo("b"));
        Assert.That(await Store.DelayedEvents.AllAsync("", 1, Stop), Has.Count.EqualTo(1));
        AssertSame((await Store.DelayedEvents.FindAsync("a", Stop))!, message);
        AssertSame((await Store.DelayedEvents.OfUserAsync(Bob, Stop)).Single(), state);

        await Write(new DelayedEventRestarted("a", 9), new DelayedEventEnded("b"));
        Assert.That((await Store.DelayedEvents.FindAsync("a", Stop))!.Since, Is.EqualTo(9));
        Assert.That(await Store.DelayedEvents.FindAsync("b", Stop), Is.Null);
        Assert.That(await Store.DelayedEvents.OfUserAsync(Bob, Stop), Is.Empty);
    }

    private static void AssertSame(DelayedEventRow found, DelayedEventRow stored)
    {
        Assert.That(Text(found.Content), Is.EqualTo(Text(stored.Content)));
        Assert.That(found with { Content = default }, Is.EqualTo(stored with { Content = default }));
    }
}
