using System.Text.Json.Nodes;
using Matrix.Core.Facade;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Outbound.Federation;
using Matrix.Host.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Outbound;

/// <summary>Events of local users reach the other servers of the room.</summary>
public sealed class SendingTests
{
    private static readonly (string, string)[] _short =
    [
        ("federation.custom_ca", TestCa.Shared.RootFile),
        ("federation.allow_networks", "127.0.0.0/8"),
        ("federation.outbound_first_pause", "50ms"),
        ("federation.outbound_longest_pause", "200ms"),
        ("federation.outbound_wake_pause", "50ms"),
        ("federation.outbound_record_interval", "100ms"),
        ("federation.outbound_outage_after", "100ms"),
    ];

    private InProcessServer _server = null!;
    private LocalUser _alice = null!;
    private ReceivingPeer _peer = null!;

    private static IReadOnlyList<string> Versions => RoomRules.Known;

    [SetUp]
    public async Task SetUpAsync() => await StartAsync();

    [TearDown]
    public async Task TearDownAsync()
    {
        await _peer.DisposeAsync();
        await _server.DisposeAsync();
    }

    [TestCaseSource(nameof(Versions))]
    public async Task Each_message_comes_once_and_in_order(string version)
    {
        _peer.Rules = RoomRules.Find(version)!;
        var roomId = await _alice.CreateRoomAsync(version);
        await _alice.SayAsync(roomId, "before the join");
        var room = await PeerRoom.JoinAsync(_server, _peer.Peer, roomId, "bob");

        var sent = await SayAsync(roomId, 20);
        await _peer.HasTakenAsync(20);
        await Task.Delay(200);

        Assert.That(_peer.Events, Is.EqualTo(sent));
        foreach (var pdu in _peer.Taken.SelectMany(each => each.Body["pdus"]!.AsArray()))
        {
            Assert.That(room.Know(pdu!.AsObject()).RoomId, Is.EqualTo(roomId));
        }

        Assert.That(_peer.Taken.Select(each => (string?)each.Body["origin"]), Is.All.EqualTo(_server.Name));
    }

    [Test]
    public async Task A_server_gets_the_event_that_removes_it_and_nothing_after_it()
    {
        var roomId = await JoinedRoomAsync();
        var kick = await KickAsync(roomId, $"@bob:{_peer.Peer.Name}");
        await SayAsync(roomId, 3);
        await _peer.HasTakenAsync(1);
        await Task.Delay(300);

        Assert.That(_peer.Events, Is.EqualTo(new[] { kick }));
    }

    [Test]
    public async Task A_join_through_this_server_goes_to_the_other_servers_only()
    {
        var roomId = await JoinedRoomAsync();
        await using var second = await ReceivingPeer.StartAsync();
        _server.Knows(second.Peer);
        var joined = await PeerRoom.JoinAsync(_server, second.Peer, roomId, "carol");

        await _peer.HasTakenAsync(1);
        await Task.Delay(200);

        Assert.That(_peer.Events, Is.EqualTo(new[] { joined.Latest[0].EventId }));
        Assert.That(second.Events, Is.Empty);
    }

    [Test]
    public async Task Events_of_other_servers_are_not_passed_on()
    {
        var roomId = await _alice.CreateRoomAsync(RoomRules.Recommended);
        var room = await PeerRoom.JoinAsync(_server, _peer.Peer, roomId, "bob");
        await using var second = await ReceivingPeer.StartAsync();
        _server.Knows(second.Peer);
        await PeerRoom.JoinAsync(_server, second.Peer, roomId, "carol");

        (await room.SendAsync(_server, "t1", room.Say("bob", "hello"))).Is(200);
        var sent = await SayAsync(roomId, 1);
        await second.HasTakenAsync(1);

        Assert.That(second.Events, Is.EqualTo(sent));
    }

    [Test]
    public async Task A_server_that_was_down_gets_everything_in_order_when_it_is_up()
    {
        var roomId = await JoinedRoomAsync();
        await _peer.DownAsync();
        var sent = await SayAsync(roomId, 5);
        await FailsAsync(3);
        await _peer.UpAsync();

        await _peer.HasTakenAsync(5);

        // The newest goes first, so that the server can fetch what it lacks.
        Assert.That(_peer.Events, Is.EqualTo(new[] { sent[4], sent[0], sent[1], sent[2], sent[3] }));
    }

