using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

internal sealed class EventsTests(string kind) : StorageTests(kind)
{
    [Test]
    public async Task An_event_comes_back_as_it_was_stored()
    {
        var nid = Live(Kitchen, 5);
        var stored = Event(nid) with
        {
            Step = 7,
            Marks = EventMarks.State | EventMarks.SoftFailed,
            NotifyClass = 3,
            ThreadRoot = Live(Kitchen, 1),
            Transaction = new SentAs("PHONE", "txn-1"),
            Content = "{\"a\":\"\u2028🦊\"}",
        };
        var position = await Write(Room(Kitchen), stored);

        var row = (await Store.Events.FindAsync(nid.Room, IdOf(nid), Stop))!;

        Assert.Multiple(() =>
        {
            Assert.That(row.Nid, Is.EqualTo(nid));
            Assert.That(row.EventId, Is.EqualTo(IdOf(nid)));
            Assert.That(row.Position, Is.EqualTo(position));
            Assert.That(row.Step, Is.EqualTo(7));
            Assert.That(row.Marks, Is.EqualTo(EventMarks.State | EventMarks.SoftFailed));
            Assert.That(row.NotifyClass, Is.EqualTo(3));
            Assert.That(row.Sender, Is.EqualTo(Alice));
            Assert.That(row.ThreadRoot, Is.EqualTo(Live(Kitchen, 1)));
            Assert.That(row.RedactedBy.IsNone);
            Assert.That(row.Transaction, Is.EqualTo(new SentAs("PHONE", "txn-1")));
            Assert.That(row.Json.ToArray(), Is.EqualTo(stored.Json.ToArray()));
            Assert.That(Text(row.Json), Does.Contain("{\"a\":\"\u2028🦊\"}"));
        });
        Assert.That((await Store.Events.FindAsync(nid, Stop))!.EventId, Is.EqualTo(row.EventId));
    }

    [Test]
    public async Task Events_are_found_by_many_ids_or_numbers_at_once_and_absent_ones_are_left_out()
    {
        await Write(Event(Live(Kitchen, 1)), Event(Live(Kitchen, 2)), Event(Live(Kitchen, 3)));

        var byId = await Store.Events.FindManyAsync(
            Kitchen,
            [IdOf(Live(Kitchen, 1)), EventId("nothing"), IdOf(Live(Kitchen, 3))],
            Stop);
        var byNid = await Store.Events.FindManyAsync([Live(Kitchen, 2), Live(Kitchen, 9)], Stop);
        var nids = await Store.Events.NidsAsync(Kitchen, [IdOf(Live(Kitchen, 1)), EventId("nothing")], Stop);
        var ids = await Store.Events.IdsAsync([Live(Kitchen, 2), Live(Kitchen, 9)], Stop);

        Assert.That(byId.Select(row => row.Nid), Is.EquivalentTo(new[] { Live(Kitchen, 1), Live(Kitchen, 3) }));
        Assert.That(byNid.Select(row => row.Nid), Is.EqualTo(new[] { Live(Kitchen, 2) }));
        Assert.That(nids, Is.EqualTo(new Dictionary<string, EventNid> { [IdOf(Live(Kitchen, 1))] = Live(Kitchen, 1) }));
        Assert.That(ids, Is.EqualTo(new Dictionary<EventNid, string> { [Live(Kitchen, 2)] = IdOf(Live(Kitchen, 2)) }));
        Assert.That(await Store.Events.FindManyAsync(Kitchen, [], Stop), Is.Empty);
    }

    [TestCase("$143273582443PhrSn:example.org")]
    [TestCase("$thirty-one-bytes-of-text-here-")]
    [TestCase("$thirty-two-bytes-of-text-here--")]
    [TestCase("$acR1l0raoZnm60CBwAVgqbZqoO/mYU81xysh1u7XcJk")]
    [TestCase("$acR1l0raoZnm60CBwAVgqbZqoO_mYU81xysh1u7XcJk")]
    [TestCase("$acR1l0raoZnm60CBwAVgqbZqoO_mYU81xysh1u7XcJl")]
    [TestCase("$ünïcödé:example.org")]
    public async Task Event_ids_of_every_form_are_kept_apart_and_come_back(string eventId)
    {
        await Write(Event(Live(Kitchen, 1)) with { EventId = eventId }, Event(Live(Kitchen, 2)));

        Assert.That((await Store.Events.FindAsync(Kitchen, eventId, Stop))!.EventId, Is.EqualTo(eventId));
        Assert.That((await Store.Events.FindAsync(Live(Kitchen, 1), Stop))!.EventId, Is.EqualTo(eventId));
    }

    [Test]
    public async Task Events_of_two_rooms_may_have_the_same_id()
    {
        const string EventId = "$chosen:example.org";
        await Write(Event(Live(Kitchen, 1)) with { EventId = EventId });
        await Write(Event(Live(Garden, 1)) with { EventId = EventId });

        Assert.That((await Store.Events.FindAsync(Kitchen, EventId, Stop))!.Nid, Is.EqualTo(Live(Kitchen, 1)));
        Assert.That((await Store.Events.FindAsync(Garden, EventId, Stop))!.Nid, Is.EqualTo(Live(Garden, 1)));
        Assert.That(
            (await Store.Events.FindManyAsync(Garden, [EventId], Stop)).Select(row => row.Nid),
            Is.EqualTo(new[] { Live(Garden, 1) }));
        Assert.That(
            (await Store.Events.FindAnywhereAsync(EventId, 10, Stop)).Select(row => row.Nid),
            Is.EqualTo(new[] { Live(Kitchen, 1), Live(Garden, 1) }));
        Assert.That(
            async () => await Write(Event(Live(Kitchen, 2)) with { EventId = EventId }),
            Throws.InstanceOf<StorageException>());
    }

