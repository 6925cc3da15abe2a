using System.Collections.Concurrent;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Servers;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.ReceivedTransactions;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Carries out transactions of other servers, each once. Rooms are handled side by side. Server-Server API,
/// "Transactions".
/// </summary>
public sealed partial class ReceivedTransactions(
    RoomSnapshots rooms,
    ServerAccess access,
    RoomReceiver receiver,
    EnteringRooms entering,
    IStrippedRoomEvents stripped,
    IStorage storage,
    ILogger<ReceivedTransactions> log)
{
    /// <summary>The most PDUs. Server-Server API, "Transactions".</summary>
    public const int MaxPdus = 50;

    /// <summary>The most EDUs. Server-Server API, "Transactions".</summary>
    public const int MaxEdus = 100;

    private readonly ConcurrentDictionary<(string Origin, string Id), Lazy<Task<JsonObject>>> _running = new();

    /// <summary>Carries a transaction out, or returns the response that it got before.</summary>
    /// <param name="origin">The server that sent it.</param>
    /// <param name="transactionId">Its id.</param>
    /// <param name="pdus">Its PDUs.</param>
    /// <param name="receiveEdus">Takes its EDUs. It is called after the PDUs, once unless it throws.</param>
    /// <param name="stop">Cancels waiting, not the transaction.</param>
    /// <returns>The response: an entry for each PDU with an id, with an `error` if it was not taken.</returns>
    public async ValueTask<JsonObject> ReceiveAsync(
        string origin,
        string transactionId,
        IReadOnlyList<JsonObject> pdus,
        Func<CancellationToken, ValueTask> receiveEdus,
        CancellationToken stop)
    {
        var running = _running.GetOrAdd(
            (origin, transactionId),
            key => new Lazy<Task<JsonObject>>(() => Task.Run(() => OnceAsync(key.Origin, key.Id, pdus, receiveEdus))));
        try
        {
            // Not cancelled: a peer that disconnects sends the transaction again, and gets this response.
            return await running.Value.WaitAsync(stop).ConfigureAwait(false);
        }
        finally
        {
            if (running.Value.IsCompleted) _running.TryRemove((origin, transactionId), out _);
        }
    }

    private async Task<JsonObject> OnceAsync(
        string origin,
        string transactionId,
        IReadOnlyList<JsonObject> pdus,
        Func<CancellationToken, ValueTask> receiveEdus)
    {
        try
        {
            var last = await storage.ReceivedTransactions.LastAsync(
                origin, CancellationToken.None).ConfigureAwait(false);
            if (last?.TransactionId == transactionId)
            {
                return JsonText.TryParseStored(last.Response.Span, out var before)
                    ? before
                    : throw new InvalidDataException($"The response to a transaction of {origin} is damaged.");
            }

            var response = await PdusAsync(origin, pdus).ConfigureAwait(false);
            await receiveEdus(CancellationToken.None).ConfigureAwait(false);
            var record = new TransactionReceived(origin, transactionId, JsonText.Write(response));
            await storage.Writer.WriteAsync(
                new WriteBatch(1).Add(record), CancellationToken.None).ConfigureAwait(false);
            return response;
        }
        finally
        {
            _running.TryRemove((origin, transactionId), out _);
        }
    }

    private async ValueTask<JsonObject> PdusAsync(string origin, IReadOnlyList<JsonObject> pdus)
    {
        var results = new ConcurrentDictionary<string, string>();
        var denied = new Dictionary<RoomNid, bool>();
        var byRoom = new Dictionary<RoomIdentity, List<ReceivedPdu>>();
        foreach (var json in pdus)
        {
            // A malformed event has no id to name it by.
            if (json.Text("room_id") is not { } roomId) continue;
            await entering.EndedAsync(roomId, CancellationToken.None).ConfigureAwait(false);
            var found = await rooms.FindAsync(roomId, CancellationToken.None).ConfigureAwait(false);
            if (found is not { Local.Joined.Count: > 0 }
                && await stripped.ReceiveAsync(roomId, json, CancellationToken.None).ConfigureAwait(false)
                    is var (id, reason))
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
            if (!read.IsOk) continue;
            results[read.Value.EventId] = "";
            if (snapshot.Local.Joined.Count == 0)
            {
                results[read.Value.EventId] = "This server has no user in the room.";
                continue;
            }

            if (!denied.TryGetValue(snapshot.Room.Nid, out var isDenied))
            {
                isDenied = await access.DeniesAsync(origin, snapshot, CancellationToken.None).ConfigureAwait(false);
                denied[snapshot.Room.Nid] = isDenied;
            }

            if (isDenied)
            {
                results[read.Value.EventId] = ServerAccess.Denied.Message;
                continue;
            }

            if (!byRoom.TryGetValue(snapshot.Room, out var ofRoom)) byRoom[snapshot.Room] = ofRoom = [];
            ofRoom.Add(read.Value);
        }

        await Task.WhenAll(byRoom.Select(
            each => InRoomAsync(origin, each.Key, each.Value, results))).ConfigureAwait(false);

        return JsonObject.OfSeq([("pdus", Json.NewObject(JsonObject.OfSeq(results.Select(each =>
            (each.Key, Json.NewObject(each.Value.Length == 0
                ? JsonObject.Empty
                : JsonObject.OfSeq([("error", Json.NewString(each.Value))])))))))]);
    }

    /// <summary>
    /// Receives the events of one room. An event that cannot be stored harms no other: they are received one by one
    /// then, and it gets an error. If the storage fails, or the room is busy, the transaction fails, and its server
    /// sends it again.
    /// </summary>
    /// <exception cref="StorageException">The storage failed, or too many requests wait for the room.</exception>
    private async Task InRoomAsync(
        string origin,
        RoomIdentity room,
        List<ReceivedPdu> pdus,
        ConcurrentDictionary<string, string> results)
    {
        RoomResult<IReadOnlyDictionary<string, string>> received;
        try
        {
            received = await receiver.ReceiveAsync(origin, room, pdus, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is not StorageException { Failure: not StorageFailure.Rejected })
        {
            NotStored(fault, room.RoomId, origin);
            if (pdus.Count == 1) results[pdus[0].EventId] = "This server cannot store the event.";
            else foreach (var pdu in pdus) await InRoomAsync(origin, room, [pdu], results).ConfigureAwait(false);
            return;
        }

        if (!received.IsOk && received.Failure.Kind is RoomFailureKind.Busy or RoomFailureKind.BadState)
        {
            throw new StorageException(StorageFailure.Overloaded, received.Failure!.Message);
        }

        foreach (var pdu in pdus)
        {
            if (!received.IsOk) results[pdu.EventId] = received.Failure.Message;
            else if (received.Value.TryGetValue(pdu.EventId, out var reason)) results[pdu.EventId] = reason;
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Events of {Origin} in {RoomId} were not stored")]
    private partial void NotStored(Exception fault, string roomId, string origin);

    /// <summary>The id that an event of room version 1 or 2 has; later versions need their rules.</summary>
    private static string? EventIdOf(JsonObject json) => json.Text("event_id");
}
