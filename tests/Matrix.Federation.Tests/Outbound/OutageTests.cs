using Matrix.Host.Outbound.Federation;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Outbound;

/// <summary>Servers that do not answer for a while get what they missed.</summary>
public sealed class OutageTests : OutboundTests
{
    [Test]
    public async Task A_server_that_was_down_gets_everything_in_order_when_it_is_up()
    {
        var roomId = await JoinedRoomAsync();
        await Peer.DownAsync();
        var sent = await SaysAsync(roomId, 5);
        await FailsAsync(3);
        await Server.IsQueuedAndFailsAsync(Peer.Peer);
        await Peer.UpAsync();

        await Peer.HasTakenAsync(5);

        // The newest goes first, so that the server can fetch what it lacks.
        Assert.That(Peer.Events, Is.EqualTo(new[] { sent[4], sent[0], sent[1], sent[2], sent[3] }));
    }

    [Test]
    public async Task A_request_of_a_server_that_was_down_wakes_it()
    {
        await StopAsync();
        await StartAsync(("federation.outbound_first_pause", "1h"), ("federation.outbound_longest_pause", "1h"));
        var roomId = await JoinedRoomAsync();
        await Peer.DownAsync();
        var sent = await SaysAsync(roomId, 1);
        await FailsAsync(1);
        await Peer.UpAsync();
        await Task.Delay(300);
        Assert.That(Peer.All, Is.Empty);

        await WakeAsync();

        await Peer.HasTakenAsync(1);
        Assert.That(Peer.Events, Is.EqualTo(sent));
    }

    [Test]
    public async Task Of_many_events_only_the_newest_is_sent_after_an_outage()
    {
        var roomId = await JoinedRoomAsync();
        await Peer.DownAsync();
        await SaysAsync(roomId, 1);
        await FailsAsync(3);
        var sent = await SaysAsync(roomId, 59);
        await Server.IsQueuedAndFailsAsync(Peer.Peer);
        await Peer.UpAsync();

        await Peer.HasTakenAsync(1);
        await Task.Delay(300);

        Assert.That(Peer.Events, Is.EqualTo(new[] { sent[^1] }));
    }

    [Test]
    public async Task Quick_failures_are_no_outage()
    {
        await StopAsync();
        await StartAsync(
            ("federation.outbound_outage_after", "1m"), ("federation.outbound_outage_events", "3"));
        var roomId = await JoinedRoomAsync();
        await Peer.DownAsync();
        var sent = (await SaysAsync(roomId, 1)).ToList();
        await FailsAsync(4);
        sent.AddRange(await SaysAsync(roomId, 9));
        await Peer.UpAsync();

        await Peer.HasTakenAsync(10);

        Assert.That(Peer.Events, Is.EqualTo(sent));
    }

    [TestCase(50)]
    [TestCase(51)]
    public async Task Up_to_fifty_events_of_a_room_are_kept_in_order_through_an_outage(int count)
    {
        await StopAsync();
        await StartAsync(("federation.outbound_longest_pause", "1h"));
        var roomId = await JoinedRoomAsync();
        await Peer.DownAsync();
        var sent = (await SaysAsync(roomId, 1)).ToList();
        await FailsAsync(3);
        sent.AddRange(await SaysAsync(roomId, count - 1));
        await Server.IsQueuedAndFailsAsync(Peer.Peer);
        await Peer.UpAsync();
        await WakeAsync();

        var kept = count > 50 ? sent[^1..] : sent;
        await Peer.HasTakenAsync(kept.Count);
        await Task.Delay(300);

        Assert.That(Peer.Events, Is.EqualTo(kept[^1..].Concat(kept[..^1])));
    }

    [Test]
    public async Task After_an_outage_the_newest_event_of_each_room_comes_first()
    {
        var rooms = new[] { await JoinedRoomAsync(), await JoinedRoomAsync(), await JoinedRoomAsync() };
        await Peer.DownAsync();
        await SaysAsync(rooms[0], 1);
        await FailsAsync(3);
        var sent = new List<IReadOnlyList<string>>();
        foreach (var roomId in rooms) sent.Add(await SaysAsync(roomId, 4));
        await Server.IsQueuedAndFailsAsync(Peer.Peer);
        await Peer.UpAsync();

        await Peer.HasTakenAsync(13);

        Assert.That(Peer.Taken[0].EventIds, Is.EquivalentTo(sent.Select(ofRoom => ofRoom[^1])));
        foreach (var ofRoom in sent)
        {
            Assert.That(Peer.Events.Skip(3).Where(ofRoom.Contains), Is.EqualTo(ofRoom.Take(3)));
        }
    }

    [Test]
    public async Task Requests_of_a_server_that_refuses_still_cause_one_attempt_and_reset_nothing()
    {
        await StopAsync();
        await StartAsync(
            ("federation.outbound_first_pause", "1h"),
            ("federation.outbound_longest_pause", "1h"),
            ("federation.outbound_wake_pause", "1h"));
        var roomId = await JoinedRoomAsync();
        Peer.Respond = _ => Task.FromResult<IResult?>(Results.StatusCode(503));
        await SaysAsync(roomId, 1);
        await FailsAsync(1);
        Assert.That(Peer.All, Has.Count.EqualTo(1));

        for (var n = 0; n < 3; n++)
        {
            await WakeAsync();
            await Task.Delay(200);
        }

        var destination = Server.Services.GetRequiredService<FederationOutbound>().Destinations
            .Find(Peer.Peer.Name)!;
        await Until.HoldsAsync(() => Peer.All.Count >= 2 && RetryIsLate());
        Assert.That(Peer.All, Has.Count.EqualTo(2));
        Assert.That(destination.Failures, Is.EqualTo(1));
        Assert.That(RetryIsLate());

        bool RetryIsLate() =>
            destination.RetryAt > DateTimeOffset.UtcNow.AddMinutes(50).ToUnixTimeMilliseconds();
    }

    [Test]
    public async Task A_failed_transaction_is_sent_again_with_its_id()
    {
        var roomId = await JoinedRoomAsync();
        var statuses = new Queue<int>([503, 429]);
        Peer.Respond = _ => Task.FromResult(
            statuses.TryDequeue(out var status)
                ? Results.Text("""{"errcode":"M_UNKNOWN","error":"later"}""", "application/json", null, status)
                : null);
        var sent = await SaysAsync(roomId, 1);

        await Peer.HasTakenAsync(1);

        Assert.That(Peer.All, Has.Count.EqualTo(3));
        Assert.That(Peer.All.Select(each => each.Id).Distinct().Count(), Is.EqualTo(1));
        Assert.That(Peer.Events, Is.EqualTo(sent));
    }

    [Test]
    public async Task A_silent_server_does_not_delay_another()
    {
        var roomId = await JoinedRoomAsync();
        await using var second = await ReceivingPeer.StartAsync();
        Server.Knows(second.Peer);
        await second.Peer.JoinsAsync(Server, roomId, "carol");
        await Peer.HasTakenAsync(1);
        var silence = new TaskCompletionSource();
        Peer.Respond = async _ =>
        {
            await silence.Task;
            return null;
        };

        var sent = await SaysAsync(roomId, 10);
        await second.HasTakenAsync(10);

        Assert.That(second.Events, Is.EqualTo(sent));
        Assert.That(Peer.Events, Has.Count.EqualTo(1));
        silence.SetResult();
        await Peer.HasTakenAsync(11);
    }
}
