using System.Reflection;
using System.Text;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Tests.Rooms;

/// <summary>The cache of parsed events.</summary>
internal sealed class EventStoreTests
{
    private static readonly RoomIdentity _room = new(new RoomNid(1), "!r:one.test", RoomRules.Find("11")!);

    [Test]
    public async Task Messages_let_go_of_their_parsed_form_when_many_newer_ones_came_and_say_the_same_when_asked_again()
    {
        var events = new EventStore(null!, 16 * 1024 * 1024);
        var state = Stored(1, "m.room.topic", "");
        var first = Stored(2, "m.room.message", null);
        var (stateAsMade, firstAsMade) = (state.Pdu, first.Pdu);
        events.Put(state);
        events.Put(first);
        for (var n = 3u; n <= 400; n++) events.Put(Stored(n, "m.room.message", null));
        var last = Stored(401, "m.room.message", null);
        var lastAsMade = last.Pdu;
        events.Put(last);

        var found = (await events.GetAsync(_room, first.Nid, default))!;

        Assert.Multiple(() =>
        {
            Assert.That(last.Pdu, Is.SameAs(lastAsMade));
            Assert.That(state.Pdu, Is.SameAs(stateAsMade));
            Assert.That(found.Pdu, Is.Not.SameAs(firstAsMade));
            Assert.That(found.OriginServerTs, Is.EqualTo(firstAsMade.OriginServerTs));
            Assert.That(
                (found.Pdu.Type, found.Pdu.Sender, found.Pdu.EventId),
                Is.EqualTo((firstAsMade.Type, firstAsMade.Sender, firstAsMade.EventId)));
            Assert.That(found.Pdu.Content, Is.EqualTo(firstAsMade.Content));
        });
    }

    [Test]
    public void A_message_that_was_read_and_state_outlast_messages_that_nobody_reads()
    {
        var events = new EventStore(null!, 1024 * 1024);
        var state = Stored(1, "m.room.topic", "");
        var (read, unread) = (Stored(2, "m.room.message", null), Stored(3, "m.room.message", null));
        events.Put(state);
        events.Put(read);
        events.Put(unread);
        Assert.That(events.Known(read.Nid), Is.SameAs(read));

        for (var n = 4u; n <= 200; n++) events.Put(Stored(n, "m.room.message", null));

        Assert.Multiple(() =>
        {
            Assert.That(events.Known(state.Nid), Is.SameAs(state));
            Assert.That(events.Known(read.Nid), Is.SameAs(read));
            Assert.That(events.Known(unread.Nid), Is.Null);
            Assert.That(events.CachedBytes, Is.LessThan(1024 * 1024 / 16));
        });
    }

    [Test]
    public async Task An_event_that_is_dropped_while_its_row_is_read_is_not_cached_as_it_was()
    {
        var row = Stored(1, "m.room.redaction", null).Row with { Marks = EventMarks.WaitingRedaction };
        var read = new TaskCompletionSource<EventRow?>();
        var events = new EventStore(HeldRow.Of(read.Task), 1024 * 1024);
        var reader = events.GetAsync(_room, row.Nid, default);
        events.Drop(row.Nid);
        read.SetResult(row);
        Assert.That((await reader)!.Row.Marks, Is.EqualTo(EventMarks.WaitingRedaction));

        Assert.That(events.Known(row.Nid), Is.Null);
    }

    private static StoredEvent Stored(uint n, string type, string? key)
    {
        var stateKey = key is null ? "" : $"\"state_key\":\"{key}\",";
        var json = Encoding.UTF8.GetBytes(
            $$$"""
            {"auth_events":[],"content":{"body":"message {{{n}}}"},"depth":{{{n}}},"hashes":{"sha256":"x"},
            "origin_server_ts":{{{1000 + n}}},"prev_events":[],"room_id":"!r:one.test","sender":"@a:one.test",
            "signatures":{},{{{stateKey}}}"type":"{{{type}}}"}
            """.Replace("\n", "", StringComparison.Ordinal));
        var pdu = _room.Rules.ParseStored($"$event{n}", json);
        var nid = EventNid.Of(_room.Nid, EventNid.FirstLiveOrdinal + n);
        var marks = key is null ? EventMarks.None : EventMarks.State;
        return new StoredEvent(
            _room,
            new EventRow(nid, pdu.EventId, n, 1, marks, 0, pdu.Sender, EventNid.None, EventNid.None, null, json),
            pdu);
    }
}

/// <summary>A table of events whose reads of a row end when a test wants.</summary>
public class HeldRow : DispatchProxy
{
    private Task<EventRow?> _row = null!;

    /// <summary>A table with that row.</summary>
    public static IEventsTable Of(Task<EventRow?> row)
    {
        var table = Create<IEventsTable, HeldRow>();
        ((HeldRow)(object)table)._row = row;
        return table;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => new ValueTask<EventRow?>(_row);
}
