using System.Security.Cryptography;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Outbound.Federation.Edus;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Outbound.Federation;

/// <summary>
/// A transaction: its id stays the same when it is sent again, so that the receiver carries it out once.
/// </summary>
internal sealed record PendingTransaction(string Id, IReadOnlyList<EventNid> Pdus, IReadOnlyList<PendingEdu> Edus)
{
    private const int IdLength = 22;

    /// <summary>Whether it is empty, and only shows whether the server takes transactions.</summary>
    internal bool IsProbe => Pdus.Count == 0 && Edus.Count == 0;

    internal static PendingTransaction Of(IReadOnlyList<EventNid> pdus, IReadOnlyList<PendingEdu> edus) => new(
        RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", IdLength),
        pdus,
        edus);
}

/// <summary>An event that a receiver took and refused.</summary>
internal readonly record struct RefusedPdu(EventNid Nid, string EventId, string Error);

/// <summary>What became of a transaction.</summary>
/// <param name="Failure">Why the receiver did not take it; null if it did.</param>
/// <param name="Refused">
/// The events that the receiver took and refused, which concerns the receiver: they are not sent again.
/// </param>
/// <param name="Gone">The events that are not stored any more, as after their room was deleted.</param>
/// <param name="IsSent">False if nothing was left to send.</param>
internal readonly record struct SendResult(
    bool IsSent, FederationFailure? Failure, IReadOnlyList<RefusedPdu> Refused, IReadOnlyList<EventNid> Gone);

/// <summary>Reads the events of a transaction and sends it.</summary>
internal sealed class TransactionSender(
    FederationOperations api, EventStore events, IEventsTable eventsTable, TimeProvider time)
{
    /// <summary>Sends a transaction, without the events that are not stored any more.</summary>
    internal async ValueTask<SendResult> SendAsync(
        string server, PendingTransaction transaction, CancellationToken stop)
    {
        var found = await ReadAsync(transaction.Pdus, stop);
        IReadOnlyList<EventNid> gone = found.Count == transaction.Pdus.Count
            ? []
            : [.. transaction.Pdus.Where(pdu => !found.ContainsKey(pdu))];
        if (gone.Count > 0 && found.Count == 0 && transaction.Edus.Count == 0)
        {
            return new SendResult(false, null, [], gone);
        }

        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        IReadOnlyList<EventRow> rows = [.. transaction.Pdus.Where(found.ContainsKey).Select(pdu => found[pdu])];
        var response = await api.SendTransactionAsync(
            server,
            new FederationTransaction(
                transaction.Id,
                now,
                [.. rows.Select(static row => row.Json)],
                [.. transaction.Edus.Select(static each => each.Edu.Json)]),
            stop);
        if (response.Failure is { } failure) return new SendResult(true, failure, [], gone);
        IReadOnlyList<RefusedPdu> refused = response.Value.Count == 0
            ? []
            :
            [
                .. rows.Where(row => response.Value.ContainsKey(row.EventId))
                    .Select(row => new RefusedPdu(row.Nid, row.EventId, response.Value[row.EventId])),
            ];
        return new SendResult(true, null, refused, gone);
    }

    /// <summary>The events as they are stored, which is as servers exchange them.</summary>
    private async ValueTask<IReadOnlyDictionary<EventNid, EventRow>> ReadAsync(
        IReadOnlyList<EventNid> nids, CancellationToken stop)
    {
        var found = new Dictionary<EventNid, EventRow>(nids.Count);
        List<EventNid>? missing = null;
        foreach (var nid in nids)
        {
            if (events.Known(nid) is { } known) found[nid] = known.Row;
            else (missing ??= []).Add(nid);
        }

        if (missing is not null)
        {
            foreach (var row in await eventsTable.FindManyAsync(missing, stop))
            {
                found[row.Nid] = row;
            }
        }

        return found;
    }
}
