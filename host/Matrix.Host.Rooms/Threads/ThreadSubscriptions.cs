using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.ThreadSubscriptions;

namespace Matrix.Host.Rooms.Threads;

/// <summary>The outcome of a change of a subscription.</summary>
public enum SubscriptionOutcome
{
    /// <summary>The subscription is as the request wants it.</summary>
    Done,

    /// <summary>There is no such thread, or the user may not see its root.</summary>
    UnknownThread,

    /// <summary>There is no event that caused it, or the user may not see it.</summary>
    UnknownCause,

    /// <summary>The event that caused it is not in the thread.</summary>
    NotInThread,

    /// <summary>The user unsubscribed after the event that caused it.</summary>
    Conflict,

    /// <summary>The user has too many subscriptions.</summary>
    TooMany,
}

/// <summary>Users' subscriptions to threads: read, made and ended. MSC4306, which is not merged.</summary>
public sealed class ThreadSubscriptions(
    RoomAccess access,
    EventPages pages,
    RoomSnapshots rooms,
    ThreadSubscriptionsTable threadSubscriptionsTable,
    IStorageWriter writer,
    RoomsOptions options)
{
    private const string ThreadType = "m.thread";

    /// <summary>The user's subscription; null if there is none, or if they may not see the thread's root.</summary>
    public async ValueTask<SubscriptionState?> FindAsync(
        string userId, string roomId, string rootId, CancellationToken stop)
    {
        if (await ReadableAsync(userId, roomId, rootId, stop) is not { } readable) return null;
        var row = await threadSubscriptionsTable.FindAsync(readable.Room.Nid, rootId, userId, stop);
        return row is null or { State: SubscriptionState.Unsubscribed } ? null : row.State;
    }

    /// <summary>Subscribes a member to a thread.</summary>
    /// <param name="causeId">The event because of which a client does so; null if the user wishes it.</param>
    public async ValueTask<SubscriptionOutcome> SubscribeAsync(
        string userId, string roomId, string rootId, string? causeId, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } snapshot
            || !snapshot.Local.IsJoined(userId)
            || await ReadableAsync(userId, roomId, rootId, stop) is not { } readable)
        {
            return SubscriptionOutcome.UnknownThread;
        }

        StoredEvent? cause = null;
        if (causeId is not null)
        {
            cause = await pages.FindAsync(readable, causeId, stop);
            if (cause is null) return SubscriptionOutcome.UnknownCause;
            if (cause.Relation is not { RelType: ThreadType } relation || relation.ParentId != rootId)
            {
                return SubscriptionOutcome.NotInThread;
            }
        }

        var room = readable.Room.Nid;
        var row = await threadSubscriptionsTable.FindAsync(room, rootId, userId, stop);
        if (row is null)
        {
            await ForgetEndedAsync(userId, stop);
        }
        else if (row.State == SubscriptionState.Manual
            || (cause is not null && row.State == SubscriptionState.Automatic))
        {
            return SubscriptionOutcome.Done;
        }

        // The transaction decides: the user may be unsubscribing on another device.
        var subscribed = new ThreadSubscribed(
            room, rootId, userId, cause?.Row.Position, options.MaxThreadSubscriptions);
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(subscribed), stop);
        if (subscribed.Applied) return SubscriptionOutcome.Done;
        row = await threadSubscriptionsTable.FindAsync(room, rootId, userId, stop);
        return row switch
        {
            null => SubscriptionOutcome.TooMany,
            { State: SubscriptionState.Unsubscribed } => SubscriptionOutcome.Conflict,
            _ => SubscriptionOutcome.Done,
        };
    }

    /// <summary>Ends a subscription, if there is one.</summary>
    public async ValueTask<SubscriptionOutcome> UnsubscribeAsync(
        string userId, string roomId, string rootId, CancellationToken stop)
    {
        if (await ReadableAsync(userId, roomId, rootId, stop) is not { } readable)
        {
            return SubscriptionOutcome.UnknownThread;
        }

        var room = readable.Room.Nid;
        var row = await threadSubscriptionsTable.FindAsync(room, rootId, userId, stop);
        if (row is not (null or { State: SubscriptionState.Unsubscribed }))
        {
            var ended = new ThreadUnsubscribed(room, rootId, userId);
            await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(ended), stop);
        }

        return SubscriptionOutcome.Done;
    }

    /// <summary>
    /// A user's subscriptions that changed after a position, the latest before a place first; null for the end.
    /// </summary>
    public ValueTask<IReadOnlyList<ThreadChange>> ChangedAsync(
        string userId, long after, ThreadPlace? before, int limit, CancellationToken stop)
    {
        var end = ThreadPlace.EndOf(writer.PublishedPosition);
        var place = before is { } given && given.Position < end.Position ? given : end;
        return threadSubscriptionsTable.ChangedAsync(userId, after, place, limit, stop);
    }

    /// <summary>The part of the room that the user may read, if it has the thread's root.</summary>
    private async ValueTask<Readable?> ReadableAsync(
        string userId, string roomId, string rootId, CancellationToken stop)
    {
        var readable = await access.OfAsync(userId, roomId, stop);
        return readable.IsOk && await pages.FindAsync(readable.Value, rootId, stop) is not null
            ? readable.Value
            : null;
    }

    /// <summary>Makes space for a new subscription, if the user has as many as there may be.</summary>
    private async ValueTask ForgetEndedAsync(string userId, CancellationToken stop)
    {
        var count = await threadSubscriptionsTable.CountAsync(userId, stop);
        if (count < options.MaxThreadSubscriptions) return;
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(new EndedThreadsForgotten(userId)), stop);
    }
}
