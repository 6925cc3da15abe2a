using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>Rooms that users know only by an invite or knock.</summary>
internal sealed class StrippedRoomsTests(string kind) : StorageTests(kind)
{
    private const string Elsewhere = "!room:elsewhere.example";

    [Test]
    public async Task An_invite_is_found_by_user_and_room_and_by_its_position()
    {
        var before = await Write(Invite("one"));
        var position = await Write(Invite("two", "!two:elsewhere.example"));
        await ReopenAsync();

        var row = (await Store.StrippedRooms.FindAsync(Alice, Elsewhere, Stop))!;

        Assert.That(
            (row.RoomId, row.Version, row.Server, row.Membership, row.Sender, row.EventId, row.Position, row.IsOpen),
            Is.EqualTo((
                Elsewhere, "11", "elsewhere.example", Membership.Invite, "@eve:elsewhere.example", EventId("one"),
                before, true)));
        Assert.That((Text(row.Event), Text(row.State)), Is.EqualTo(("{}", "[]")));
        Assert.That(await Store.StrippedRooms.FindAsync(Bob, Elsewhere, Stop), Is.Null);
        Assert.That(await RoomsAsync(0, position), Is.EqualTo(new[] { Elsewhere, "!two:elsewhere.example" }));
        Assert.That(await RoomsAsync(before, position), Is.EqualTo(new[] { "!two:elsewhere.example" }));
        Assert.That(await RoomsAsync(0, before), Is.EqualTo(new[] { Elsewhere }));
    }

    [Test]
    public async Task The_last_invite_replaces_a_knock_and_an_ended_one()
    {
        await Write(Invite("knock") with { Room = Row("knock", Elsewhere, Membership.Knock) });
        await Write(Invite("first"));
        await Write(Left("first", "end"));
        await Write(Invite("second"));

        var row = (await Store.StrippedRooms.FindAsync(Alice, Elsewhere, Stop))!;
        Assert.That((row.Membership, row.EventId), Is.EqualTo((Membership.Invite, EventId("second"))));
    }

    [Test]
    public async Task An_end_counts_for_the_last_invite_only()
    {
        await Write(Invite("first"));
        await Write(Invite("second"));
        await Write(Left("first", "end"));
        Assert.That((await Store.StrippedRooms.FindAsync(Alice, Elsewhere, Stop))!.IsOpen, Is.True);

        var position = await Write(Left("second", "end"));

        var row = (await Store.StrippedRooms.FindAsync(Alice, Elsewhere, Stop))!;
        Assert.That(
            (row.Membership, row.EventId, Text(row.Event), row.State.Length, row.Position),
            Is.EqualTo((Membership.Leave, EventId("end"), "{\"end\":1}", 0, position)));
    }

    [Test]
    public async Task An_end_without_an_event_has_its_time()
    {
        await Write(Invite("one"));
        var position = await Write(Left("one", "one") with { Event = Json(""), EndedAt = 1_700_000_000_123 });
        await ReopenAsync();

        var row = (await Store.StrippedRooms.FindAsync(Alice, Elsewhere, Stop))!;
        Assert.That((row.Event.Length, row.EndedAt), Is.EqualTo((0, 1_700_000_000_123)));
        var changed = (await Store.StrippedRooms.ChangedAsync(0, position, 10, Stop)).Single();
        Assert.That((changed.UserId, changed.Room.EndedAt), Is.EqualTo((Alice, 1_700_000_000_123)));
    }

    [Test]
    public async Task An_ended_invite_is_not_opened_again_when_it_is_repeated([Values] bool hasEvent)
    {
        Assert.That(await Applies(Invite("one")), Is.True);
        Assert.That(await Applies(Invite("one")), Is.True, "a repeated invite that is open");
        await Write(Left("one", hasEvent ? "end" : "one"));

        Assert.That(await Applies(Invite("one")), Is.False);

        var row = (await Store.StrippedRooms.FindAsync(Alice, Elsewhere, Stop))!;
        Assert.That((row.IsOpen, row.EndedId), Is.EqualTo((false, EventId("one"))));
        Assert.That(await Applies(Invite("two")), Is.True);
    }

