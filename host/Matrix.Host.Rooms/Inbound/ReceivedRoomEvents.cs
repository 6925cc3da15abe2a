using System.Collections.Concurrent;
using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Servers;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Receives the events of one room that another server sent in a transaction: reads them, and has the room decide them.
/// The room is here.
/// </summary>
public sealed partial class ReceivedRoomEvents(
    RoomSnapshots rooms,
    ServerAccess access,
    RoomReceiver receiver,
    EnteringRooms entering,
    IStrippedRoomEvents stripped,
    RoomsOptions options,
    TimeProvider time,
    ILogger<ReceivedRoomEvents> log)
{
    /// <summary>
    /// The most attempts to store events of a room. After the first one the room decides one event at a time, and after
    /// the second one it does without an event that was refused alone.
    /// </summary>
    private const int MostAttempts = 3;

    private readonly FullRooms _full = new(options.Receiving, time);

    /// <summary>Receives events of a transaction that came to another node.</summary>
    /// <returns>Why the transaction fails, or null, and an entry for each event that has an id: empty if it was taken.
    /// </returns>
    /// <exception cref="StorageException">The storage failed.</exception>
    internal async ValueTask<(RoomFailure? Failure, IReadOnlyList<KeyValuePair<string, string>> Results)> ReceiveAsync(
        string origin, string roomId, IReadOnlyList<JsonObject> pdus, CancellationToken stop)
    {
        var results = new ConcurrentDictionary<string, string>();
        var read = await ReadAsync(origin, roomId, pdus, results, stop);
        var failure = await DecideAsync(origin, read, null, results, stop);
        return (failure, [.. results]);
    }

    /// <summary>Has the room decide the events that were read.</summary>
    /// <returns>Why the transaction fails; null if it does not.</returns>
    internal async ValueTask<RoomFailure?> DecideAsync(
        string origin,
        (RoomIdentity? Room, List<ReceivedPdu> Pdus) read,
        UnknownEvents? unknown,
        ConcurrentDictionary<string, string> results,
        CancellationToken stop) =>
        read.Pdus.Count == 0 ? null : await InRoomAsync(origin, read.Room!, read.Pdus, unknown, results, stop);

    /// <summary>
    /// Reads the events of one room, in their order, and returns those that its machine decides. A malformed event is
    /// named by its id if it has one: in later versions, that is the hash of what was sent. In a room that is not known
    /// here, only versions 1 and 2 have ids.
    /// </summary>
    internal async Task<(RoomIdentity? Room, List<ReceivedPdu> Pdus)> ReadAsync(
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

    /// <summary>The id that an event of room version 1 or 2 has; later versions need their rules.</summary>
    private static string? EventIdOf(JsonObject json) => json.Text("event_id");
}
