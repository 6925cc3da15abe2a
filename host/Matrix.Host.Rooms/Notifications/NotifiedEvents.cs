using Matrix.Core.Event;
using Matrix.Core.Push;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Threads;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.Unread;

namespace Matrix.Host.Rooms.Notifications;

/// <summary>
/// What an event that is stored means to one user: the outcome of their push rules, and whether they have read it. The
/// rules and the room are taken as they are now. v1.19 client-server-api#push-rules,
/// v1.19 client-server-api#marking-notifications-as-read
/// </summary>
public sealed class NotifiedEvents(
    ILocalUsers users,
    IThreadSubscribers threads,
    StateReader state,
    IEventsTable eventsTable,
    ReceiptsTable receiptsTable,
    UnreadTable unreadTable,
    RoomsOptions options)
{
    /// <summary>The outcome of the user's push rules for an event of the room.</summary>
    public async ValueTask<PushOutcome> OutcomeAsync(
        RoomSnapshot room, StoredEvent stored, string userId, CancellationToken stop)
    {
        var push = await PushEvents.OfAsync(
            stored, room.JoinedCount, (type, key) => state.EventAsync(room, type, key, stop), options.PushPatternSteps);
        var own = await users.PushRulesAsync(userId, stop);
        string? displayName = own is null
            ? null
            : (await state.ContentAsync(room, EventTypes.Member, userId, stop))
                ?.Text("displayname");
        var subscribers = PushEvents.RootOf(stored) is { } rootId
            ? await threads.OfAsync([userId], stored.Nid.Room, rootId, stop)
            : null;
        return (own ?? Ruleset.Default(userId)).Evaluate(
            push, displayName, PushEvents.ThreadOf(subscribers, userId));
    }

    /// <summary>
    /// The outcome of the user's push rules for an invite to a room that this server is not in: nothing is known of the
    /// room's members and levels.
    /// </summary>
    public async ValueTask<PushOutcome> InviteOutcomeAsync(
        StoredEvent invite, string userId, CancellationToken stop)
    {
        var push = await PushEvents.OfAsync(
            invite, 0, static (_, _) => ValueTask.FromResult<StoredEvent?>(null), options.PushPatternSteps);
        var own = await users.PushRulesAsync(userId, stop);
        return (own ?? Ruleset.Default(userId)).Evaluate(push, null);
    }

    /// <summary>
    /// How far the user has read a room: by their receipts, public and private ones, and by their own messages, each of
    /// which reads what came before it in its thread. Reads all events from the first one on that no receipt covers.
    /// </summary>
    /// <param name="first">The first event that is asked about: messages before it read nothing of that.</param>
    public async ValueTask<ReadPositions> ReadAsync(
        RoomNid room, string userId, EventNid first, CancellationToken stop)
    {
        var receipts = await receiptsTable.OfUserAsync(room, userId, stop);
        var threads = receipts.Select(receipt => receipt.ThreadId).Where(IsRoot).Distinct().ToArray();
        var roots = threads.Length == 0
            ? null
            : await eventsTable.NidsAsync(room, threads, stop);
        var read = ReadPositions.Since(0);
        foreach (var receipt in receipts)
        {
            var at = receipt.Event.Value;
            if (receipt.ThreadId.Length == 0) read = read.ReadAll(at);
            else if (receipt.ThreadId == ReceiptTypes.MainThread) read = read.ReadThread(EventNid.None.Value, at);
            else if (roots!.TryGetValue(receipt.ThreadId, out var root)) read = read.ReadThread(root.Value, at);
        }

        var last = EventNid.LastOf(room);
        var after = new EventNid(Math.Max(first.Value, read.Unthreaded));
        var own = await unreadTable.CountNotifyingAsync(room, after, last, last, 0, userId, stop);
        foreach (var thread in own) read = read.ReadThread(thread.ThreadRoot.Value, thread.LastOwn.Value);
        return read;
    }

    /// <summary>Whether an event is at or before these positions.</summary>
    public static bool IsRead(StoredEvent stored, ReadPositions read) =>
        stored.Nid.Value <= read.Of(stored.Row.ThreadRoot.Value);

    private static bool IsRoot(string threadId) => threadId.Length > 0 && threadId != ReceiptTypes.MainThread;
}
