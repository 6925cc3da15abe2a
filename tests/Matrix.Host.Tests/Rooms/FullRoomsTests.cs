using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Storage;

namespace Matrix.Host.Tests.Rooms;

/// <summary>How long transactions of a server fail because there is no space for its events.</summary>
public sealed class FullRoomsTests
{
    private static readonly RoomNid _room = new(1);
    private static readonly RoomNid _other = new(2);
    private static readonly TimeSpan _minute = TimeSpan.FromMinutes(1);
    private readonly ManualTime _time = new();
    private FullRooms _full = null!;

    [SetUp]
    public void SetUp() => _full = new FullRooms(new ReceivingOptions { FullRoomTime = 5 * _minute }, _time);

    private bool Fails(RoomNid? room, bool isFull = true, bool hadSpace = false) =>
        _full.Fails("peer", room, isFull, hadSpace);

    [Test]
    public void Transactions_fail_until_no_space_was_found_for_the_whole_time()
    {
        Assert.That(Fails(_room));
        _time.Advance(4 * _minute);
        Assert.That(Fails(_room));
        _time.Advance(_minute);
        Assert.That(Fails(_room), Is.False);
        Assert.That(Fails(_other));
    }

    [Test]
    public void Events_that_lack_nothing_do_not_begin_the_time_anew_and_those_that_find_space_do()
    {
        _ = Fails(_room);
        _time.Advance(5 * _minute);
        _ = Fails(_room, isFull: false);
        Assert.That(Fails(_room), Is.False);
        _ = Fails(_room, isFull: false, hadSpace: true);
        Assert.That(Fails(_room));
        _time.Advance(5 * _minute);
        Assert.That(Fails(_room, hadSpace: true));
    }

    [Test]
    public void The_space_of_all_rooms_has_one_time()
    {
        _ = Fails(null);
        _time.Advance(5 * _minute);
        Assert.That(Fails(null), Is.False);
        Assert.That(Fails(null, isFull: false, hadSpace: true), Is.False);
        Assert.That(Fails(null));
    }

    [Test]
    public void A_server_that_needed_no_space_for_long_begins_anew()
    {
        _ = Fails(_room);
        _time.Advance(5 * _minute);
        Assert.That(Fails(_room), Is.False);
        _time.Advance(10 * _minute);
        Assert.That(Fails(_room));
    }
}