    [Test]
    public async Task The_state_of_a_knock_comes_later_unless_the_knock_has_ended()
    {
        var knock = Invite("knock") with { Room = Row("knock", Elsewhere, Membership.Knock) };
        var described = new StrippedRoomDescribed(Alice, Elsewhere, EventId("knock"), Json("[{}]"));
        await Write(knock);
        var position = await Write(described);
        var row = (await Store.StrippedRooms.FindAsync(Alice, Elsewhere, Stop))!;
        Assert.That(
            (row.Membership, Text(row.State), row.Position), Is.EqualTo((Membership.Knock, "[{}]", position)));

        await Write(Left("knock", "end"));
        await Write(described);
        Assert.That((await Store.StrippedRooms.FindAsync(Alice, Elsewhere, Stop))!.IsOpen, Is.False);
        await Write(Invite("invite"));
        await Write(described);
        row = (await Store.StrippedRooms.FindAsync(Alice, Elsewhere, Stop))!;
        Assert.That((row.Membership, Text(row.State)), Is.EqualTo((Membership.Invite, "[]")));
    }

    [Test]
    public async Task A_user_has_a_bounded_number_of_open_invites()
    {
        Assert.That(await Applies(Invite("one") with { MostOpen = 1 }), Is.True);
        Assert.That(await Applies(Invite("two", "!two:elsewhere.example") with { MostOpen = 1 }), Is.False);
        Assert.That(await Applies(Invite("again") with { MostOpen = 1 }), Is.True);
        await Write(Left("again", "end"));
        Assert.That(await Applies(Invite("two", "!two:elsewhere.example") with { MostOpen = 1 }), Is.True);
        Assert.That(await Applies(Invite("bobs") with { UserId = Bob, MostOpen = 1 }), Is.True);
    }

    [Test]
    public async Task The_latest_ended_ones_are_kept()
    {
        for (var n = 0; n < 5; n++)
        {
            await Write(Invite($"i{n}", $"!r{n}:elsewhere.example"));
            await Write(Left($"i{n}", $"e{n}", $"!r{n}:elsewhere.example") with { MostEnded = 2 });
        }

        await Write(Invite("open"));
        Assert.That(
            await RoomsAsync(0, long.MaxValue),
            Is.EqualTo(new[] { "!r3:elsewhere.example", "!r4:elsewhere.example", Elsewhere }));
    }

    [Test]
    public async Task Only_an_ended_one_is_forgotten()
    {
        await Write(Invite("one"));
        Assert.That(await Applies(new StrippedRoomForgotten(Alice, Elsewhere)), Is.False);
        await Write(Left("one", "end"));
        Assert.That(await Applies(new StrippedRoomForgotten(Alice, Elsewhere)), Is.True);
        Assert.That(await Store.StrippedRooms.FindAsync(Alice, Elsewhere, Stop), Is.Null);
    }

    [Test]
    public async Task A_membership_in_the_room_itself_takes_its_place()
    {
        await Write(Room(Kitchen), Room(Garden));
        await Write(Invite("one", RoomIdOf(Kitchen)));
        await Write(Invite("two", RoomIdOf(Garden)));

        await Write(Sets(Kitchen, Alice, Membership.Join, Live(Kitchen, 1)));
        await Write(Sets(Garden, Bob, Membership.Join, Live(Garden, 1)));

        Assert.That(await RoomsAsync(0, long.MaxValue), Is.EqualTo(new[] { RoomIdOf(Garden) }));
    }

    [Test]
    public async Task An_invite_that_the_room_has_is_not_stored()
    {
        await Write(Room(Kitchen), Room(Garden));
        var invite = Event(Live(Kitchen, 7));
        await Write(invite);
        var entered = new StrippedRoomEntered(
            Alice, Row("", RoomIdOf(Kitchen)) with { EventId = invite.EventId }, 10);

        Assert.That(await Applies(entered), Is.False);
        Assert.That(
            await Applies(entered with { Room = entered.Room with { RoomId = RoomIdOf(Garden) } }), Is.True);
    }

    private static StrippedRoomEntered Invite(string eventId, string roomId = Elsewhere) =>
        new(Alice, Row(eventId, roomId), 10);

    private static StrippedRoomRow Row(string eventId, string roomId, Membership membership = Membership.Invite) => new(
        roomId, "11", "elsewhere.example", membership, "@eve:elsewhere.example", EventId(eventId), Json("{}"),
        Json("[]"), 0);

    private static StrippedRoomLeft Left(string endedId, string eventId, string roomId = Elsewhere) => new(
        Alice, roomId, EventId(endedId), Alice, EventId(eventId), Json("{\"end\":1}"), 10);

    private async Task<IReadOnlyList<string>> RoomsAsync(long after, long through) =>
        [.. (await Store.StrippedRooms.OfUserAsync(Alice, after, through, Stop)).Select(row => row.RoomId)];
}