    [Test]
    public async Task A_request_of_a_server_that_was_down_wakes_it()
    {
        await StopAsync();
        await StartAsync(("federation.outbound_first_pause", "1h"), ("federation.outbound_longest_pause", "1h"));
        var roomId = await JoinedRoomAsync();
        await _peer.DownAsync();
        var sent = await SayAsync(roomId, 1);
        await FailsAsync(1);
        await _peer.UpAsync();
        await Task.Delay(300);
        Assert.That(_peer.All, Is.Empty);

        var target = $"/_matrix/federation/v1/query/profile?user_id=@nobody:{_server.Name}";
        (await _peer.Peer.SendAsync(_server, "GET", target)).Is(404, "M_NOT_FOUND");

        await _peer.HasTakenAsync(1, within: TimeSpan.FromSeconds(2));
        Assert.That(_peer.Events, Is.EqualTo(sent));
    }

    [Test]
    public async Task Of_many_events_only_the_newest_is_sent_after_an_outage()
    {
        var roomId = await JoinedRoomAsync();
        await _peer.DownAsync();
        await SayAsync(roomId, 1);
        await FailsAsync(3);
        var sent = await SayAsync(roomId, 59);
        await _peer.UpAsync();

        await _peer.HasTakenAsync(1);
        await Task.Delay(300);

        Assert.That(_peer.Events, Is.EqualTo(new[] { sent[^1] }));
    }

    [Test]
    public async Task Quick_failures_are_no_outage()
    {
        await StopAsync();
        await StartAsync(
            ("federation.outbound_outage_after", "1m"), ("federation.outbound_outage_events", "3"));
        var roomId = await JoinedRoomAsync();
        await _peer.DownAsync();
        var sent = (await SayAsync(roomId, 1)).ToList();
        await FailsAsync(4);
        sent.AddRange(await SayAsync(roomId, 9));
        await _peer.UpAsync();

        await _peer.HasTakenAsync(10);

        Assert.That(_peer.Events, Is.EqualTo(sent));
    }

    [Test]
    public async Task A_failed_transaction_is_sent_again_with_its_id()
    {
        var roomId = await JoinedRoomAsync();
        var statuses = new Queue<int>([503, 429]);
        _peer.Respond = _ => Task.FromResult(
            statuses.TryDequeue(out var status)
                ? Results.Text("""{"errcode":"M_UNKNOWN","error":"later"}""", "application/json", null, status)
                : null);
        var sent = await SayAsync(roomId, 1);

        await _peer.HasTakenAsync(1);

        Assert.That(_peer.All, Has.Count.EqualTo(3));
        Assert.That(_peer.All.Select(each => each.Id).Distinct().Count(), Is.EqualTo(1));
        Assert.That(_peer.Events, Is.EqualTo(sent));
    }

    [TestCase(400)]
    [TestCase(413)]
    public async Task An_event_that_a_server_refuses_is_found_recorded_and_skipped(int status)
    {
        var roomId = await JoinedRoomAsync();
        var hold = new TaskCompletionSource();
        string? bad = null;
        _peer.Respond = async transaction =>
        {
            if (bad is null) await hold.Task;
            return transaction.EventIds.Contains(bad)
                ? Results.Text("""{"errcode":"M_BAD","error":"no"}""", "application/json", null, status)
                : null;
        };
        var sent = await SayAsync(roomId, 41);
        bad = sent[23];
        hold.SetResult();

        await _peer.HasTakenAsync(40);
        await Task.Delay(200);

        Assert.That(_peer.Events, Is.EqualTo(sent.Where(id => id != bad)));
        var storage = _server.Services.GetRequiredService<IStorage>();
        var refused = await storage.Destinations.RefusedAsync(_peer.Peer.Name, 10, default);
        var row = await storage.Events.FindAsync(refused.Single().Event, default);
        Assert.That(row!.EventId, Is.EqualTo(bad));
        Assert.That(
            (refused.Single().Status, refused.Single().ErrorCode, refused.Single().Error),
            Is.EqualTo((status, "M_BAD", "no")));
        Assert.That(_server.Log, Does.Contain("not sent to it again"));
    }

