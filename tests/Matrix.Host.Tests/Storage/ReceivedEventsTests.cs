using Matrix.Core.Facade;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AuthChains;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Followers;
using Matrix.Host.Storage.Tables.ReceivedTransactions;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.StagedEvents;
using static Matrix.Host.Tests.Storage.Samples;

namespace Matrix.Host.Tests.Storage;

/// <summary>The tables of events that come from other servers.</summary>
internal sealed class ReceivedEventsTests(string kind) : StorageTests(kind)
{
    private static readonly EventNid _outlier = EventNid.Of(Kitchen, 5);

    [SetUp]
    public async Task Rooms() => await Write(Room(Kitchen), Room(Garden));

    [Test]
    public async Task A_room_is_federated_from_the_change_on()
    {
        var before = await Store.Rooms.FindAsync(Kitchen, Stop);
        await Write(new RoomFederated(Kitchen));
        await ReopenAsync();

        Assert.That(before!.IsFederated, Is.False);
        Assert.That((await Store.Rooms.FindAsync(Kitchen, Stop))!.IsFederated, Is.True);
        Assert.That((await Store.Rooms.FindAsync(Garden, Stop))!.IsFederated, Is.False);
    }

    [Test]
    public async Task Followers_of_an_event_stay_when_its_gap_is_closed()
    {
        await Write(
            new FollowerDecided(Live(Kitchen, 2), EventId("missing"), IsGap: true),
            new FollowerDecided(Live(Kitchen, 3), EventId("missing"), IsGap: true),
            new FollowerDecided(Live(Kitchen, 3), EventId("rejected"), IsGap: false),
            new FollowerDecided(Live(Garden, 1), EventId("missing"), IsGap: true));

        Assert.That(await Store.Followers.GapsAsync(Kitchen, 9, Stop), Is.EqualTo(new[] { EventId("missing") }));
        Assert.That(
            await Store.Followers.OpenAsync(Live(Kitchen, 1), Live(Kitchen, 9), 9, Stop),
            Is.EqualTo(new[] { Live(Kitchen, 2), Live(Kitchen, 3) }));
        Assert.That(
            await Store.Followers.OpenAsync(Live(Kitchen, 3), Live(Kitchen, 3), 9, Stop),
            Is.EqualTo(new[] { Live(Kitchen, 3) }));
        Assert.That(
            await Store.Followers.OpenBeforeAsync(Live(Kitchen, 4), 9, Stop),
            Is.EqualTo(new[] { Live(Kitchen, 3), Live(Kitchen, 2) }));
        Assert.That(
            await Store.Followers.OpenBeforeAsync(Live(Kitchen, 4), 1, Stop),
            Is.EqualTo(new[] { Live(Kitchen, 3) }));
        Assert.That(
            await Store.Followers.OpenBeforeAsync(Live(Kitchen, 3), 9, Stop),
            Is.EqualTo(new[] { Live(Kitchen, 2) }));

        await Write(new GapClosed(Kitchen, EventId("missing")));

        Assert.That(await Store.Followers.GapsAsync(Kitchen, 9, Stop), Is.Empty);
        Assert.That(await Store.Followers.OpenAsync(Live(Kitchen, 1), Live(Kitchen, 9), 9, Stop), Is.Empty);
        Assert.That(await Store.Followers.OpenBeforeAsync(Live(Kitchen, 9), 9, Stop), Is.Empty);
        Assert.That(await Store.Followers.GapsAsync(Garden, 9, Stop), Has.Count.EqualTo(1));
        Assert.That(
            await Store.Followers.OfAsync(Kitchen, [EventId("missing"), EventId("rejected"), EventId("none")], Stop),
            Is.EquivalentTo(new[]
            {
                new FollowerRow(EventId("missing"), Live(Kitchen, 2)),
                new FollowerRow(EventId("missing"), Live(Kitchen, 3)),
                new FollowerRow(EventId("rejected"), Live(Kitchen, 3)),
            }));
    }

