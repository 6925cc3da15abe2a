using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Outbound;

/// <summary>A room with many forward extremities is merged by an event that nobody sees.</summary>
public sealed class DummyEventTests : OutboundTests
{
    private const int Branches = 12;
    private const string Dummy = "org.matrix.dummy_event";

    [Test]
    public async Task Many_branches_are_merged_by_an_event_that_servers_fetch_and_clients_do_not_see(
        [Values("1", "11", "12")] string version)
    {
        Peer.Rules = RoomRules.Find(version)!;
        var room = await Peer.Peer.JoinsAsync(Server, await Alice.CreatesRoomAsync(version: version), "bob");
        var since = await Alice.SyncTokenAsync();
        await ForkAsync(room);
        await MergedAsync(room);

        var shown = (await Alice.TimelineAsync(room.RoomId)).Select(each => (string)each["type"]!);
        var news = (await Alice.SyncsAsync(since))["rooms"]!["join"]![room.RoomId]!["timeline"]!["events"]!.AsArray();
        var said = await Alice.SaysAsync(room.RoomId, "after");
        var previous = new List<Pdu>();
        foreach (var id in (await EventAsync(room, said)).PrevEvents) previous.Add(await EventAsync(room, id));
        await Peer.HasTakenAsync(1);
        await Task.Delay(200);

        Assert.That(shown, Does.Not.Contain(Dummy));
        Assert.That(news.Select(each => (string)each!["type"]!), Is.All.EqualTo("m.room.message"));
        var merging = previous.Where(each => each.Type == Dummy).ToArray();
        Assert.That(merging, Has.Length.EqualTo(1));
        Assert.That(merging[0].PrevEvents, Has.Length.GreaterThan(1));
        Assert.That(Peer.Events, Is.EqualTo(new[] { said }));
        (await Alice.GetAsync($"rooms/{Escape(room.RoomId)}/event/{Escape(merging[0].EventId)}"))
            .Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task Clients_do_not_see_those_of_other_servers_and_see_what_clients_send()
    {
        Peer.Rules = RoomRules.Find("11")!;
        var room = await Peer.Peer.JoinsAsync(Server, await Alice.CreatesRoomAsync(version: "11"), "bob");
        var theirs = room.Makes("bob", Dummy, null, []);
        (await room.SendAsync(Server, "theirs", theirs, room.Says("bob", "hello"))).Is(200);
        var own = (await Alice.PutAsync($"rooms/{Escape(room.RoomId)}/send/{Dummy}/t1")).Is(200).Json["event_id"]!;

        var shown = (await Alice.TimelineAsync(room.RoomId)).Select(each => (string)each["event_id"]!).ToArray();

        Assert.That(shown, Does.Contain((string)own!).And.Not.Contain(theirs.EventId));
        await Peer.HasTakenAsync(1);
        Assert.That(Peer.Events, Is.EqualTo(new[] { (string)own! }));
    }

    [Test]
    public async Task Where_no_local_user_may_send_it_nothing_is_merged_and_nothing_is_lost()
    {
        var roomId = await Alice.CreatesRoomAsync(version: "11");
        var levels = (await Alice.GetAsync($"rooms/{Escape(roomId)}/state/m.room.power_levels/")).Is(200).Json;
        levels["events"]![Dummy] = 100;
        levels["users"]![$"@bob:{Peer.Peer.Name}"] = 100;
        levels["users"]![Alice.UserId] = 50;
        await Alice.SetsAsync(roomId, "m.room.power_levels", levels);
        var room = await Peer.Peer.JoinsAsync(Server, roomId, "bob");

        var branches = await ForkAsync(room);
        await Task.Delay(500);

        Assert.That(await ExtremitiesAsync(room), Is.EqualTo(Branches));
        var shown = (await Alice.TimelineAsync(roomId)).Select(each => (string)each["event_id"]!);
        Assert.That(shown, Is.SupersetOf(branches.Select(each => each.EventId)));
    }

    [Test]
    public async Task An_administrator_merges_few_branches_and_sees_the_rooms_of_a_server()
    {
        Peer.Rules = RoomRules.Find("11")!;
        var room = await Peer.Peer.JoinsAsync(Server, await Alice.CreatesRoomAsync(version: "11"), "bob");
        var fork = room.Latest;
        for (var n = 0; n < 4; n++)
        {
            room.Latest = fork;
            (await room.SendAsync(Server, $"fork{n}", room.Says("bob", $"branch {n}"))).Is(200);
        }

        Assert.That(await ExtremitiesAsync(room), Is.EqualTo(4));
        var admin = Batches.New(1).Add(new AdminChanged(Alice.UserId, true));
        await Server.Services.GetRequiredService<OpenedStorage>().Writer.WriteAsync(admin, CancellationToken.None);
        var path = $"/_synapse/admin/v1/rooms/{Escape(room.RoomId)}/forward_extremities";

        var listed = (await Alice.GetAsync(path)).Is(200).Json;
        var merged = (await Alice.DeleteAsync(path)).Is(200).Json;

        Assert.That(((int)listed["count"]!, (int)merged["deleted"]!), Is.EqualTo((4, 3)));
        Assert.That(await ExtremitiesAsync(room), Is.EqualTo(1));
        var destination = $"/_synapse/admin/v1/federation/destinations/{Peer.Peer.Name}/rooms";
        var rooms = (await Alice.GetAsync(destination)).Is(200).Json;
        Assert.That(
            ((string?)rooms["rooms"]![0]!["room_id"], (int)rooms["total"]!), Is.EqualTo((room.RoomId, 1)));
        Assert.That((long)rooms["rooms"]![0]!["stream_ordering"]!, Is.Positive);
        Assert.That((await Alice.GetAsync(destination + "?from=1")).Is(200).Json["rooms"]!.AsArray(),
            Is.Empty);
        (await Alice.GetAsync("/_synapse/admin/v1/federation/destinations/other.example/rooms"))
            .Is(404, "M_NOT_FOUND");
    }

    private async Task<Pdu[]> ForkAsync(PeerRoom room)
    {
        var fork = room.Latest;
        var branches = Enumerable.Range(0, Branches).Select(n =>
        {
            room.Latest = fork;
            return room.Says("bob", $"branch {n}");
        }).ToArray();
        (await room.SendAsync(Server, "fork", branches)).Is(200);
        return branches;
    }

    private async Task<Pdu> EventAsync(PeerRoom room, string eventId)
    {
        var served = await Peer.Peer.SendAsync(Server, "GET", $"/_matrix/federation/v1/event/{Escape(eventId)}");
        return room.Knows(served.Is(200).Json["pdus"]![0]!.AsObject());
    }

    private async Task MergedAsync(PeerRoom room)
    {
        for (var attempt = 0; attempt < 400 && await ExtremitiesAsync(room) >= Branches; attempt++)
        {
            await Task.Delay(50);
        }

        Assert.That(await ExtremitiesAsync(room), Is.LessThan(Branches));
    }

    private async Task<int> ExtremitiesAsync(PeerRoom room)
    {
        var rooms = Server.Services.GetRequiredService<OpenedStorage>().Rooms;
        return (await rooms.FindAsync(room.RoomId, CancellationToken.None))!.Header.Extremities.Count;
    }

    private static string Escape(string text) => PeerRoom.Escape(text);
}
