using Matrix.Core.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.Transactions;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

internal sealed class RoomsTests(string kind) : StorageTests(kind)
{
    [Test]
    public async Task A_rooms_header_comes_back_as_it_was_written_last()
    {
        var header = new RoomHeader
        {
            Extremities =
            [
                new Extremity(EventNid.FirstLiveOrdinal, EventId("a")),
                new Extremity(uint.MaxValue, "$old:example.org"),
            ],
            Depth = 1L << 50,
            CurrentStep = 3,
            LastOrdinal = uint.MaxValue,
            FirstOrdinal = 17,
            LastStep = int.MaxValue,
            LastNode = 9,
            JoinedCount = 100_000,
            InvitedCount = 2,
        };
        await Write(Room(Kitchen));
        var position = await Write(Header(Kitchen, header));

        var row = (await Store.Rooms.FindAsync(RoomIdOf(Kitchen), Stop))!;

        Assert.Multiple(() =>
        {
            Assert.That(row.Nid, Is.EqualTo(Kitchen));
            Assert.That((row.Version, row.Creator, row.LastPosition), Is.EqualTo(("11", Alice, position)));
            Assert.That(row.CreatedAt, Is.EqualTo(Time.GetUtcNow().ToUnixTimeMilliseconds()));
            Assert.That(row.Header.Extremities, Is.EqualTo(header.Extremities));
            Assert.That(row.Header with { Extremities = header.Extremities }, Is.EqualTo(header));
        });
        Assert.That((await Store.Rooms.FindAsync(Kitchen, Stop))!.RoomId, Is.EqualTo(RoomIdOf(Kitchen)));
        Assert.That(await Store.Rooms.FindAsync("!nowhere:example.org", Stop), Is.Null);
    }

    [Test]
    public async Task Rooms_are_listed_a_page_at_a_time_and_found_by_many_numbers()
    {
        await Write([.. Enumerable.Range(1, 5).Select(n => Room(new RoomNid(n)))]);

        var first = await Store.Rooms.ListAsync(default, 3, Stop);
        var second = await Store.Rooms.ListAsync(first[^1].Nid, 3, Stop);
        var some = await Store.Rooms.FindManyAsync([new RoomNid(4), new RoomNid(9), Garden], Stop);

        Assert.That(await Store.Rooms.CountAsync(Stop), Is.EqualTo(5));
        Assert.That(await Store.Admin.BytesAsync(Stop), Is.GreaterThan(10_000));
        Assert.That(first.Select(row => row.Nid.Value), Is.EqualTo(new[] { 1, 2, 3 }));
        Assert.That(second.Select(row => row.Nid.Value), Is.EqualTo(new[] { 4, 5 }));
        Assert.That(some.Select(row => row.Nid.Value), Is.EquivalentTo(new[] { 2, 4 }));
    }

    [Test]
    public async Task A_new_room_has_a_number_of_its_own_after_a_restart_too()
    {
        var first = Store.Rooms.NewNid();
        var second = Store.Rooms.NewNid();
        await Write(Room(first), Room(second));
        await ReopenAsync();

        Assert.That(new[] { first, second, Store.Rooms.NewNid() }, Is.Unique);
    }

    [Test]
    public async Task A_header_goes_on_with_the_messages_that_came_after_it()
    {
        var before = new RoomHeader
        {
            Extremities =
            [
                new Extremity(EventNid.FirstLiveOrdinal, EventId("a")),
                new Extremity(EventNid.FirstLiveOrdinal + 1, EventId("b")),
            ],
            Depth = 7,
            CurrentStep = 3,
            LastOrdinal = EventNid.FirstLiveOrdinal + 1,
            LastStep = 3,
            JoinedCount = 2,
        };
        await Write(Room(Kitchen), Room(Garden), Header(Kitchen, before));
        var after = before.After(Live(Kitchen, 3).Ordinal, IdOf(Live(Kitchen, 3)));
        await Write(Event(Live(Kitchen, 2)));
        var position = await Write(
            Event(Live(Kitchen, 3)),
            new RoomAdvanced(Identity(Kitchen), before.After(Live(Kitchen, 2).Ordinal, IdOf(Live(Kitchen, 2))), after),
            Event(EventNid.Of(Garden, 5)));

        var found = (await Store.Rooms.FindManyAsync([Kitchen, Garden], Stop)).ToDictionary(row => row.Nid);

        Assert.Multiple(() =>
        {
            Assert.That(after.Follows(before), Is.True);
            Assert.That(found[Kitchen].Header.Extremities, Is.EqualTo(after.Extremities));
            Assert.That(found[Kitchen].Header with { Extremities = after.Extremities }, Is.EqualTo(after));
            Assert.That(found[Kitchen].Header.Depth, Is.EqualTo(9));
            Assert.That(found[Kitchen].LastPosition, Is.EqualTo(position));
            Assert.That(
                found[Garden].Header.LastOrdinal,
                Is.EqualTo(EventNid.FirstLiveOrdinal - 1),
                "history is no message of now");
        });
    }

