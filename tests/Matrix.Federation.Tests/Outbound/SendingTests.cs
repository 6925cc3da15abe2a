using Matrix.Core.Facade;
using Matrix.Host.Outbound.Federation;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Outbound;

/// <summary>Events of local users reach the other servers of the room.</summary>
public sealed class SendingTests : OutboundTests
{
    private static IReadOnlyList<string> Versions => RoomRules.Known;

    [TestCaseSource(nameof(Versions))]
    public async Task Each_message_comes_once_and_in_order(string version)
    {
        Peer.Rules = RoomRules.Find(version)!;
        var roomId = await Alice.CreatesRoomAsync(version: version);
        await Alice.SaysAsync(roomId, "before the join");
        var room = await Peer.Peer.JoinsAsync(Server, roomId, "bob");

        var sent = await SaysAsync(roomId, 20);
        await Peer.HasTakenAsync(20);
        await Task.Delay(200);

        Assert.That(Peer.Events, Is.EqualTo(sent));
        foreach (var pdu in Peer.Taken.SelectMany(each => each.Body["pdus"]!.AsArray()))
        {
            Assert.That(room.Knows(pdu!.AsObject()).RoomId, Is.EqualTo(roomId));
        }

        Assert.That(Peer.Taken.Select(each => (string?)each.Body["origin"]), Is.All.EqualTo(Server.Name));
    }

    [Test]
    public async Task A_server_gets_the_event_that_removes_it_and_nothing_after_it()
    {
        var roomId = await JoinedRoomAsync();
        var kick = await KickAsync(roomId, $"@bob:{Peer.Peer.Name}");
        await SaysAsync(roomId, 3);
        await Peer.HasTakenAsync(1);
        await Task.Delay(300);

        Assert.That(Peer.Events, Is.EqualTo(new[] { kick }));
    }

    [Test]
    public async Task A_join_through_this_server_goes_to_the_other_servers_only()
    {
        var roomId = await JoinedRoomAsync();
        await using var second = await ReceivingPeer.StartAsync();
        Server.Knows(second.Peer);
        var joined = await second.Peer.JoinsAsync(Server, roomId, "carol");

        await Peer.HasTakenAsync(1);
        await Task.Delay(200);

        Assert.That(Peer.Events, Is.EqualTo(new[] { joined.Latest[0].EventId }));
        Assert.That(second.Events, Is.Empty);
    }

    [Test]
    public async Task Events_of_other_servers_are_not_passed_on()
    {
        var roomId = await Alice.CreatesRoomAsync(version: RoomRules.Recommended);
        var room = await Peer.Peer.JoinsAsync(Server, roomId, "bob");
        await using var second = await ReceivingPeer.StartAsync();
        Server.Knows(second.Peer);
        await second.Peer.JoinsAsync(Server, roomId, "carol");

        (await room.SendAsync(Server, "t1", room.Says("bob", "hello"))).Is(200);
        var sent = await SaysAsync(roomId, 1);
        await second.HasTakenAsync(1);

        Assert.That(second.Events, Is.EqualTo(sent));
    }

    [Test]
    public async Task One_transaction_to_a_server_is_in_flight_at_a_time()
    {
        var roomId = await JoinedRoomAsync();
        var (inFlight, most) = (0, 0);
        Peer.Respond = async _ =>
        {
            most = Math.Max(most, Interlocked.Increment(ref inFlight));
            await Task.Delay(50);
            Interlocked.Decrement(ref inFlight);
            return null;
        };

        var sent = await SaysAsync(roomId, 20);
        await Peer.HasTakenAsync(20);

        Assert.That(most, Is.EqualTo(1));
        Assert.That(Peer.Events, Is.EqualTo(sent));
    }

    [Test]
    public async Task Changes_that_do_not_fit_into_memory_are_read_from_the_database()
    {
        await StopAsync();
        await StartAsync(("federation.outbound_waiting_batches", "16"));
        var roomId = await JoinedRoomAsync();
        var feed = Server.Services.GetRequiredService<OutboundEventFeed>();
        var (handle, hold) = (feed.Handle, new TaskCompletionSource());
        feed.Handle = async (batch, stop) =>
        {
            await hold.Task;
            await handle(batch, stop);
        };
        var sent = (await SaysAsync(roomId, 40)).ToList();
        sent.Add(await KickAsync(roomId, $"@bob:{Peer.Peer.Name}"));
        await SaysAsync(roomId, 5);
        Assert.That(feed.Waiting, Is.LessThan(16));

        hold.SetResult();
        await Peer.HasTakenAsync(41);
        await SaysAsync(roomId, 1);
        await Task.Delay(300);

        Assert.That(Peer.Events.Distinct(), Is.EqualTo(sent));
    }

    [Test]
    public async Task The_events_of_a_room_without_other_servers_are_not_looked_at()
    {
        var feed = Server.Services.GetRequiredService<OutboundEventFeed>();
        await Server.IsQueuedAsync();
        var (handle, handled) = (feed.Handle, 0);
        feed.Handle = (batch, stop) =>
        {
            Interlocked.Increment(ref handled);
            return handle(batch, stop);
        };
        var roomId = await Alice.CreatesRoomAsync(version: RoomRules.Recommended);
        await SaysAsync(roomId, 20);
        await Server.IsQueuedAsync();
        Assert.That(handled, Is.Zero);

        await Peer.Peer.JoinsAsync(Server, roomId, "bob");
        var sent = await SaysAsync(roomId, 1);
        await Peer.HasTakenAsync(1);
        Assert.That(Peer.Events, Is.EqualTo(sent));

        await KickAsync(roomId, $"@bob:{Peer.Peer.Name}");
        await Server.IsQueuedAsync();
        await SaysAsync(roomId, 1);
        await Server.IsQueuedAsync();
        await SaysAsync(roomId, 4);
        await Server.IsQueuedAsync();
        await Peer.HasTakenAsync(2);
        Assert.That(handled, Is.InRange(3, 4), "the join, two events, and one that finds no server");
    }

    [Test]
    public async Task Rooms_take_turns()
    {
        var busy = await JoinedRoomAsync();
        var quiet = await JoinedRoomAsync();
        var hold = new TaskCompletionSource();
        Peer.Respond = async _ =>
        {
            await hold.Task;
            return null;
        };
        await SaysAsync(busy, 120);
        var last = await SaysAsync(quiet, 1);
        await Server.IsQueuedAsync();
        hold.SetResult();
        await Peer.HasTakenAsync(121);

        var turn = Peer.Taken.TakeWhile(each => !each.EventIds.Contains(last[0])).Count();
        Assert.That(turn, Is.LessThanOrEqualTo(2));
        Assert.That(Peer.Taken.Select(each => each.EventIds.Count), Is.All.LessThanOrEqualTo(50));
    }
}
