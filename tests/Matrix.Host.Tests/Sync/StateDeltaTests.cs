using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Sync.V3;

namespace Matrix.Host.Tests.Sync;

/// <summary>The state events that a sync returns with a timeline.</summary>
internal sealed class StateDeltaTests
{
    private const string Topic = "m.room.topic";
    private static readonly RoomNid _nid = new(1);
    private static readonly RoomIdentity _room = new(_nid, "!r:hs", RoomRules.Find("12")!);

    [Test]
    public void State_that_changed_without_an_event_in_the_timeline_is_sent()
    {
        var before = State((Topic, 1), ("m.room.name", 2));
        var end = before.Set(Entry(Topic, 9));
        Assert.That(StateDelta.UpToTimeline(_nid, before, end, [Message(10)]), Is.EqualTo(new[] { Ref(Topic, 9) }));
        Assert.That(StateDelta.UpToEnd(_nid, before, end), Is.EqualTo(new[] { Ref(Topic, 9) }));
    }

    [Test]
    public void State_that_the_timeline_changes_is_sent_as_it_was_before()
    {
        // The client has 1; 5 came in the gap; the timeline shows 6, which replaced 5, and 7.
        var before = State((Topic, 1));
        var end = State((Topic, 7));
        StoredEvent[] timeline = [Change(Topic, 6, replaces: 5), Change(Topic, 7, replaces: 6)];
        Assert.That(StateDelta.UpToTimeline(_nid, before, end, timeline), Is.EqualTo(new[] { Ref(Topic, 5) }));
        Assert.That(StateDelta.UpToEnd(_nid, before, end), Is.EqualTo(new[] { Ref(Topic, 7) }));
    }

    [Test]
    public void State_that_the_client_has_and_the_timeline_changes_is_not_sent_again()
    {
        var before = State((Topic, 1));
        Assert.That(
            StateDelta.UpToTimeline(_nid, before, State((Topic, 6)), [Change(Topic, 6, replaces: 1)]),
            Is.Empty);
        Assert.That(
            StateDelta.UpToTimeline(_nid, before, State((Topic, 1), ("m.x", 6)), [Change("m.x", 6, replaces: 0)]),
            Is.Empty);
    }

    [Test]
    public void A_client_without_state_gets_all_state_except_what_the_timeline_adds()
    {
        var end = State((Topic, 6), ("m.room.create", 1), ("m.x", 7));
        StoredEvent[] timeline = [Change(Topic, 6, replaces: 3), Change("m.x", 7, replaces: 0)];
        Assert.That(
            StateDelta.UpToTimeline(_nid, StateTree.Empty, end, timeline),
            Is.EquivalentTo(new[] { Ref("m.room.create", 1), Ref(Topic, 3) }));
        Assert.That(StateDelta.UpToEnd(_nid, StateTree.Empty, end), Has.Count.EqualTo(3));
        Assert.That(StateDelta.UpToEnd(_nid, StateTree.Empty, end, but: Topic), Has.Count.EqualTo(2));
    }

    [Test]
    public void Equal_states_differ_in_nothing() =>
        Assert.That(StateDelta.UpToEnd(_nid, State((Topic, 1), ("m.x", 2)), State(("m.x", 2), (Topic, 1))), Is.Empty);

    private static StateRef Ref(string type, uint n) => new(type, "", Nid(n));

    private static EventNid Nid(uint n) => EventNid.Of(_nid, EventNid.FirstLiveOrdinal + n);

    private static StateEntry Entry(string type, uint n) => StateEntry.Of(type, "", $"$event{n}", Nid(n).Ordinal);

    private static StateTree State(params (string Type, uint N)[] entries) =>
        StateTree.OfEntries([.. entries.Select(e => Entry(e.Type, e.N))], false);

    private static StoredEvent Message(uint n) => Stored(n, "m.room.message", null);

    private static StoredEvent Change(string type, uint n, uint replaces)
    {
        var stored = Stored(n, type, "");
        stored.Replaces = replaces == 0 ? EventNid.None : Nid(replaces);
        return stored;
    }

    private static StoredEvent Stored(uint n, string type, string? key)
    {
        var pdu = new Pdu(
            "12", $"$event{n}", _room.RoomId, "@a:hs", type, key, 0, n, JsonObject.Empty, [], [], null,
            "{}"u8.ToArray());
        var marks = key is null ? EventMarks.None : EventMarks.State;
        var row = new EventRow(
            Nid(n), pdu.EventId, n, 1, marks, 0, pdu.Sender, EventNid.None, EventNid.None, null, pdu.Canonical);
        return new StoredEvent(_room, row, pdu);
    }
}