    [TestCase("<html>Bad request</html>")]
    [TestCase("""{"error":"no"}""")]
    [TestCase("""{"errcode":"M_UNKNOWN","error":"no"}""")]
    public async Task A_proxy_that_refuses_everything_costs_no_event(string body)
    {
        var roomId = await JoinedRoomAsync();
        var isUp = false;
        _peer.Respond = _ => Task.FromResult(
            Volatile.Read(ref isUp) ? null : Results.Text(body, "application/json", null, 400));
        var sent = (await SayAsync(roomId, 8)).ToList();
        await FailsAsync(4);
        sent.AddRange(await SayAsync(roomId, 4));
        await Task.Delay(500);
        Volatile.Write(ref isUp, true);

        await _peer.HasTakenAsync(12);

        Assert.That(_peer.Events, Is.EquivalentTo(sent));
        var storage = _server.Services.GetRequiredService<IStorage>();
        Assert.That(await storage.Destinations.RefusedAsync(_peer.Peer.Name, 10, default), Is.Empty);
    }

    [Test]
    public async Task A_proxy_that_refuses_large_transactions_gets_small_ones()
    {
        var roomId = await JoinedRoomAsync();
        var hold = new TaskCompletionSource();
        _peer.Respond = async transaction =>
        {
            await hold.Task;
            return transaction.EventIds.Count > 3
                ? Results.Text("<html>Too large</html>", "text/html", null, 413)
                : null;
        };
        var sent = await SayAsync(roomId, 30);
        hold.SetResult();

        await _peer.HasTakenAsync(30);

        Assert.That(_peer.Events, Is.EqualTo(sent));
    }

    [Test]
    public async Task An_event_that_is_refused_alone_is_skipped_once_another_was_taken()
    {
        var roomId = await JoinedRoomAsync();
        string? bad = null;
        _peer.Respond = transaction =>
        {
            bad ??= transaction.EventIds[0];
            return Task.FromResult(
                transaction.EventIds.Contains(bad)
                    ? Results.Text("""{"errcode":"M_BAD","error":"no"}""", "application/json", null, 400)
                    : null);
        };
        var first = await SayAsync(roomId, 1);
        await FailsAsync(2);
        var storage = _server.Services.GetRequiredService<IStorage>();
        Assert.That(await storage.Destinations.RefusedAsync(_peer.Peer.Name, 10, default), Is.Empty);

        var others = await SayAsync(roomId, 3);
        await _peer.HasTakenAsync(3);
        await Task.Delay(500);

        Assert.That(_peer.Events, Is.EqualTo(others));
        var refused = await storage.Destinations.RefusedAsync(_peer.Peer.Name, 10, default);
        var row = await storage.Events.FindAsync(refused.Single().Event, default);
        Assert.That(row!.EventId, Is.EqualTo(first[0]));
    }

    [Test]
    public async Task A_refused_event_does_not_delay_those_that_come_after_it()
    {
        await StopAsync();
        await StartAsync(("federation.outbound_first_pause", "1h"), ("federation.outbound_longest_pause", "1h"));
        var roomId = await JoinedRoomAsync();
        string? bad = null;
        _peer.Respond = transaction =>
        {
            bad ??= transaction.EventIds[0];
            return Task.FromResult(
                transaction.EventIds.Contains(bad)
                    ? Results.Text("""{"errcode":"M_BAD","error":"no"}""", "application/json", null, 400)
                    : null);
        };
        await SayAsync(roomId, 1);
        await FailsAsync(1);

        var others = await SayAsync(roomId, 3);
        await _peer.HasTakenAsync(3, within: TimeSpan.FromSeconds(5));

        Assert.That(_peer.Events, Is.EqualTo(others));
    }

    [Test]
    public async Task A_silent_server_does_not_delay_another()
    {
        var roomId = await JoinedRoomAsync();
        await using var second = await ReceivingPeer.StartAsync();
        _server.Knows(second.Peer);
        await PeerRoom.JoinAsync(_server, second.Peer, roomId, "carol");
        await _peer.HasTakenAsync(1);
        var silence = new TaskCompletionSource();
        _peer.Respond = async _ =>
        {
            await silence.Task;
            return null;
        };

        var sent = await SayAsync(roomId, 10);
        await second.HasTakenAsync(10, within: TimeSpan.FromSeconds(5));

        Assert.That(second.Events, Is.EqualTo(sent));
        Assert.That(_peer.Events, Has.Count.EqualTo(1));
        silence.SetResult();
        await _peer.HasTakenAsync(11);
    }

