using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Receipts;

/// <summary>Receipts that came before their events.</summary>
internal sealed class EarlyReceiptsTests
{
    private readonly ReadingOptions _options = new() { MaxEarlyReceipts = 6, MaxEarlyReceiptsOfServer = 3 };
    private EarlyReceipts _early = null!;

    [SetUp]
    public void SetUp() => _early = new EarlyReceipts(_options);

    [Test]
    public void They_are_due_when_their_event_is_shown()
    {
        Keep("a.org", "bob", 1);
        Keep("a.org", "carol", 1);
        Keep("a.org", "bob", 2);

        Comes(Garden, 1);
        Comes(Kitchen, 1, EventMarks.SoftFailed);
        Assert.That(Due(), Is.Empty);
        Comes(Kitchen, 1);
        Assert.That(Due(), Is.EqualTo(new[] { "bob 1", "carol 1" }));
        Comes(Kitchen, 1);
        Assert.That(Due(), Is.Empty);
    }

    [Test]
    public void A_server_that_sends_many_loses_its_own_oldest()
    {
        Keep("b.org", "dora", 1);
        for (uint n = 1; n <= 5; n++) Keep("a.org", "bob", n);

        for (uint n = 1; n <= 5; n++) Comes(Kitchen, n);

        Assert.That(Due(), Is.EqualTo(new[] { "dora 1", "bob 3", "bob 4", "bob 5" }));
    }

    [Test]
    public void Beyond_the_bound_of_all_servers_the_oldest_are_dropped()
    {
        for (uint n = 1; n <= 8; n++) Keep($"s{n}.org", "bob", n);

        for (uint n = 1; n <= 8; n++) Comes(Kitchen, n);

        Assert.That(Due(), Is.EqualTo(Enumerable.Range(3, 6).Select(n => $"bob {n}")));
    }

    [Test]
    public void Beyond_the_bound_of_all_servers_the_one_with_the_most_makes_room()
    {
        Keep("quiet.org", "dora", 1);
        for (uint n = 1; n <= 3; n++) Keep("busy.org", "bob", n);
        Keep("other.org", "carol", 1);
        Keep("other.org", "carol", 2);

        Keep("new.org", "eve", 4);

        for (uint n = 1; n <= 4; n++) Comes(Kitchen, n);
        Assert.That(Due(), Is.EqualTo(new[] { "dora 1", "carol 1", "bob 2", "carol 2", "bob 3", "eve 4" }));
    }

    [Test]
    public void Many_servers_with_few_make_no_room_for_one_with_more()
    {
        for (uint n = 1; n <= 4; n++) Keep($"s{n}.org", "dora", n);
        for (uint n = 1; n <= 4; n++) Keep("busy.org", "bob", n);

        for (uint n = 1; n <= 4; n++) Comes(Kitchen, n);
        Assert.That(Due(), Is.EqualTo(new[] { "dora 1", "dora 2", "dora 3", "bob 3", "dora 4", "bob 4" }));
    }

    [Test]
    public void A_repeated_one_takes_one_place()
    {
        for (var n = 0; n < 9; n++) Keep("a.org", "bob", 1);
        Keep("a.org", "carol", 1);

        Comes(Kitchen, 1);

        Assert.That(Due(), Is.EqualTo(new[] { "bob 1", "carol 1" }));
    }

    [Test]
    public void All_are_looked_at_again_after_missed_changes()
    {
        Keep("a.org", "bob", 1);

        _early.Missed(5);

        Assert.That(Due(), Is.EqualTo(new[] { "bob 1" }));
    }

    private void Keep(string server, string name, uint place) => _early.Keep(new EarlyReceipt(
        server,
        Kitchen,
        RoomIdOf(Kitchen),
        new RemoteReceipt($"@{name}:{server}", IdOf(Live(Kitchen, place)), "", 1)));

    private void Comes(RoomNid room, uint place, EventMarks marks = EventMarks.None) =>
        _early.OnChange((Event(Live(room, place)) with { Marks = marks }).ToChange(), 1);

    private List<string> Due()
    {
        var due = new List<string>();
        while (_early.Due.TryRead(out var early))
        {
            var place = Enumerable.Range(1, 9).First(n => IdOf(Live(Kitchen, (uint)n)) == early.Receipt.EventId);
            due.Add($"{early.Receipt.UserId[1..early.Receipt.UserId.IndexOf(':', StringComparison.Ordinal)]} {place}");
        }

        return due;
    }
}
