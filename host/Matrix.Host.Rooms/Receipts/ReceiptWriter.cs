using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Views;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.Unread;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Rooms.Receipts;

/// <summary>A marker that a user sets.</summary>
/// <param name="Type">One of <see cref="ReceiptTypes"/>.</param>
/// <param name="EventId">Up to where.</param>
/// <param name="ThreadId">The thread, `main`, or empty for an unthreaded one; empty with `m.fully_read`.</param>
public readonly record struct Marker(string Type, string EventId, string ThreadId);

/// <summary>Why markers were not set.</summary>
public enum MarkerFault
{
    /// <summary>They were.</summary>
    None,

    /// <summary>The user is not joined to such a room.</summary>
    NotJoined,

    /// <summary>There is no such event in the room.</summary>
    UnknownEvent,

    /// <summary>The event is not in the thread.</summary>
    NotInThread,
}

/// <summary>Sets receipts and fully read markers. Client-Server API, "Receipts", "Read and unread markers".</summary>
public sealed class ReceiptWriter(RoomDirectory rooms, EventStore events, IStorageWriter writer, TimeProvider time)
{
    /// <summary>
    /// Sets markers of a local user in a room, all or none; durable when this answers. A receipt that is behind the one that is there changes
    /// nothing.
    /// </summary>
    public async ValueTask<MarkerFault> SetAsync(string userId, string roomId, IReadOnlyList<Marker> markers, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop).ConfigureAwait(false) is not { } view || !view.Local.IsJoined(userId)) return MarkerFault.NotJoined;

        var set = new WriteSet(markers.Count * 2);
        foreach (var marker in markers)
        {
            var stored = await events.ByIdAsync(view.Room, marker.EventId, stop).ConfigureAwait(false);
            if (stored is not { IsShown: true }) return MarkerFault.UnknownEvent;

            if (marker.Type == ReceiptTypes.FullyRead)
            {
                using var content = new ByteBuffer(128);
                content.Raw("{\"event_id\":"u8);
                CanonicalJson.writeString(content, marker.EventId);
                content.Byte((byte)'}');
                set.Add(new PutAccountData(userId, view.Room.Nid, ReceiptTypes.FullyRead, content.ToArray()));
                continue;
            }

            EventNid? thread = null;
            if (marker.ThreadId.Length > 0)
            {
                if (!await IsInThreadAsync(view, stored, marker.ThreadId, stop).ConfigureAwait(false)) return MarkerFault.NotInThread;
                thread = marker.ThreadId == ReceiptTypes.MainThread ? EventNid.None : await RootAsync(view, marker.ThreadId, stop).ConfigureAwait(false);
            }

            set.Add(new PutReceipt(
                view.Room.Nid,
                userId,
                marker.Type,
                marker.ThreadId,
                stored.Nid,
                marker.EventId,
                time.GetUtcNow().ToUnixTimeMilliseconds(),
                IsLocal: true));
            set.Add(new ClearUnread(userId, view.Room.Nid, stored.Nid, thread));
        }

        if (set.Operations.Count > 0) await writer.WriteAsync(set, stop).ConfigureAwait(false);
        return MarkerFault.None;
    }

    private async ValueTask<EventNid> RootAsync(RoomView view, string threadId, CancellationToken stop) =>
        await events.ByIdAsync(view.Room, threadId, stop).ConfigureAwait(false) is { } root ? root.Nid : EventNid.None;

    /// <summary>
    /// The main timeline has all that is in no thread, thread roots included. A thread's receipt may name its root as well, and what relates
    /// to the root otherwise than by the thread.
    /// </summary>
    private async ValueTask<bool> IsInThreadAsync(RoomView view, StoredEvent stored, string threadId, CancellationToken stop)
    {
        if (threadId == ReceiptTypes.MainThread) return stored.Row.ThreadRoot.IsNone;
        if (stored.EventId == threadId) return true;
        var root = await RootAsync(view, threadId, stop).ConfigureAwait(false);
        if (root.IsNone) return false;
        return stored.Row.ThreadRoot == root || Relation.Of(stored.Pdu.Content)?.ParentId == threadId;
    }
}