    [Test]
    public async Task Changes_that_do_not_fit_into_memory_are_read_from_the_database()
    {
        await StopAsync();
        await StartAsync(("federation.outbound_waiting_batches", "16"));
        var roomId = await JoinedRoomAsync();
        var feed = _server.Services.GetRequiredService<OutboundFeed>();
        var (handle, hold) = (feed.Handle, new TaskCompletionSource());
        feed.Handle = async (batch, stop) =>
        {
            await hold.Task;
            await handle(batch, stop);
        };
        var sent = (await SayAsync(roomId, 40)).ToList();
        sent.Add(await KickAsync(roomId, $"@bob:{_peer.Peer.Name}"));
        await SayAsync(roomId, 5);
        Assert.That(feed.Waiting, Is.LessThan(16));

        hold.SetResult();
        await _peer.HasTakenAsync(41);
        await SayAsync(roomId, 1);
        await Task.Delay(300);

        Assert.That(_peer.Events.Distinct(), Is.EqualTo(sent));
    }

    [Test]
    public async Task The_events_of_a_room_without_other_servers_are_not_looked_at()
    {
        var feed = _server.Services.GetRequiredService<OutboundFeed>();
        var (handle, handled) = (feed.Handle, 0);
        feed.Handle = (batch, stop) =>
        {
            Interlocked.Increment(ref handled);
            return handle(batch, stop);
        };
        var roomId = await _alice.CreateRoomAsync(RoomRules.Recommended);
        await SayAsync(roomId, 20);
        Assert.That(handled, Is.Zero);

        await PeerRoom.JoinAsync(_server, _peer.Peer, roomId, "bob");
        var sent = await SayAsync(roomId, 1);
        await _peer.HasTakenAsync(1);
        Assert.That(_peer.Events, Is.EqualTo(sent));

        await KickAsync(roomId, $"@bob:{_peer.Peer.Name}");
        await SayAsync(roomId, 5);
        await _peer.HasTakenAsync(2);
        Assert.That(handled, Is.InRange(3, 4), "the join, two events, and one that finds no server");
    }

    [Test]
    public async Task Rooms_take_turns()
    {
        var busy = await JoinedRoomAsync();
        var quiet = await JoinedRoomAsync();
        var hold = new TaskCompletionSource();
        _peer.Respond = async _ =>
        {
            await hold.Task;
            return null;
        };
        await SayAsync(busy, 120);
        var last = await SayAsync(quiet, 1);
        hold.SetResult();
        await _peer.HasTakenAsync(121);

        var turn = _peer.Taken.TakeWhile(each => !each.EventIds.Contains(last[0])).Count();
        Assert.That(turn, Is.LessThanOrEqualTo(2));
        Assert.That(_peer.Taken.Select(each => each.EventIds.Count), Is.All.LessThanOrEqualTo(50));
    }

    private async Task<string> JoinedRoomAsync()
    {
        var roomId = await _alice.CreateRoomAsync(RoomRules.Recommended);
        await PeerRoom.JoinAsync(_server, _peer.Peer, roomId, "bob");
        return roomId;
    }

    private async Task<IReadOnlyList<string>> SayAsync(string roomId, int count)
    {
        var sent = new List<string>();
        for (var i = 1; i <= count; i++) sent.Add(await _alice.SayAsync(roomId, $"message {i}"));
        return sent;
    }

    private async Task<string> KickAsync(string roomId, string userId)
    {
        var path = $"rooms/{Uri.EscapeDataString(roomId)}/state/m.room.member/{Uri.EscapeDataString(userId)}";
        var reply = await _alice.PutAsync(path, new JsonObject { ["membership"] = "leave" });
        return (string)reply.Is(200).Json["event_id"]!;
    }

    /// <summary>Waits until sending to the peer has failed this often.</summary>
    private async Task FailsAsync(int failures)
    {
        var outbound = _server.Services.GetRequiredService<FederationOutbound>();
        var until = DateTime.UtcNow.AddSeconds(20);
        while ((outbound.Destinations.Find(_peer.Peer.Name)?.Failures ?? 0) < failures && DateTime.UtcNow < until)
        {
            await Task.Delay(10);
        }

        Assert.That(outbound.Destinations.Find(_peer.Peer.Name)!.Failures, Is.GreaterThanOrEqualTo(failures));
    }

    private async Task StartAsync(params (string, string)[] settings)
    {
        _server = await InProcessServer.StartAsync([.. _short, .. settings]);
        _peer = await ReceivingPeer.StartAsync();
        _server.Knows(_peer.Peer);
        _alice = await LocalUser.RegisterAsync(_server, "alice");
    }

    private async Task StopAsync()
    {
        await _peer.DisposeAsync();
        await _server.DisposeAsync();
    }
}
