using System.Security.Cryptography;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Outbound.Federation.Edus;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;

namespace Matrix.Host.Outbound.Federation;

/// <summary>
/// A transaction: its id stays the same when it is sent again, so that the receiver carries it out once.
/// </summary>
internal sealed record PendingTransaction(string Id, IReadOnlyList<EventNid> Pdus, IReadOnlyList<OwedEdu> Edus)
{
    private const int IdLength = 22;

    /// <summary>Whether it is empty, and only shows whether the server takes transactions.</summary>
    internal bool IsProbe => Pdus.Count == 0 && Edus.Count == 0;

    internal static PendingTransaction Of(IReadOnlyList<EventNid> pdus, IReadOnlyList<OwedEdu> edus) => new(
        RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", IdLength),
        pdus,
        edus);
}

/// <summary>What became of a transaction.</summary>
/// <param name="Response">
/// The receiver's errors by event id, which concern the receiver: the events are not sent again. Null if nothing was
/// left to send.
/// </param>
/// <param name="Gone">The events that are not stored any more, as after their room was deleted.</param>
internal readonly record struct SendResult(
    FederationResult<IReadOnlyDictionary<string, string>>? Response, IReadOnlyList<EventNid> Gone);

/// <summary>Reads the events of a transaction and sends it.</summary>
internal sealed class TransactionSender(
    FederationApi api, EventStore events, IStorage storage, TimeProvider time)
{
    /// <summary>Sends a transaction, without the events that are not stored any more.</summary>
    internal async ValueTask<SendResult> SendAsync(
        string server, PendingTransaction transaction, CancellationToken stop)
    {
        var found = await ReadAsync(transaction.Pdus, stop).ConfigureAwait(false);
        IReadOnlyList<EventNid> gone = found.Count == transaction.Pdus.Count
            ? []
            : [.. transaction.Pdus.Where(pdu => !found.ContainsKey(pdu))];
        if (gone.Count > 0 && found.Count == 0 && transaction.Edus.Count == 0) return new SendResult(null, gone);
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        IReadOnlyList<ReadOnlyMemory<byte>> pdus =
            [.. transaction.Pdus.Where(found.ContainsKey).Select(pdu => found[pdu])];
        IReadOnlyList<ReadOnlyMemory<byte>> edus = [.. transaction.Edus.Select(static each => each.Edu.Json)];
        var response = await api.SendTransactionAsync(
            server, new Transaction(transaction.Id, now, pdus, edus), stop).ConfigureAwait(false);
        return new SendResult(response, gone);
    }

    /// <summary>The events as they are stored, which is as servers exchange them.</summary>
    private async ValueTask<IReadOnlyDictionary<EventNid, ReadOnlyMemory<byte>>> ReadAsync(
        IReadOnlyList<EventNid> nids, CancellationToken stop)
    {
        var found = new Dictionary<EventNid, ReadOnlyMemory<byte>>(nids.Count);
        List<EventNid>? missing = null;
        foreach (var nid in nids)
        {
            if (events.Known(nid) is { } known) found[nid] = known.Row.Json;
            else (missing ??= []).Add(nid);
        }

        if (missing is not null)
        {
            foreach (var row in await storage.Events.FindManyAsync(missing, stop).ConfigureAwait(false))
            {
                found[row.Nid] = row.Json;
            }
        }

        return found;
    }
}
