using System.Text.Json.Nodes;
using Matrix.Host.Outbound.Federation;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Destinations;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Outbound;

/// <summary>Events that servers refuse are found, and cost no others.</summary>
public sealed class RefusalTests : OutboundTests
{
    [TestCase(400)]
    [TestCase(413)]
    public async Task An_event_that_a_server_refuses_is_found_recorded_and_skipped(int status)
    {
        var roomId = await JoinedRoomAsync();
        var hold = new TaskCompletionSource();
        string? bad = null;
        Peer.Respond = async transaction =>
        {
            if (bad is null) await hold.Task;
            return transaction.EventIds.Contains(bad)
                ? Results.Text("""{"errcode":"M_BAD","error":"no"}""", "application/json", null, status)
                : null;
        };
        var sent = await SaysAsync(roomId, 41);
        bad = sent[23];
        hold.SetResult();

        await Peer.HasTakenAsync(40);
        await Task.Delay(200);
        var refused = await RefusedAsync();

        Assert.That(Peer.Events, Is.EqualTo(sent.Where(id => id != bad)));
        var storage = Server.Services.GetRequiredService<OpenedStorage>();
        var row = await storage.Events.FindAsync(refused.Single().Event, default);
        Assert.That(row!.EventId, Is.EqualTo(bad));
        Assert.That(
            (refused.Single().Status, refused.Single().ErrorCode, refused.Single().Error),
            Is.EqualTo((status, "M_BAD", "no")));
        Assert.That(Server.Log, Does.Contain("not sent to it again"));
    }

    [Test]
    public async Task An_event_that_a_server_takes_with_an_error_is_recorded()
    {
        var roomId = await JoinedRoomAsync();
        string? bad = null;
        Peer.Respond = transaction =>
        {
            bad ??= transaction.EventIds[0];
            var response = new JsonObject
            {
                ["pdus"] = new JsonObject
                {
                    [bad] = new JsonObject { ["error"] = "not here" },
                    ["$unknown"] = new JsonObject { ["error"] = "another" },
                },
            };
            return Task.FromResult<IResult?>(Results.Text(response.ToJsonString(), "application/json"));
        };

        var sent = await SaysAsync(roomId, 1);

        var storage = Server.Services.GetRequiredService<OpenedStorage>();
        var refused = await RefusedAsync();
        Assert.That(refused, Has.Count.EqualTo(1));
        Assert.That((await storage.Events.FindAsync(refused[0].Event, default))!.EventId, Is.EqualTo(sent[0]));
        Assert.That((refused[0].Status, refused[0].Error), Is.EqualTo((200, "not here")));
    }

    [TestCase("<html>Bad request</html>")]
    [TestCase("""{"error":"no"}""")]
    [TestCase("""{"errcode":"M_UNKNOWN","error":"no"}""")]
    public async Task A_proxy_that_refuses_everything_costs_no_event(string body)
    {
        var roomId = await JoinedRoomAsync();
        var isUp = false;
        Peer.Respond = _ => Task.FromResult(
            Volatile.Read(ref isUp) ? null : Results.Text(body, "application/json", null, 400));
        var sent = (await SaysAsync(roomId, 8)).ToList();
        await FailsAsync(4);
        sent.AddRange(await SaysAsync(roomId, 4));
        await Task.Delay(500);
        Volatile.Write(ref isUp, true);

        await Peer.HasTakenAsync(12);

        Assert.That(Peer.Events, Is.EquivalentTo(sent));
        var storage = Server.Services.GetRequiredService<OpenedStorage>();
        Assert.That(await storage.Destinations.RefusedAsync(Peer.Peer.Name, 10, default), Is.Empty);
    }

