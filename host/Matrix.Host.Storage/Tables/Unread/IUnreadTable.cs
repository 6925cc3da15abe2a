using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Unread;

/// <summary>
/// Unread counts. Events that notify by default are counted from the events themselves. There is a row only where a
/// user's own rules evaluated an event differently (a highlight, a rule of their own). Client-Server API, "Receiving
/// notifications".
/// </summary>
public interface IUnreadTable
{
    /// <summary>
    /// For each thread: the number of other senders' events with one of these notify classes, after
    /// <paramref name="after"/> and up to <paramref name="through"/>, and the user's own last message there. Reads all
    /// events in between, so callers keep the result and next time read only newer events.
    /// </summary>
    /// <param name="after">The event before the first.</param>
    /// <param name="asOf">Events redacted up to this event do not count.</param>
    ValueTask<IReadOnlyList<NotifyingCount>> CountNotifyingAsync(
        RoomNid room, EventNid after, EventNid through, EventNid asOf, int notifyClasses, string userId,
        CancellationToken stop);

    /// <summary>
    /// A user's own rows in a room after an event, in timeline order, without events that were redacted up to <paramref
    /// name="asOf"/>.
    /// </summary>
    ValueTask<IReadOnlyList<UnreadRow>> RowsAsync(
        string userId, RoomNid room, EventNid after, EventNid asOf, CancellationToken stop);

    /// <summary>
    /// The events to subtract from a count of those after <paramref name="first"/> and up to <paramref name="after"/>:
    /// those that a later redaction, up to <paramref name="through"/>, has redacted.
    /// </summary>
    ValueTask<IReadOnlyList<RedactedUnread>> RedactedAsync(
        string userId, EventNid first, EventNid after, EventNid through, CancellationToken stop);

    /// <summary>A user's own rows in all rooms, ordered by room.</summary>
    ValueTask<IReadOnlyList<UnreadRow>> RowsAsync(string userId, CancellationToken stop);
}

/// <summary>The number of events that notify in a thread.</summary>
/// <param name="ThreadRoot">None for the main timeline.</param>
/// <param name="LastOwn">The user's own last message there; none if there is none.</param>
public readonly record struct NotifyingCount(EventNid ThreadRoot, int Count, EventNid LastOwn);

/// <summary>A redacted event with its unread result before the redaction.</summary>
/// <param name="ThreadRoot">None for the main timeline.</param>
/// <param name="NotifyClass">The result of the default push rules.</param>
/// <param name="Kind">The result of the user's own rules.</param>
public readonly record struct RedactedUnread(
    EventNid Event, EventNid ThreadRoot, int NotifyClass, string Sender, UnreadKind Kind);

/// <summary>The result of a user's own rules where it differs from the default.</summary>
[Flags]
public enum UnreadKind
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>It highlights and notifies. A rule that highlights without notifying counts as nothing.</summary>
    Highlight = 1,

    /// <summary>It notifies, though it does not by default.</summary>
    Notify = 2,

    /// <summary>It does not notify, though it does by default.</summary>
    Silent = 4,
}

/// <summary>An event for which a user's own rules differ from the default.</summary>
/// <param name="ThreadRoot">None for the main timeline.</param>
public readonly record struct UnreadRow(EventNid Event, EventNid ThreadRoot, UnreadKind Kind);

/// <summary>A user's own rules evaluated an event differently from the default.</summary>
public sealed record UnreadAdded(string UserId, EventNid Event, EventNid ThreadRoot, UnreadKind Kind) : Change;

/// <summary>
/// Deletes the rows up to the event that a user has read, in one thread (none for the main timeline) or in all threads
/// (null).
/// </summary>
public sealed record UnreadCleared(string UserId, RoomNid Room, EventNid Through, EventNid? Thread) : Change;
