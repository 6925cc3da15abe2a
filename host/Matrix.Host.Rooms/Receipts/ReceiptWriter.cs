using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.Relations;
using Matrix.Host.Storage.Tables.Unread;

namespace Matrix.Host.Rooms.Receipts;

/// <summary>A marker that a user sets.</summary>
/// <param name="Type">One of <see cref="ReceiptTypes"/>.</param>
/// <param name="EventId">The event up to which the user has read.</param>
/// <param name="ThreadId">The thread, `main`, or empty for an unthreaded one; empty with `m.fully_read`.</param>
public readonly record struct Marker(string Type, string EventId, string ThreadId);

/// <summary>The reason why markers were not set.</summary>
public enum MarkerFault
{
    /// <summary>The markers were set.</summary>
    None,

    /// <summary>The user is not joined to such a room.</summary>
    NotJoined,

    /// <summary>There is no such event in the room.</summary>
    UnknownEvent,

    /// <summary>The event is not in the thread.</summary>
    NotInThread,
}

/// <summary>
/// Sets receipts and fully read markers. v1.19 client-server-api#receipts,
/// v1.19 client-server-api#read-and-unread-markers
/// </summary>
public sealed class ReceiptWriter(
    RoomSnapshots rooms,
    EventStore events,
    RelationsTable relationsTable,
    IStorageWriter writer,
    ReadingOptions options,
    TimeProvider time)
{
    /// <summary>
    /// Sets markers of a local user in a room, all or none, durably. A receipt before the user's current one changes
    /// nothing.
    /// </summary>
    public async ValueTask<MarkerFault> SetAsync(
        string userId, string roomId, IReadOnlyList<Marker> markers, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } snapshot
            || !snapshot.Local.IsJoined(userId))
        {
            return MarkerFault.NotJoined;
        }

        var batch = new WriteBatch(Authority.Nobody, markers.Count * 3);
        foreach (var marker in markers)
        {
            var stored = await events.ByIdAsync(snapshot.Room, marker.EventId, stop);
            if (stored is not { IsShown: true }) return MarkerFault.UnknownEvent;

            if (marker.Type == ReceiptTypes.FullyRead)
            {
                using var content = new ByteBuffer(128);
                content.Raw("{\"event_id\":"u8);
                CanonicalJson.WriteString(content, marker.EventId);
                content.Byte((byte)'}');
                batch.Add(new AccountDataPut(userId, snapshot.Room.Nid, ReceiptTypes.FullyRead, content.ToArray()));
                continue;
            }

            EventNid? thread = null;
            if (marker.ThreadId.Length > 0)
            {
                thread = await ThreadAsync(snapshot, stored, marker.ThreadId, stop);
                if (thread is null) return MarkerFault.NotInThread;
            }

            var receipt = new ReceiptMoved(
                snapshot.Room.Nid,
                userId,
                marker.Type,
                marker.ThreadId,
                stored.Nid,
                marker.EventId,
                time.GetUtcNow().ToUnixTimeMilliseconds(),
                IsLocal: true);
            Put(batch, receipt, options);
            batch.Add(new UnreadCleared(userId, snapshot.Room.Nid, stored.Nid, thread));
        }

        if (batch.Changes.Count > 0) await writer.WriteAsync(batch, stop);
        return MarkerFault.None;
    }

    /// <summary>Adds a receipt to a batch.</summary>
    internal static void Put(WriteBatch batch, ReceiptMoved receipt, ReadingOptions options)
    {
        batch.Add(receipt);
        if (receipt.ThreadId is "" or ReceiptTypes.MainThread) return;
        batch.Add(new ThreadReceiptsTrimmed(receipt.Room, receipt.UserId, receipt.Type, options.MaxReceiptThreads));
    }

    /// <summary>
    /// The root of the thread that a receipt names, or none for the main timeline; null if the event is not in the
    /// thread. The main timeline has all events outside threads, and thread roots. A thread has its events, its root,
    /// and events that lead to one of them by a chain of relations.
    /// </summary>
    private async ValueTask<EventNid?> ThreadAsync(
        RoomSnapshot snapshot, StoredEvent stored, string threadId, CancellationToken stop)
    {
        if (threadId == ReceiptTypes.MainThread) return stored.Row.ThreadRoot.IsNone ? EventNid.None : null;
        if (await events.ByIdAsync(snapshot.Room, threadId, stop) is not { } root) return null;
        if (stored.Row.ThreadRoot == root.Nid) return root.Nid;
        if (!await relationsTable.HasThreadAsync(snapshot.Room.Nid, threadId, stop))
        {
            return null;
        }

        var at = stored;
        for (var left = options.MaxReceiptRelations; at.Nid != root.Nid && at.Row.ThreadRoot != root.Nid; left--)
        {
            if (left == 0 || Relation.Of(at.Pdu.Content) is not { } relation) return null;
            if (await events.ByIdAsync(snapshot.Room, relation.ParentId, stop) is not { } parent)
            {
                return null;
            }

            at = parent;
        }

        return root.Nid;
    }
}

/// <summary>
/// The types of receipts. v1.19 client-server-api#receipts, v1.19 client-server-api#read-and-unread-markers
/// </summary>
public static class ReceiptTypes
{
    /// <summary>A read receipt that everyone in the room sees.</summary>
    public const string Read = "m.read";

    /// <summary>A read receipt that only its user sees.</summary>
    public const string ReadPrivate = "m.read.private";

    /// <summary>Fully read: no receipt, but account data of the user in the room.</summary>
    public const string FullyRead = EventTypes.FullyRead;

    /// <summary>The thread id of the main timeline.</summary>
    public const string MainThread = "main";
}
