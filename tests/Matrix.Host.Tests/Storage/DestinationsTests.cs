using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Destinations;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>What other servers are owed.</summary>
internal sealed class DestinationsTests(string kind) : StorageTests(kind)
{
    [SetUp]
    public async Task Rooms() => await Write(Room(Kitchen), Room(Garden));

    [Test]
    public async Task Servers_that_do_not_answer_are_listed_until_they_do()
    {
        await Write(
            new DestinationChanged("b.org", 3, 1000, 10, "refused"),
            new DestinationChanged("a.org", 12, 4_000_000_000_000, 0, "no such name"),
            new DestinationChanged("c.org", 4, 2000, 20, "late"));
        await Write(
            new DestinationChanged("b.org", 7, 5000, 10, "later"), new DestinationChanged("c.org", 0, 0, 30, ""));
        await ReopenAsync();

        Assert.That(await Store.Destinations.ListAsync("", 9, Stop), Is.EqualTo(new[]
        {
            new DestinationRow("a.org", 12, 4_000_000_000_000, 0, "no such name"),
            new DestinationRow("b.org", 7, 5000, 10, "later"),
        }));
        Assert.That((await Store.Destinations.ListAsync("", 1, Stop)).Single().ServerName, Is.EqualTo("a.org"));
        Assert.That((await Store.Destinations.ListAsync("a.org", 9, Stop)).Single().ServerName, Is.EqualTo("b.org"));
    }

    [Test]
    public async Task Pending_events_are_kept_by_server_and_room_until_none_is_left()
    {
        await Write(
            new PendingEventsRecorded("b.org", Garden, [0x8000_0000, 0x8000_0007, 0xFFFF_FFFF], false),
            new PendingEventsRecorded("b.org", Kitchen, [0x8000_0001], true),
            new PendingEventsRecorded("a.org", Kitchen, [0x8000_0002], false),
            new PendingEventsRecorded("c.org", Kitchen, [0x8000_0003], false));
        await Write(
            new PendingEventsRecorded("b.org", Kitchen, [0x8000_0004], false),
            new PendingEventsRecorded("c.org", Kitchen, [], false));
        await ReopenAsync();

        var all = await Store.Destinations.PendingAsync("", default, 9, Stop);
        Assert.That(all.Select(Of), Is.EqualTo(new[]
        {
            ("a.org", Kitchen, "80000002", false),
            ("b.org", Kitchen, "80000004", false),
            ("b.org", Garden, "80000000 80000007 FFFFFFFF", false),
        }));
        var page = await Store.Destinations.PendingAsync("b.org", Kitchen, 9, Stop);
        Assert.That(page.Select(Of), Is.EqualTo(new[] { ("b.org", Garden, "80000000 80000007 FFFFFFFF", false) }));

        await Write(new PendingEventsRecorded("b.org", Kitchen, [0x8000_0004], true));
        Assert.That((await Store.Destinations.PendingAsync("b.org", default, 1, Stop)).Single().IsOpen, Is.True);
    }

    [Test]
    public async Task The_latest_refused_events_of_a_server_are_kept()
    {
        for (var i = 1; i <= 4; i++)
        {
            await Write(new EventRefusedByServer("a.org", Live(Kitchen, (uint)i), 400, "M_BAD", $"no {i}", 3));
        }

        await Write(new EventRefusedByServer("b.org", Live(Kitchen, 1), 413, "", "large", 3));

        var kept = await Store.Destinations.RefusedAsync("a.org", 9, Stop);
        Assert.That(
            kept.Select(row => (row.Event, row.Status, row.ErrorCode, row.Error)),
            Is.EqualTo(new[] { 4, 3, 2 }.Select(i => (Live(Kitchen, (uint)i), 400, "M_BAD", $"no {i}"))));
        Assert.That(kept.Select(row => row.RefusedAt), Is.All.GreaterThan(0));
        Assert.That(await Store.Destinations.RefusedAsync("b.org", 9, Stop), Has.Count.EqualTo(1));
    }

    private static (string, RoomNid, string, bool) Of(PendingEventsRow row) =>
        (row.ServerName, row.Room, string.Join(' ', row.Ordinals.Select(each => $"{each:X8}")), row.IsOpen);
}
