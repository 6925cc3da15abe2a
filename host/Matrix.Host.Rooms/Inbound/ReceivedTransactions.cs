using System.Collections.Concurrent;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Servers;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.ReceivedTransactions;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Carries out transactions of other servers, each once. Rooms are handled side by side. A transaction is cancelled
/// when the shard of its server closes: it comes again, to the node that has the shard then.
/// v1.19 server-server-api#transactions
/// </summary>
public sealed partial class ReceivedTransactions(
    RoomSnapshots rooms,
    ServerAccess access,
    RoomReceiver receiver,
    EnteringRooms entering,
    IStrippedRoomEvents stripped,
    ReceivedTransactionsTable receivedTransactionsTable,
    IStorageWriter writer,
    ShardGates gates,
    RoomsOptions options,
    TimeProvider time,
    ILogger<ReceivedTransactions> log)
{
    /// <summary>The most PDUs. v1.19 server-server-api#transactions</summary>
    public const int MaxPdus = 50;

    /// <summary>The most EDUs. v1.19 server-server-api#transactions</summary>
    public const int MaxEdus = 100;

    /// <summary>
    /// The most attempts to store events of a room. After the first one the room decides one event at a time, and after
    /// the second one it does without an event that was refused alone.
    /// </summary>
    private const int MostAttempts = 3;

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
    private readonly FullRooms _full = new(options.Receiving, time);

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
        var reading = pdus.GroupBy(json => json.Text("room_id"))
            .Where(each => each.Key is not null)
            .Select(each => ReadAsync(origin, each.Key!, [.. each], results, stop))
            .ToArray();

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
        var failures = await Task.WhenAll(Array.ConvertAll(reading, async each =>
        {
            var (room, taken) = await each;
            return taken.Count == 0
                ? null
                : await InRoomAsync(origin, room!, taken, unknown, results, stop);
        }));
        if (Array.Find(failures, static each => each is not null) is { } failure) return failure;

        return JsonObject.OfSeq([("pdus", Json.Of(JsonObject.OfSeq(results.Select(each =>
            (each.Key, Json.Of(each.Value.Length == 0
                ? JsonObject.Empty
                : JsonObject.OfSeq([("error", Json.Of(each.Value))])))))))]);
    }

    /// <summary>
    /// Reads the events of one room, in their order, and returns those that its machine decides. A malformed event is
    /// named by its id if it has one: in later versions, that is the hash of what was sent. In a room that is not known
    /// here, only versions 1 and 2 have ids.
    /// </summary>
    private async Task<(RoomIdentity? Room, List<ReceivedPdu> Pdus)> ReadAsync(
        string origin,
        string roomId,
        IReadOnlyList<JsonObject> pdus,
        ConcurrentDictionary<string, string> results,
        CancellationToken stop)
    {
        await entering.EndedAsync(roomId, stop);
        var found = await rooms.FindAsync(roomId, stop);
        var isDenied = found is { IsResident: true } && await access.DeniesAsync(origin, found, stop);
        var taken = new List<ReceivedPdu>();
        foreach (var json in pdus)
        {
            if (found is not { IsResident: true }
                && await stripped.ReceiveAsync(roomId, json, stop) is var (id, reason))
            {
                results[id] = reason;
                continue;
            }

            if (found is not { } snapshot)
            {
                if (EventIdOf(json) is { } unknown) results[unknown] = "This server does not know the room.";
                continue;
            }

            var read = snapshot.Room.Rules.ReadReceived(json);
            if (read.Refusal is { } malformed)
            {
                // Another event of the transaction may have the same id, in versions in which its server assigns it.
                if (snapshot.Room.Rules.EventIdOf(json) is { } ownId) results.TryAdd(ownId, malformed.Reason);
                continue;
            }

            results[read.Value.EventId] = !snapshot.IsResident ? "This server has no user in the room."
                : isDenied ? ServerAccess.Denied.Message
                : "";
            if (results[read.Value.EventId].Length == 0) taken.Add(read.Value);
        }

        return (found?.Room, taken);
    }

    /// <summary>
    /// Receives the events of one room. If an event cannot be stored, the room does without it, and only that event
    /// gets an error. If that does not help, the events are received again one by one.
    /// </summary>
    /// <returns>
    /// Why the transaction fails, so that its server sends it again; null if it does not. It fails if the room is busy,
    /// and for a bounded time if events would wait in the room and there is no space for them: no later event may come
    /// that would bring them.
    /// </returns>
    /// <exception cref="StorageException">The storage failed.</exception>
    private async Task<RoomFailure?> InRoomAsync(
        string origin,
        RoomIdentity room,
        List<ReceivedPdu> pdus,
        UnknownEvents? unknown,
        ConcurrentDictionary<string, string> results,
        CancellationToken stop)
    {
        var space = new Space();
        var failure = await InRoomAsync(origin, room, pdus, unknown, results, space, attempt: 1, stop);
        var isFull = _full.Fails(origin, room.Nid, space.IsRoomFull, space.IsFound);
        var isAllFull = _full.Fails(origin, null, space.IsAllFull, receiver.HasSpaceFor(origin));
        return failure ?? (isFull || isAllFull
            ? new RoomFailure(RoomFailureKind.Busy, "Too many events wait for missing ones. Send these again later.")
            : null);
    }

    private async Task<RoomFailure?> InRoomAsync(
        string origin,
        RoomIdentity room,
        List<ReceivedPdu> pdus,
        UnknownEvents? unknown,
        ConcurrentDictionary<string, string> results,
        Space space,
        int attempt,
        CancellationToken stop)
    {
        RoomResult<ReceivedEvents> received;
        try
        {
            received = await receiver.ReceiveAsync(origin, room, pdus, unknown, stop);
        }
        catch (StorageException refused) when (refused.Failure == StorageFailure.Rejected && attempt < MostAttempts)
        {
            NotStored(refused, room.RoomId, origin);
            return await InRoomAsync(origin, room, pdus, null, results, space, attempt + 1, stop);
        }
        catch (Exception fault) when (
            fault is not StorageException { Failure: not StorageFailure.Rejected } && !stop.IsCancellationRequested)
        {
            NotStored(fault, room.RoomId, origin);
            RoomFailure? failure = null;
            if (pdus.Count == 1) results[pdus[0].EventId] = "This server cannot store the event.";
            else
            {
                foreach (var pdu in pdus)
                {
                    // Of those for an event alone, one is left in which it is refused, and one without it.
                    var alone = await InRoomAsync(
                        origin, room, [pdu], null, results, space, MostAttempts - 1, stop);
                    failure = alone ?? failure;
                }
            }

            return failure;
        }

        if (!received.IsOk)
        {
            if (received.Failure.Kind is RoomFailureKind.Busy or RoomFailureKind.BadState)
            {
                return new RoomFailure(RoomFailureKind.Busy, received.Failure.Message);
            }

            foreach (var pdu in pdus) results[pdu.EventId] = received.Failure.Message;
            return null;
        }

        space.IsFound |= received.Value.BeganToWait;
        foreach (var pdu in pdus)
        {
            if (!received.Value.Dropped.TryGetValue(pdu.EventId, out var reason)) continue;
            results[pdu.EventId] = reason.ToString();
            space.IsRoomFull |= reason.IsStagingFull;
            space.IsAllFull |= reason.IsMustNotWait;
        }

        return null;
    }

    /// <summary>Whether there was space for events of a transaction that lack others.</summary>
    private sealed class Space
    {
        /// <summary>Whether some events found none in the room.</summary>
        public bool IsRoomFull { get; set; }

        /// <summary>The same, for all rooms.</summary>
        public bool IsAllFull { get; set; }

        /// <summary>Whether some events found it.</summary>
        public bool IsFound { get; set; }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Events of {Origin} in {RoomId} were not stored")]
    private partial void NotStored(Exception fault, string roomId, string origin);

    /// <summary>The transactions of one server.</summary>
    private sealed class OfOrigin
    {
        /// <summary>The one that runs and those that wait, by id.</summary>
        public Dictionary<string, Task<RoomResult<JsonObject>>> Running { get; } = [];

        /// <summary>The one that came last.</summary>
        public Task Last { get; set; } = Task.CompletedTask;
    }

    /// <summary>The id that an event of room version 1 or 2 has; later versions need their rules.</summary>
    private static string? EventIdOf(JsonObject json) => json.Text("event_id");
}
