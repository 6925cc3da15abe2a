using System.Text;
using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Core.Room.Incoming;
using Matrix.Core.Room.Incoming.Facts;
using Matrix.Core.Room.Incoming.Graph;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Core.State;
using Matrix.Host.Crypto;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Tests.Rooms;

/// <summary>Redactions that arrive before their event. Room versions, "Handling redactions".</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class WaitingRedactionTests(string kind)
{
    private RoomsWorld _world = null!;

    [SetUp]
    public async Task Starts() => _world = await RoomsWorld.StartsAsync(kind);

    [TearDown]
    public async Task Stops() => await _world.DisposeAsync();

    [Test]
    public async Task A_redaction_that_comes_before_its_event_is_applied_when_the_event_comes(
        [Values("2", "10", "12")] string version, [Values] bool restart)
    {
        var room = await _world.CreatesRoomAsync("alice", request => request with { Version = version });
        await _world.JoinsAsync("bob", room);
        var pdu = await MakesAsync(room, "bob", "oops");
        var redaction = (await _world.RedactsAsync("alice", room, pdu.EventId)).Value!;
        await _world.SaysAsync("alice", room, "meanwhile");
        if (restart) await _world.RestartsAsync();
        Assert.That((await _world.TimelineAsync(room)).Select(stored => stored.EventId), Has.None.EqualTo(redaction));

        await ComesAsync(room, pdu);

        var timeline = await _world.TimelineAsync(room);
        var target = timeline.Single(stored => stored.EventId == pdu.EventId);
        Assert.That(target.IsRedacted, Is.True);
        Assert.That(target.Pdu.Content.Has("body"), Is.False);
        Assert.That(timeline.Single(stored => stored.EventId == redaction).Nid, Is.EqualTo(target.Row.RedactedBy));
        var row = (await _world.Storage.Events.FindAnywhereAsync(pdu.EventId, 1, default)).Single();
        Assert.That(Encoding.UTF8.GetString(row.Json.Span), Does.Not.Contain("oops"));
        Assert.That(await _world.Storage.Events.WaitingRedactionsAsync(row.Nid.Room, null, 9, default), Is.Empty);
    }

    [Test]
    public async Task Of_several_redactions_that_came_before_their_event_the_first_is_applied_and_all_are_shown(
        [Values] bool restart)
    {
        var room = await _world.CreatesRoomAsync("alice");
        await _world.JoinsAsync("bob", room);
        var pdu = await MakesAsync(room, "bob", "oops");
        var first = (await _world.RedactsAsync("alice", room, pdu.EventId)).Value!;
        var second = (await _world.RedactsAsync("alice", room, pdu.EventId)).Value!;
        if (restart) await _world.RestartsAsync();

        await ComesAsync(room, pdu);

        var timeline = await _world.TimelineAsync(room);
        var shown = timeline.Select(stored => stored.EventId).ToList();
        Assert.That(new[] { first, second }, Is.SubsetOf(shown));
        var target = timeline.Single(stored => stored.EventId == pdu.EventId);
        Assert.That(
            target.Row.RedactedBy, Is.EqualTo(timeline.Single(stored => stored.EventId == first).Nid));
    }

    [Test]
    public async Task Of_what_waits_in_a_room_the_latest_is_remembered()
    {
        var room = await _world.CreatesRoomAsync("alice");
        var nid = (await _world.Rooms.Rooms.FindAsync(room, default))!.Room.Nid;
        var waiting =
            Enumerable.Range(1, 5).Select(n => EventNid.Of(nid, EventNid.FirstLiveOrdinal + 100 + (uint)n)).ToList();
        foreach (var each in waiting)
        {
            var batch =
                Batches.New().Add(new RedactionWaits(each, $"${each.Ordinal}", Keep: 3));
            await _world.Storage.Writer.WriteAsync(batch, default);
        }

        Assert.That(
            await _world.Storage.Events.WaitingRedactionsAsync(nid, null, 9, default),
            Is.EqualTo(waiting.Skip(2)));
        Assert.That(
            await _world.Storage.Events.WaitingRedactionsAsync(nid, $"${waiting[4].Ordinal}", 9, default),
            Is.EqualTo(waiting.Skip(4)));
        Assert.That(
            await _world.Storage.Events.WaitingRedactionsAsync(nid, $"${waiting[0].Ordinal}", 9, default),
            Is.Empty);
    }

    /// <summary>An event that another server makes on the current room; this server has not received it.</summary>
    private Task<Pdu> MakesAsync(string room, string user, string text) =>
        InLaneAsync(room, async (appender, session) =>
        {
            var content = JsonObject.OfSeq([("body", Json.Of(text)), ("msgtype", Json.Of("m.text"))]);
            var draft = new Draft("m.room.message", null, RoomsWorld.Id(user), content, null);
            var prepared = await EventAppender.PrepareAsync(session, default);
            return await appender.DecideAsync(session, prepared, draft, null, default);
        });

    /// <summary>The event arrives on an earlier extremity; a machine that is given the facts decides it.</summary>
    private Task<StoredEvent> ComesAsync(string room, Pdu pdu) =>
        InLaneAsync<StoredEvent>(room, async (appender, session) =>
        {
            var pending = session.Pending;
            var numbers = new RoomNumbers(
                pending.LastOrdinal + 1, pending.FirstOrdinal - 1, RoomNumbers.First.NextOutlier);
            var start = new RoomStart(room, pending.Extremities, pending.State, numbers, RoomGaps.None);
            var machine = pending.Room.Rules.Machine(RoomsWorld.Server, start, IncomingLimits.Default);
            var signature = new CheckedSignature(
                new Signature(RoomsWorld.Server, "ed25519:a", []),
                SignatureFate.Valid);
            var received = new ReceivedEvent(pdu, true, true, [RoomsWorld.Server], "", [signature]);
            Input[] inputs = [Input.NewReceived("two.test", received)];
            var output = machine.Receive(inputs);
            while (!output.LookUps.IsEmpty)
            {
                machine.Supply(await FactsAsync(pending.Room, output.LookUps));
                output = machine.Receive(inputs);
            }

            var decided = output.Decided.Single();
            return await appender.Writer.WriteAsync(session, decided, null, EventMarks.None, default);
        });

    /// <summary>All events of the room, and the states after those that are looked up.</summary>
    private async Task<LookUpResults> FactsAsync(RoomIdentity room, LookUps lookUps)
    {
        var results = new LookUpResults(lookUps);
        var stored = (await _world.TimelineAsync(room.RoomId)).ToList();
        foreach (var nid in await _world.Storage.Events.WaitingRedactionsAsync(room.Nid, null, 9, default))
        {
            stored.Add((await _world.Rooms.Events.GetAsync(room, nid, default))!);
        }

        foreach (var each in stored)
        {
            results.AddKnown(new KnownEvent(
                each.Auth, EventStatus.Accepted, -1, each.Nid.Ordinal, false, Provenance.Computed));
            if (lookUps.States.Contains(each.EventId))
            {
                results.AddStateAfter(
                    each.EventId, await _world.Rooms.States.AtAsync(room.Nid, each.Row.Step, default));
            }
        }

        foreach (var lookUp in lookUps.Citing)
        {
            var citing = stored.Where(each => each.Pdu.IsState && each.Pdu.AuthEvents.Contains(lookUp.EventId));
            results.AddCiting(lookUp.EventId, [.. citing.Select(each => each.EventId).Reverse()], areAll: true);
        }

        return results;
    }

    private async Task<T> InLaneAsync<T>(string room, Func<EventAppender, LaneSession, ValueTask<RoomResult<T>>> act)
    {
        var options = new RoomsOptions { ServerName = RoomsWorld.Server };
        var signer = new ServerSigner(RoomsWorld.Server, SigningKeyRing.Of(SigningKeyFile.Generate()));
        var appender =
            new EventAppender(
                _world.Rooms.Events,
                new AuthChainWriter(_world.Rooms.Events, _world.Storage.Events, _world.Storage.AuthChains),
                signer,
                new NoPushEvaluation(),
                _world.Storage.State,
                options,
                TimeProvider.System);
        var snapshot = (await _world.Rooms.Rooms.FindAsync(room, default))!;
        var result =
            await _world.Rooms.Lanes.EnterAsync<T>(snapshot.Room.Nid, session => act(appender, session), default);
        Assert.That(result.Failure, Is.Null);
        return result.Value!;
    }
}
