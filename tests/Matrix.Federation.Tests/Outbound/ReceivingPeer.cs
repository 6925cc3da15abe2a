using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Matrix.Core.Facade;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Matrix.Federation.Tests.Outbound;

/// <summary>A transaction that a peer got.</summary>
internal sealed record ReceivedTransaction(string Id, IReadOnlyList<string> EventIds, JsonObject Body);

/// <summary>
/// A peer that takes transactions over TLS at the address of its name, and can be down or refuse them.
/// </summary>
internal sealed class ReceivingPeer : IAsyncDisposable
{
    private readonly IPEndPoint _at = Loopback.Next();
    private readonly ConcurrentQueue<ReceivedTransaction> _all = new();
    private readonly ConcurrentQueue<ReceivedTransaction> _taken = new();
    private TlsHost? _host;

    internal ReceivingPeer() => Peer = new Peer(_at.ToString());

    internal Peer Peer { get; }

    /// <summary>The rules of the rooms whose events come.</summary>
    internal RoomRules Rules { get; set; } = RoomRules.Find(RoomRules.Recommended)!;

    /// <summary>The response to a transaction; null to take it.</summary>
    internal Func<ReceivedTransaction, Task<IResult?>> Respond { get; set; } =
        static _ => Task.FromResult<IResult?>(null);

    /// <summary>All transactions that came, in order.</summary>
    internal IReadOnlyList<ReceivedTransaction> All => [.. _all];

    /// <summary>The transactions that it took, each once.</summary>
    internal IReadOnlyList<ReceivedTransaction> Taken => [.. _taken.DistinctBy(each => each.Id)];

    /// <summary>The events that it took, in order.</summary>
    internal IReadOnlyList<string> Events => [.. Taken.SelectMany(each => each.EventIds)];

    internal static async Task<ReceivingPeer> StartAsync()
    {
        var peer = new ReceivingPeer();
        await peer.UpAsync();
        return peer;
    }

    internal async Task UpAsync()
    {
        var host = new TlsHost(_at, Peer);
        host.App.MapPut(
            "/_matrix/federation/v1/send/{txnId}", (string txnId, JsonObject body) => TakeAsync(txnId, body));
        _host = host;
        await host.App.StartAsync();
    }

    /// <summary>Goes down at once: requests in flight get no response.</summary>
    internal Task DownAsync() => DownAsync(new CancellationToken(canceled: true));

    /// <summary>Goes down after the requests in flight have got their responses.</summary>
    internal Task DownAfterResponsesAsync() => DownAsync(CancellationToken.None);

    /// <summary>Waits until the peer has taken this many events. One that came twice counts once.</summary>
    internal async Task HasTakenAsync(int count)
    {
        var until = DateTime.UtcNow.AddSeconds(20);
        while (Events.Distinct().Count() < count && DateTime.UtcNow < until) await Task.Delay(10);
        Assert.That(
            Events.Distinct().Count(), Is.GreaterThanOrEqualTo(count), $"{All.Count} transactions came.");
    }

    public async ValueTask DisposeAsync() => await DownAsync();

    private async Task DownAsync(CancellationToken stop)
    {
        // A handler of a request may call this, and the peer may be up again before that handler goes on.
        if (Interlocked.Exchange(ref _host, null) is not { } host) return;
        await host.App.StopAsync(stop);
        await host.DisposeAsync();
    }

    private async Task<IResult> TakeAsync(string id, JsonObject body)
    {
        var pdus = body["pdus"]!.AsArray().Select(pdu => Rules.ReadReceived(PeerRoom.Parse(pdu!.AsObject())).Value);
        var transaction = new ReceivedTransaction(id, [.. pdus.Select(pdu => pdu.EventId)], body);
        _all.Enqueue(transaction);
        if (await Respond(transaction) is { } other) return other;
        _taken.Enqueue(transaction);
        return Results.Text("""{"pdus":{}}""", "application/json");
    }
}