    [Test]
    public async Task State_events_are_found_by_the_auth_events_that_they_name()
    {
        await Write(
            new AuthEventsIndexed(Live(Kitchen, 1), [], 0),
            new AuthEventsIndexed(Live(Kitchen, 2), [Live(Kitchen, 1)], 1),
            new AuthEventsIndexed(Live(Kitchen, 3), [Live(Kitchen, 1), Live(Kitchen, 2)], 2));

        Assert.That(
            await Store.AuthChains.CitingAsync(Live(Kitchen, 1), 9, Stop),
            Is.EqualTo(new[] { Live(Kitchen, 3), Live(Kitchen, 2) }));
        Assert.That(
            await Store.AuthChains.CitingAsync(Live(Kitchen, 1), 1, Stop), Is.EqualTo(new[] { Live(Kitchen, 3) }));
        Assert.That(
            await Store.AuthChains.HeightsAsync([Live(Kitchen, 1), Live(Kitchen, 3), Live(Kitchen, 9)], Stop),
            Is.EquivalentTo(new Dictionary<EventNid, int> { [Live(Kitchen, 1)] = 0, [Live(Kitchen, 3)] = 2 }));
    }

    [Test]
    public async Task An_outlier_that_comes_live_has_one_row_and_is_found_by_both_numbers()
    {
        var outlier = Event(_outlier) with { Marks = EventMarks.Outlier | EventMarks.State };
        await Write(
            outlier,
            new EventRefused(_outlier, "a.clause", "why"),
            new AuthEventsIndexed(_outlier, [], 4),
            new AuthEventsIndexed(Live(Kitchen, 1), [_outlier], 5));

        var live = Live(Kitchen, 7);
        await Write(
            new OutlierRenumbered(_outlier, live),
            outlier with { Nid = live, EventId = outlier.EventId, Marks = EventMarks.State });

        Assert.That((await Store.Events.FindAsync(Kitchen, outlier.EventId, Stop))!.Nid, Is.EqualTo(live));
        Assert.That(await Store.Events.FindAsync(_outlier, Stop), Is.Null);
        Assert.That(
            await Store.Events.RenumberedAsync([_outlier, Live(Kitchen, 1)], Stop),
            Is.EquivalentTo(new Dictionary<EventNid, EventNid> { [_outlier] = live }));
        Assert.That(
            await Store.AuthChains.CitingAsync(live, 9, Stop), Is.EqualTo(new[] { Live(Kitchen, 1) }));
        Assert.That((await Store.AuthChains.HeightsAsync([live], Stop))[live], Is.EqualTo(4));
    }

    [Test]
    public async Task An_event_that_is_asked_for_by_both_of_its_numbers_is_returned_once()
    {
        var live = Live(Kitchen, 7);
        var outlier = Event(_outlier) with { Marks = EventMarks.Outlier | EventMarks.State };
        await Write(outlier);
        await Write(
            new OutlierRenumbered(_outlier, live),
            outlier with { Nid = live, EventId = outlier.EventId, Marks = EventMarks.State });
        var room = new RoomIdentity(Kitchen, "!kitchen:one.test", RoomRules.Find("11")!);
        var events = new EventStore(Store.Events, 1 << 20);

        for (var cached = 0; cached < 2; cached++)
        {
            var found = await events.GetManyAsync(room, [_outlier, live], Stop);
            Assert.That(found.Select(each => each.Nid), Is.EqualTo(new[] { live }));
            var byNumber = await events.ByNumberAsync(room, [_outlier, live], Stop);
            Assert.That(
                byNumber.ToDictionary(each => each.Key, each => each.Value.Nid),
                Is.EquivalentTo(new Dictionary<EventNid, EventNid> { [_outlier] = live, [live] = live }));
        }
    }

    [Test]
    public async Task The_reason_of_a_refusal_is_stored()
    {
        await Write(
            Event(Live(Kitchen, 1)) with { Marks = EventMarks.Rejected },
            new EventRefused(Live(Kitchen, 1), "member.join.banned", "the user is banned"));

        Assert.That(
            await Store.Events.RefusalAsync(Live(Kitchen, 1), Stop),
            Is.EqualTo(new EventRefused(Live(Kitchen, 1), "member.join.banned", "the user is banned")));
        Assert.That(await Store.Events.RefusalAsync(Live(Kitchen, 2), Stop), Is.Null);
    }

