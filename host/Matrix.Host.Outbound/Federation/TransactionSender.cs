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

    internal static PendingTransaction Of(IReadOnlyList<EventNid> pdus, IReadOnlyList<OwedEdu> edus) => new(
        RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", IdLength),
        pdus,
        edus);
}

/// <summary>Reads the events of a transaction and sends it.</summary>
internal sealed class TransactionSender(
    FederationApi api, EventStore events, IStorage storage, TimeProvider time)
{
    private static readonly IReadOnlyDictionary<string, string> _noErrors = new Dictionary<string, string>();

    /// <summary>Sends a transaction.</summary>
    /// <returns>The receiver's errors by event id. They concern the receiver: the events are not sent again.</returns>
    internal async ValueTask<FederationResult<IReadOnlyDictionary<string, string>>> SendAsync(
        string server, PendingTransaction transaction, CancellationToken stop)
    {
        var pdus = await ReadAsync(transaction.Pdus, stop).ConfigureAwait(false);

        // Events may be gone if a room was deleted.
        if (pdus.Count == 0 && transaction.Edus.Count == 0) return FederationResult.Of(_noErrors);
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        IReadOnlyList<ReadOnlyMemory<byte>> edus = [.. transaction.Edus.Select(static each => each.Edu.Json)];
        return await api.SendTransactionAsync(
            server, new Transaction(transaction.Id, now, pdus, edus), stop).ConfigureAwait(false);
    }

    /// <summary>The events as they are stored, which is as servers exchange them, in the same order.</summary>
    private async ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> ReadAsync(
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

        return [.. nids.Where(found.ContainsKey).Select(nid => found[nid])];
    }
}
