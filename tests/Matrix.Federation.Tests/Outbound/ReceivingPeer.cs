using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Matrix.Core.Facade;
using Matrix.Federation.Tests.Support;
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
        _host = new TlsHost(_at, Peer);
        _host.App.MapPut(
            "/_matrix/federation/v1/send/{txnId}", (string txnId, JsonObject body) => TakeAsync(txnId, body));
        await _host.App.StartAsync();
    }

    internal async Task DownAsync()
    {
        if (_host is null) return;
        await _host.App.StopAsync(new CancellationToken(canceled: true));
        await _host.DisposeAsync();
        _host = null;
    }

    /// <summary>Waits until the peer has taken this many events.</summary>
    internal async Task HasTakenAsync(int count, TimeSpan? within = null)
    {
        var until = DateTime.UtcNow + (within ?? TimeSpan.FromSeconds(20));
        while (Events.Count < count && DateTime.UtcNow < until) await Task.Delay(10);
        Assert.That(Events, Has.Count.GreaterThanOrEqualTo(count), $"{All.Count} transactions came.");
    }

    public async ValueTask DisposeAsync() => await DownAsync();

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