    [Test]
    public async Task Rows_of_one_batch_are_written_in_their_order()
    {
        await Write(Room(Kitchen), Room(Garden));
        var thread = EventNid.Of(Kitchen, 9);
        var header = new RoomHeader { Depth = 5, JoinedCount = 1, Extremities = [new Extremity(4, EventId("a"))] };
        var first = Event(EventNid.Of(Kitchen, 5));
        await Write(
            Event(EventNid.Of(Garden, 5)),
            first with { ThreadRoot = thread, Transaction = new SentAs("device", "one") },
            Header(Kitchen, header with { Depth = 4 }),
            Header(Garden, header),
            Header(Kitchen, header),
            new EventMarksChanged(first.Nid, EventMarks.SoftFailed),
            Event(EventNid.Of(Kitchen, 6)),
            Header(Garden, header with { Depth = 6 }));

        var rows = await Store.Events.FindManyAsync(Kitchen, [first.EventId, IdOf(EventNid.Of(Kitchen, 6))], Stop);
        var found = (await Store.Rooms.FindManyAsync([Kitchen, Garden], Stop)).ToDictionary(row => row.Nid);

        Assert.Multiple(() =>
        {
            Assert.That(
                rows.Select(row => row.Marks), Is.EquivalentTo(new[] { EventMarks.SoftFailed, EventMarks.None }));
            Assert.That(rows.Select(row => row.ThreadRoot), Is.EquivalentTo(new[] { thread, EventNid.None }));
            Assert.That(
                rows.Select(row => row.Transaction), Is.EquivalentTo(new[] { new SentAs("device", "one"), null }));
            Assert.That(found[Kitchen].Header.Depth, Is.EqualTo(5));
            Assert.That(found[Kitchen].Header.Extremities, Is.EqualTo(header.Extremities));
            Assert.That(found[Garden].Header.Depth, Is.EqualTo(6));
        });
    }

    [Test]
    public async Task Batches_that_wait_together_are_all_written()
    {
        await Write(Room(Kitchen), Room(Garden));
        static EventNid NidOf(int n) => Live(n % 2 == 0 ? Kitchen : Garden, (uint)n);
        var sent = Enumerable.Range(0, 60).Select(n => Write(
            Event(NidOf(n)) with { Request = n % 3 == 0 ? (UInt128)n + 1 : null },
            Header(
                n % 2 == 0 ? Kitchen : Garden,
                new RoomHeader { Depth = n + 1, LastOrdinal = NidOf(n).Ordinal }))).ToArray();
        var positions = await Task.WhenAll(sent);

        var found = (await Store.Rooms.FindManyAsync([Kitchen, Garden], Stop)).ToDictionary(row => row.Nid);
        var events = await Store.Events.AfterPositionAsync(positions[0] - 1, positions[^1], 100, Stop);
        var requests = await Store.Transactions.LatestAsync(100, 0, Stop);

        Assert.That((found[Kitchen].Header.Depth, found[Garden].Header.Depth), Is.EqualTo((59, 60)));
        Assert.That(
            (found[Kitchen].LastPosition, found[Garden].LastPosition), Is.EqualTo((positions[58], positions[59])));
        Assert.That(
            events.Select(row => (row.Nid, row.Position)),
            Is.EqualTo(positions.Select((position, n) => (NidOf(n), position))));
        Assert.That(
            requests,
            Is.EqualTo(Enumerable.Range(0, 60).Reverse().Where(n => n % 3 == 0)
                .Select(n => new TransactionRow((UInt128)n + 1, NidOf(n)))));
    }

    [Test]
    public void A_header_follows_only_if_nothing_but_the_timeline_went_on()
    {
        var before = new RoomHeader
        {
            Depth = 7,
            CurrentStep = 3,
            LastStep = 3,
            LastOrdinal = Live(Kitchen, 1).Ordinal,
            JoinedCount = 2,
        };
        var after = before.After(Live(Kitchen, 2).Ordinal, EventId("c"));
        var old = new Extremity(EventNid.FirstLiveOrdinal, EventId("a"));

        Assert.Multiple(() =>
        {
            Assert.That(after.Follows(before), Is.True);
            Assert.That(before.Follows(before), Is.False);
            Assert.That((after with { CurrentStep = 4 }).Follows(before), Is.False);
            Assert.That((after with { LastNode = 1 }).Follows(before), Is.False);
            Assert.That((after with { JoinedCount = 3 }).Follows(before), Is.False);
            Assert.That((after with { Depth = 9 }).Follows(before), Is.False);
            Assert.That((after with { Extremities = [] }).Follows(before), Is.False);
            Assert.That((after with { Extremities = [.. after.Extremities, old] }).Follows(before), Is.False);
            Assert.That((after with { Extremities = [old] }).Follows(before), Is.False);
        });
    }

    [Test]
    public async Task The_current_state_at_a_position_is_the_latest_logged_by_then()
    {
        var before = await Write(Room(Kitchen), Room(Garden));
        var first = await Write(Changes(Kitchen, 1));
        var between = await Write(Changes(Garden, 7));
        var second = await Write(Changes(Kitchen, 2), Changes(Kitchen, 3));

        Assert.That(await Store.Rooms.CurrentStepAtAsync(Kitchen, before, Stop), Is.Zero);
        Assert.That(await Store.Rooms.CurrentStepAtAsync(Kitchen, first, Stop), Is.EqualTo(1));
        Assert.That(await Store.Rooms.CurrentStepAtAsync(Kitchen, between, Stop), Is.EqualTo(1));
        Assert.That(await Store.Rooms.CurrentStepAtAsync(Kitchen, second, Stop), Is.EqualTo(3));
        Assert.That(
            await Store.Rooms.CurrentStepsAtAsync([Kitchen, Garden], first, Stop),
            Is.EqualTo(new Dictionary<RoomNid, int> { [Kitchen] = 1 }));
        Assert.That(
            await Store.Rooms.CurrentStepsAtAsync([Kitchen, Garden], second, Stop),
            Is.EqualTo(new Dictionary<RoomNid, int> { [Kitchen] = 3, [Garden] = 7 }));
    }

    [Test]
    public async Task A_room_id_is_one_rooms_only()
    {
        await Write(Room(Kitchen));

        var failure = Fails(
            () => Write(Room(Garden) with { Room = Identity(Garden) with { RoomId = RoomIdOf(Kitchen) } }));

        Assert.That(failure.Failure, Is.EqualTo(StorageFailure.Rejected));
    }
}
