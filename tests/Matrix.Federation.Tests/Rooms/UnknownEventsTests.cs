using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>The look-up of the events of a transaction, which is one for all of its rooms.</summary>
public sealed class UnknownEventsTests
{
    private PeerServer _peer = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private FailingReads? _lookUps;

    [SetUp]
    public async Task SetUpAsync()
    {
        _peer = await PeerServer.StartAsync();
        _server = (await TestServer.StartWithKnownKeysAsync(services => services.AddSingleton(parts =>
        {
            _lookUps = FailingReads.Of(
                parts.GetRequiredService<IEventsTable>(), nameof(IEventsTable.FindManyAsync));
            return ActivatorUtilities.CreateInstance<LookUpReader>(parts, _lookUps);
        }))).Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [Test]
    public async Task Rooms_whose_events_are_new_make_no_look_up_of_their_own()
    {
        var rooms = new[] { await JoinedAsync(), await JoinedAsync(), await JoinedAsync() };
        await SendAsync(rooms, [.. rooms.Select(room => room.Says("bob", "first"))]);
        var before = _lookUps!.Calls;

        await SendAsync(rooms, [.. rooms.Select(room => room.Says("bob", "second"))]);

        Assert.That(_lookUps.Calls, Is.EqualTo(before));
        foreach (var room in rooms) Assert.That(await BodiesAsync(room), Is.EqualTo(new[] { "first", "second" }));
    }

    [Test]
    public async Task Events_that_come_again_beside_new_ones_are_shown_once()
    {
        var rooms = new[] { await JoinedAsync(), await JoinedAsync() };
        var first = rooms.Select(room => room.Says("bob", "first")).ToArray();
        await SendAsync(rooms, first);

        await SendAsync(rooms, [first[0], rooms[1].Says("bob", "second")]);
        await SendAsync(rooms, [rooms[0].Says("bob", "second"), first[1]]);

        foreach (var room in rooms) Assert.That(await BodiesAsync(room), Is.EqualTo(new[] { "first", "second" }));
    }

    [Test]
    public async Task What_storage_did_not_have_counts_until_the_room_is_written_to()
    {
        var room = await _alice.CreatesRoomAsync(version: "11");
        var other = await _alice.CreatesRoomAsync(version: "11");
        var known = await _alice.SaysAsync(room, "known");
        var storage = _server.Services.GetRequiredService<OpenedStorage>();
        var lanes = _server.Services.GetRequiredService<LaneDirectory>();
        var lane = lanes.Rent((await storage.Rooms.FindAsync(room, default))!.Nid);
        var otherLane = lanes.Rent((await storage.Rooms.FindAsync(other, default))!.Nid);
        using var unknown = await UnknownEvents.ReadAsync(
            lanes, storage.Events, [(lane.Room, known), (lane.Room, "$new")], default);

        Assert.That(unknown.Of(lane), Is.EquivalentTo(new[] { "$new" }));
        Assert.That(unknown.Of(otherLane), Is.Null, "storage was not asked for this room");
        await _alice.SaysAsync(other, "elsewhere");
        Assert.That(unknown.Of(lane), Is.Not.Null);
        await _alice.SaysAsync(room, "here");
        Assert.That(unknown.Of(lane), Is.Null);

        lanes.Return(lane);
        lanes.Return(otherLane);
    }

    private async Task<PeerRoom> JoinedAsync() =>
        await _peer.Peer.JoinsAsync(_server, await _alice.CreatesRoomAsync(version: "11"), "bob");

    /// <summary>The peer sends events of several rooms in one transaction.</summary>
    private async Task SendAsync(PeerRoom[] rooms, Pdu[] pdus)
    {
        var transaction = rooms[0].Transaction(pdus.Select(PeerRoom.Json));
        var reply = await _peer.Peer.SendAsync(
            _server, "PUT", $"/_matrix/federation/v1/send/{Guid.NewGuid():N}", transaction);
        var results = reply.Is(200).Json["pdus"]!.AsObject();
        Assert.That(results.Select(each => each.Key), Is.EquivalentTo(pdus.Select(pdu => pdu.EventId)));
        Assert.That(results.Select(each => each.Value!.ToJsonString()), Is.All.EqualTo("{}"));
    }

    private async Task<string[]> BodiesAsync(PeerRoom room) =>
        [.. (await _alice.TimelineAsync(room.RoomId))
            .Where(each => (string?)each["type"] == "m.room.message")
            .Select(each => (string?)each["content"]!["body"] ?? "")];
}