    [Test]
    public async Task A_range_goes_both_ways_excludes_where_it_starts_and_stays_in_its_room()
    {
        await Write([.. Enumerable.Range(1, 9).Select(place => Event(Live(Kitchen, (uint)place)))]);
        await Write(Event(Live(Garden, 1)), Event(EventNid.Of(Kitchen, EventNid.FirstLiveOrdinal - 1)));

        async Task<uint[]> Places(EventNid from, EventNid? until, Direction direction, int limit) =>
            [.. (await Store.Events.RangeAsync(Kitchen, from, until, direction, limit, EventMarks.None, Stop))
                .Select(row => row.Nid.Ordinal - EventNid.FirstLiveOrdinal)];

        Assert.That(await Places(Live(Kitchen, 3), null, Direction.Forward, 3), Is.EqualTo(new uint[] { 4, 5, 6 }));
        Assert.That(
            await Places(Live(Kitchen, 3), null, Direction.Backward, 9),
            Is.EqualTo(new uint[] { 2, 1, uint.MaxValue }));
        Assert.That(
            await Places(Live(Kitchen, 3), Live(Kitchen, 5), Direction.Forward, 9),
            Is.EqualTo(new uint[] { 4, 5 }));
        Assert.That(
            await Places(Live(Kitchen, 9), Live(Kitchen, 7), Direction.Backward, 9),
            Is.EqualTo(new uint[] { 8, 7 }));
        Assert.That(
            await Places(EventNid.LastOf(Kitchen), null, Direction.Backward, 2),
            Is.EqualTo(new uint[] { 9, 8 }));
        Assert.That(
            await Places(EventNid.FirstOf(Kitchen), null, Direction.Forward, 2),
            Is.EqualTo(new uint[] { uint.MaxValue, 1 }));
    }

    [Test]
    public async Task A_range_skips_hidden_events()
    {
        await Write(
            Event(Live(Kitchen, 1)),
            Event(Live(Kitchen, 2)) with { Marks = EventMarks.SoftFailed },
            Event(Live(Kitchen, 3)) with { Marks = EventMarks.Rejected | EventMarks.State },
            Event(Live(Kitchen, 4)) with { Marks = EventMarks.State });

        var shown = await Store.Events.RangeAsync(
            Kitchen, EventNid.FirstOf(Kitchen), null, Direction.Forward, 2, EventMarks.SoftFailed | EventMarks.Rejected,
            Stop);

        Assert.That(shown.Select(row => row.Nid), Is.EqualTo(new[] { Live(Kitchen, 1), Live(Kitchen, 4) }));
    }

    [Test]
    public async Task Where_the_timeline_ended_at_a_position_is_found_for_every_position_and_gap()
    {
        await Write(Room(Kitchen), Room(Garden));
        var ends = new List<(long Position, uint Place)> { (await Write(Room(new RoomNid(3))), 0) };
        foreach (var place in new uint[] { 1, 2, 3, 7, 8, 20, 21, 22, 23, 40 })
        {
            ends.Add((await Write(Event(Live(Kitchen, place))), place));
            ends.Add((await Write(Event(Live(Garden, place))), place));
            await Write(Event(EventNid.Of(Kitchen, EventNid.FirstLiveOrdinal - place)));
        }

        // Fetched later into gaps.
        foreach (var place in new uint[] { 4, 5, 6, 19, 30, 39 })
        {
            await Write(Event(Live(Kitchen, place)) with { Marks = EventMarks.Backfilled });
        }

        foreach (var (position, place) in ends)
        {
            var expected = place == 0 ? EventNid.None : Live(Kitchen, place);
            Assert.That(
                await Store.Events.LastNidAtAsync(Kitchen, position, Stop),
                Is.EqualTo(expected),
                $"at {position}");
        }

        var last = await Store.Events.LastNidsAtAsync([Kitchen, Garden, new RoomNid(3)], long.MaxValue, Stop);
        Assert.That(
            last,
            Is.EqualTo(
                new Dictionary<RoomNid, EventNid> { [Kitchen] = Live(Kitchen, 40), [Garden] = Live(Garden, 40) }));
    }

    [Test]
    public async Task A_redacted_event_names_its_redaction_and_has_no_content()
    {
        await Write(Event(Live(Kitchen, 1)), Event(Live(Kitchen, 2)), Event(Live(Kitchen, 3)));

        await Write(Redacts(Live(Kitchen, 2), Live(Kitchen, 3)));

        var emptied = (await Store.Events.FindAsync(Live(Kitchen, 2), Stop))!;
        Assert.That(emptied.RedactedBy, Is.EqualTo(Live(Kitchen, 3)));
        Assert.That(Text(emptied.Json), Does.Contain("\"content\":{}"));
        Assert.That(Text((await Store.Events.FindAsync(Live(Kitchen, 1), Stop))!.Json), Does.Contain("\"n\""));
    }

    [Test]
    public async Task The_same_event_is_not_stored_twice()
    {
        await Write(Event(Live(Kitchen, 1)));

        var failure = Fails(async () => await Write(Event(Live(Kitchen, 2)) with { EventId = IdOf(Live(Kitchen, 1)) }));

        Assert.That(failure.Failure, Is.EqualTo(StorageFailure.Rejected));
        Assert.That(await Store.Events.FindAsync(Live(Kitchen, 2), Stop), Is.Null);
    }
}
