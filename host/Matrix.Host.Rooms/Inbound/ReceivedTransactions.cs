using System.Collections.Concurrent;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Commands;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.ReceivedTransactions;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Carries out transactions of other servers, each once. Rooms are handled side by side, each at the node that has it.
/// A transaction is cancelled when the shard of its server closes: it comes again, to the node that has the shard then.
/// v1.19 server-server-api#transactions
/// </summary>
public sealed class ReceivedTransactions(
    ReceivedRoomEvents events,
    RoomReceiver receiver,
    RoomCommands commands,
    ReceivedTransactionsTable receivedTransactionsTable,
    IStorageWriter writer,
    ShardGates gates,
    RoomsOptions options)
{
    /// <summary>The most PDUs. v1.19 server-server-api#transactions</summary>
    public const int MaxPdus = 50;

    /// <summary>The most EDUs. v1.19 server-server-api#transactions</summary>
    public const int MaxEdus = 100;

    /// <summary>The most rooms of a transaction whose events other nodes receive at once.</summary>
    private const int RoomsElsewhereAtOnce = 16;

    /// <summary>The most servers whose failed transactions are remembered.</summary>
    private const int MostFailing = 1_000;

    private readonly Lock _gate = new();

    /// <summary>
    /// The transaction of a server whose EDUs were received, though it may have failed, and the opening of the server's
    /// shard at that time.
    /// </summary>
    private readonly ConcurrentDictionary<string, (string TransactionId, long Opening)> _edusOf =
        new(StringComparer.Ordinal);

    private readonly Dictionary<string, OfOrigin> _origins = new(StringComparer.Ordinal);

    /// <summary>
    /// Carries a transaction out, or returns the response that it got before. A server has one transaction in flight:
    /// others of it wait, and the failure says if too many do.
    /// </summary>
    /// <param name="origin">The server that sent it.</param>
    /// <param name="transactionId">Its id.</param>
    /// <param name="pdus">Its PDUs.</param>
    /// <param name="receiveEdus">Takes its EDUs. It is called after the PDUs, and not again when a transaction that
    /// failed comes again.</param>
    /// <param name="stop">Cancels waiting, not the transaction.</param>
    /// <returns>The response: an entry for each PDU with an id, with an `error` if it was not taken; or the failure,
    /// after which the server sends the transaction again.</returns>
    /// <exception cref="StorageException">The storage failed.</exception>
    public async ValueTask<RoomResult<JsonObject>> ReceiveAsync(
        string origin,
        string transactionId,
        IReadOnlyList<JsonObject> pdus,
        Func<CancellationToken, ValueTask> receiveEdus,
        CancellationToken stop)
    {
        Task<RoomResult<JsonObject>> running;
        lock (_gate)
        {
            var of = _origins.GetValueOrDefault(origin);
            if (of?.Running.TryGetValue(transactionId, out var same) == true) running = same;
            else if (of?.Running.Count > options.Receiving.TransactionsWaiting) return TooMany;
            else
            {
                var visit = gates.Enter(Authority.Server(origin));
                if (of is null) _origins.Add(origin, of = new OfOrigin());

                // Not cancelled: a peer that disconnects sends the transaction again, and gets this response.
                var before = of.Last;
                of.Last = running = Task.Run(
                    () => OnceAsync(origin, transactionId, visit, before, pdus, receiveEdus));
                of.Running.Add(transactionId, running);
            }
        }

        return await running.WaitAsync(stop);
    }

    /// <summary>The number of transactions of a server that run or wait.</summary>
    internal int CountOf(string origin)
    {
        lock (_gate) return _origins.GetValueOrDefault(origin)?.Running.Count ?? 0;
    }

    private static RoomFailure TooMany { get; } = new(
        RoomFailureKind.Busy, "Wait for the response to a transaction before you send another one.");

    private async Task<RoomResult<JsonObject>> OnceAsync(
        string origin,
        string transactionId,
        ShardVisit visit,
        Task before,
        IReadOnlyList<JsonObject> pdus,
        Func<CancellationToken, ValueTask> receiveEdus)
    {
        var closing = visit.Closing;
        try
        {
            // Whether the one before succeeded does not matter to this one.
            await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            closing.ThrowIfCancellationRequested();
            var last = await receivedTransactionsTable.LastAsync(origin, closing);
            if (last?.TransactionId == transactionId)
            {
                return JsonText.TryParseStored(last.Response.Span, out var response)
                    ? response
                    : throw new InvalidDataException($"The response to a transaction of {origin} is damaged.");
            }

            RoomResult<JsonObject> made;
            try
            {
                made = await PdusAsync(origin, pdus, closing);
            }
            catch (StorageException)
            {
                await EdusAsync(origin, transactionId, visit, receiveEdus);
                throw;
            }

            // A transaction that failed will come again; one busy room does not delay its EDUs.
            await EdusAsync(origin, transactionId, visit, receiveEdus);
            if (!made.IsOk) return made;
            var record = new TransactionReceived(origin, transactionId, JsonText.Write(made.Value));
            await writer.WriteAsync(new WriteBatch(Authority.Server(origin), 1).Add(record), CancellationToken.None);
            _edusOf.TryRemove(origin, out _);
            return made;
        }
        catch (OperationCanceledException) when (closing.IsCancellationRequested)
        {
            throw ShardGates.NotOwned(Authority.Server(origin));
        }
        finally
        {
            lock (_gate)
            {
                var of = _origins[origin];
                of.Running.Remove(transactionId);
                if (of.Running.Count == 0) _origins.Remove(origin);
            }

            visit.Dispose();
        }
    }

    /// <summary>
    /// Receives the EDUs of a transaction, unless an earlier attempt did: they are not durable, and what was true then
    /// may not be true now.
    /// </summary>
    private async ValueTask EdusAsync(
        string origin, string transactionId, ShardVisit visit, Func<CancellationToken, ValueTask> receiveEdus)
    {
        var attempt = (transactionId, visit.Opening);
        if (_edusOf.TryGetValue(origin, out var received) && received == attempt) return;
        await receiveEdus(visit.Closing);
        if (_edusOf.Count >= MostFailing) _edusOf.Clear();
        _edusOf[origin] = attempt;
    }

    private async ValueTask<RoomResult<JsonObject>> PdusAsync(
        string origin, IReadOnlyList<JsonObject> pdus, CancellationToken stop)
    {
        // Rooms side by side: one that is being joined, or is slow, delays its own events only.
        var results = new ConcurrentDictionary<string, string>();
        var rooms = pdus.GroupBy(json => json.Text("room_id"))
            .Where(each => each.Key is not null)
            .ToLookup(each => commands.IsHere(each.Key!));
        var here = HereAsync(origin, [.. rooms[true]], results, stop);
        var elsewhere = ElsewhereAsync(origin, [.. rooms[false]], results, stop);
        await Task.WhenAll(here, elsewhere);
        if ((await here ?? await elsewhere) is { } failure) return failure;

        return JsonObject.OfSeq([("pdus", Json.Of(JsonObject.OfSeq(results.Select(each =>
            (each.Key, Json.Of(each.Value.Length == 0
                ? JsonObject.Empty
                : JsonObject.OfSeq([("error", Json.Of(each.Value))])))))))]);
    }

    /// <summary>Receives the events of rooms of this node. Returns why the transaction fails; null if it does not.
    /// </summary>
    private async Task<RoomFailure?> HereAsync(
        string origin,
        IGrouping<string?, JsonObject>[] byRoom,
        ConcurrentDictionary<string, string> results,
        CancellationToken stop)
    {
        var reading = Array.ConvertAll(
            byRoom, each => events.ReadAsync(origin, each.Key!, [.. each], results, stop));

        // One query for the rooms that are here, in place of one for each.
        var ready = reading.Where(static each => each.IsCompletedSuccessfully)
            .Select(static each => each.Result)
            .Where(static each => each.Pdus.Count > 0)
            .ToArray();
        using var unknown = ready.Length <= 1
            ? null
            : await receiver.UnknownAsync(
                [.. ready.SelectMany(each => each.Pdus.Select(pdu => (each.Room!.Nid, pdu.EventId)))],
                stop);
        var failures = await Task.WhenAll(Array.ConvertAll(
            reading, async each => await events.DecideAsync(origin, await each, unknown, results, stop)));
        return Array.Find(failures, static each => each is not null);
    }

    /// <summary>
    /// Has other nodes receive the events of their rooms, some rooms at once. If a node cannot be reached, the
    /// transaction fails, and comes again: what was received is known by its id then.
    /// </summary>
    private async Task<RoomFailure?> ElsewhereAsync(
        string origin,
        IGrouping<string?, JsonObject>[] byRoom,
        ConcurrentDictionary<string, string> results,
        CancellationToken stop)
    {
        if (byRoom.Length == 0) return null;
        using var slots = new SemaphoreSlim(RoomsElsewhereAtOnce);
        var failures = await Task.WhenAll(byRoom.Select(async each =>
        {
            await slots.WaitAsync(stop);
            try
            {
                var answer = await commands.AskAsync(new ReceiveEvents(each.Key!, origin, [.. each]), stop);
                foreach (var (id, reason) in answer.Reasons) results[id] = reason;
                return answer.Failure;
            }
            finally
            {
                slots.Release();
            }
        }));
        return Array.Find(failures, static each => each is not null);
    }

    /// <summary>The transactions of one server.</summary>
    private sealed class OfOrigin
    {
        /// <summary>The one that runs and those that wait, by id.</summary>
        public Dictionary<string, Task<RoomResult<JsonObject>>> Running { get; } = [];

        /// <summary>The one that came last.</summary>
        public Task Last { get; set; } = Task.CompletedTask;
    }
}