    [Test]
    public async Task Staged_events_come_back_in_the_order_in_which_they_came()
    {
        await Write(
            new EventStaged(Kitchen, EventId("b"), "elsewhere.org", Json("{\"n\":1}"), 10),
            new EventStaged(Kitchen, EventId("a"), "elsewhere.org", Json("{\"n\":2}"), 20));
        await Write(
            new EventStaged(Kitchen, EventId("b"), "other.org", Json("{\"n\":3}"), 30),
            new EventStaged(Garden, EventId("b"), "other.org", Json("{\"n\":4}"), 40));

        var staged = await Store.StagedEvents.OfRoomAsync(Kitchen, 9, Stop);

        Assert.That(
            staged.Select(row => (row.EventId, row.Peer, Text(row.Json), row.StagedAt)),
            Is.EqualTo(new[]
            {
                (EventId("b"), "elsewhere.org", "{\"n\":1}", 10L), (EventId("a"), "elsewhere.org", "{\"n\":2}", 20L),
            }));
        Assert.That(await Store.StagedEvents.RoomsAsync(Stop), Is.EquivalentTo(new[] { Kitchen, Garden }));

        await Write(new StagedEventRemoved(Kitchen, EventId("a")), new StagedEventRemoved(Kitchen, EventId("b")));

        Assert.That(await Store.StagedEvents.RoomsAsync(Stop), Is.EqualTo(new[] { Garden }));
    }

    [Test]
    public async Task The_latest_events_that_were_given_up_are_kept_with_the_reason()
    {
        foreach (var name in new[] { "a", "b", "c", "a" })
        {
            await Write(new StagedEventGivenUp(Kitchen, EventId(name), $"because of {name}", Keep: 2));
        }

        await Write(new StagedEventGivenUp(Garden, EventId("a"), "NotReached\0", Keep: 2));

        var givenUp = await Store.StagedEvents.GivenUpAsync(Kitchen, 9, Stop);
        Assert.That(
            givenUp.Select(row => (row.EventId, row.Reason)),
            Is.EqualTo(new[] { (EventId("a"), "because of a"), (EventId("c"), "because of c") }));
        Assert.That(givenUp.Select(row => row.GivenUpAt), Is.All.GreaterThan(0));
        Assert.That((await Store.StagedEvents.GivenUpAsync(Garden, 1, Stop))[0].Reason, Is.EqualTo("NotReached\0"));
    }

    [Test]
    public async Task An_auth_chain_is_read_at_once()
    {
        await Write(
            new AuthEventsIndexed(Live(Kitchen, 2), [Live(Kitchen, 1)], 1),
            new AuthEventsIndexed(Live(Kitchen, 3), [Live(Kitchen, 1), _outlier], 2),
            new AuthEventsIndexed(Live(Kitchen, 4), [Live(Kitchen, 2), Live(Kitchen, 3)], 3),
            new AuthEventsIndexed(Live(Kitchen, 5), [Live(Kitchen, 4)], 4));

        Assert.That(
            await Store.AuthChains.ChainAsync([Live(Kitchen, 4), Live(Kitchen, 2)], Stop),
            Is.EquivalentTo(new[]
            {
                Live(Kitchen, 4), Live(Kitchen, 3), Live(Kitchen, 2), Live(Kitchen, 1), _outlier,
            }));
        Assert.That(await Store.AuthChains.ChainAsync([], Stop), Is.Empty);
    }

    [Test]
    public async Task The_last_transaction_of_a_server_is_remembered()
    {
        await Write(new TransactionReceived("elsewhere.org", "1", Json("{}")));
        await Write(new TransactionReceived("elsewhere.org", "2", Json("{\"pdus\":{}}")));

        var last = await Store.ReceivedTransactions.LastAsync("elsewhere.org", Stop);

        Assert.That((last!.TransactionId, Text(last.Response)), Is.EqualTo(("2", "{\"pdus\":{}}")));
        Assert.That(await Store.ReceivedTransactions.LastAsync("other.org", Stop), Is.Null);
    }

    [Test]
    public async Task State_events_are_paged_by_number_outliers_included()
    {
        await Write(
            Event(_outlier) with { Marks = EventMarks.Outlier | EventMarks.State },
            Event(Live(Kitchen, 1)) with { Marks = EventMarks.State },
            Event(Live(Kitchen, 2)),
            Event(Live(Kitchen, 3)) with { Marks = EventMarks.State | EventMarks.Rejected });

        var first = await Store.Events.StateEventsAsync(Kitchen, EventNid.FirstOf(Kitchen), 2, Stop);
        var next = await Store.Events.StateEventsAsync(Kitchen, first[^1].Nid, 2, Stop);

        Assert.That(first.Select(row => row.Nid), Is.EqualTo(new[] { _outlier, Live(Kitchen, 1) }));
        Assert.That(next.Select(row => row.Nid), Is.EqualTo(new[] { Live(Kitchen, 3) }));
    }
}