    [Test]
    public async Task Events_that_are_not_stored_any_more_are_no_success()
    {
        await StopAsync();
        await StartAsync(("federation.outbound_first_pause", "1h"), ("federation.outbound_longest_pause", "1h"));
        var roomId = await JoinedRoomAsync();
        await Alice.TypesAsync(roomId, timeout: 20_000);
        await Until.HoldsAsync(() => Peer.All.Count == 1);
        await Peer.DownAsync();
        await Alice.TypesAsync(roomId, typing: false);
        await FailsAsync(1);
        await Peer.UpAsync();
        var outbound = Server.Services.GetRequiredService<FederationOutbound>();
        var gone = new RoomNid(1_000_000);

        outbound.Destinations.Enqueue(Peer.Peer.Name, gone, [EventNid.Of(gone, EventNid.FirstLiveOrdinal)], 1, true);
        await WakeAsync();
        await Until.HoldsAsync(() => outbound.Destinations.Find(Peer.Peer.Name)!.Pending == 0);

        Assert.That(outbound.Destinations.Find(Peer.Peer.Name)!.Failures, Is.EqualTo(1));
        Assert.That(Peer.All, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_proxy_that_refuses_large_transactions_gets_small_ones()
    {
        var roomId = await JoinedRoomAsync();
        var hold = new TaskCompletionSource();
        Peer.Respond = async transaction =>
        {
            await hold.Task;
            return transaction.EventIds.Count > 3
                ? Results.Text("<html>Too large</html>", "text/html", null, 413)
                : null;
        };
        var sent = await SaysAsync(roomId, 30);
        hold.SetResult();

        await Peer.HasTakenAsync(30);

        Assert.That(Peer.Events, Is.EqualTo(sent));
    }

    [Test]
    public async Task An_event_that_is_too_large_for_a_proxy_is_found_recorded_and_skipped()
    {
        var roomId = await JoinedRoomAsync();
        var hold = new TaskCompletionSource();
        string? bad = null;
        Peer.Respond = async transaction =>
        {
            if (bad is null) await hold.Task;
            return transaction.EventIds.Contains(bad)
                ? Results.Text("<html>Too large</html>", "text/html", null, 413)
                : null;
        };
        var sent = await SaysAsync(roomId, 10);
        bad = sent[3];
        hold.SetResult();

        await Peer.HasTakenAsync(9);

        var refused = (await RefusedAsync()).Single();

        Assert.That(Peer.Events, Is.EquivalentTo(sent.Where(id => id != bad)));
        var storage = Server.Services.GetRequiredService<OpenedStorage>();
        Assert.That((await storage.Events.FindAsync(refused.Event, default))!.EventId, Is.EqualTo(bad));
        Assert.That((refused.Status, refused.ErrorCode), Is.EqualTo((413, "")));
    }

    [Test]
    public async Task A_proxy_that_finds_everything_too_large_costs_no_event()
    {
        var roomId = await JoinedRoomAsync();
        var isUp = false;
        Peer.Respond = transaction => Task.FromResult(
            Volatile.Read(ref isUp) || transaction.Body["pdus"]!.AsArray().Count == 0
                ? null
                : Results.Text("<html>Too large</html>", "text/html", null, 413));
        var sent = await SaysAsync(roomId, 6);
        await FailsAsync(4);
        Volatile.Write(ref isUp, true);

        await Peer.HasTakenAsync(6);

        Assert.That(Peer.Events, Is.EquivalentTo(sent));
        var storage = Server.Services.GetRequiredService<OpenedStorage>();
        Assert.That(await storage.Destinations.RefusedAsync(Peer.Peer.Name, 10, default), Is.Empty);
    }

    [Test]
    public async Task An_event_that_is_refused_alone_is_skipped_once_another_was_taken()
    {
        // After an outage the newest event would go first.
        await StopAsync();
        await StartAsync(("federation.outbound_outage_after", "1m"));
        var roomId = await JoinedRoomAsync();
        string? bad = null;
        Peer.Respond = transaction =>
        {
            bad ??= transaction.EventIds[0];
            return Task.FromResult(
                transaction.EventIds.Contains(bad)
                    ? Results.Text("""{"errcode":"M_BAD","error":"no"}""", "application/json", null, 400)
                    : null);
        };
        var first = await SaysAsync(roomId, 1);
        await FailsAsync(2);
        var storage = Server.Services.GetRequiredService<OpenedStorage>();
        Assert.That(await storage.Destinations.RefusedAsync(Peer.Peer.Name, 10, default), Is.Empty);

        var others = await SaysAsync(roomId, 3);
        await Peer.HasTakenAsync(3);
        await Task.Delay(300);
        var refused = await RefusedAsync();

        Assert.That(Peer.Events, Is.EqualTo(others));
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
        Peer.Respond = transaction =>
        {
            bad ??= transaction.EventIds[0];
            return Task.FromResult(
                transaction.EventIds.Contains(bad)
                    ? Results.Text("""{"errcode":"M_BAD","error":"no"}""", "application/json", null, 400)
                    : null);
        };
        await SaysAsync(roomId, 1);
        await FailsAsync(1);

        var others = await SaysAsync(roomId, 3);
        await Peer.HasTakenAsync(3);

        Assert.That(Peer.Events, Is.EqualTo(others));
    }

    /// <summary>Waits until events that the peer refuses are recorded.</summary>
    private async Task<IReadOnlyList<RefusedEventRow>> RefusedAsync()
    {
        var storage = Server.Services.GetRequiredService<OpenedStorage>();
        IReadOnlyList<RefusedEventRow> refused = [];
        await Until.HoldsAsync(async () =>
        {
            refused = await storage.Destinations.RefusedAsync(Peer.Peer.Name, 10, default);
            return refused.Count > 0;
        });
        return refused;
    }
}
