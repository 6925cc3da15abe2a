using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Unread;

/// <summary>
/// What counts as unread: events that notify by default are counted from the events themselves, and there is a row only where a user's rules
/// made something else of an event (a highlight, a rule of their own). Client-Server API, "Receiving notifications".
/// </summary>
public interface IUnreadTable
{
    /// <summary>
    /// How many events after one number and up to another have any of these notify-class bits and another sender than the user, by thread, and
    /// the last message of the user's own there. Costs the events in between: keep the answer and ask for what came since.
    /// </summary>
    /// <param name="room">The room.</param>
    /// <param name="after">The event before the first.</param>
    /// <param name="through">The last event.</param>
    /// <param name="asOf">What a redaction up to this event redacted does not count.</param>
    /// <param name="notifyClasses">The bits.</param>
    /// <param name="userId">The user.</param>
    /// <param name="stop">Cancels the question.</param>
    ValueTask<IReadOnlyList<NotifyingCount>> CountNotifyingAsync(
        RoomNid room, EventNid after, EventNid through, EventNid asOf, int notifyClasses, string userId, CancellationToken stop);

    /// <summary>A user's own rows in a room after an event, in timeline order, but of what a redaction up to another redacted.</summary>
    ValueTask<IReadOnlyList<UnreadRow>> RowsAsync(string userId, RoomNid room, EventNid after, EventNid asOf, CancellationToken stop);

    /// <summary>
    /// The events after <paramref name="first"/> and up to <paramref name="after"/> that redactions after that and up to
    /// <paramref name="through"/> redacted: what is to be taken away from a count that had come as far as <paramref name="after"/>.
    /// </summary>
    ValueTask<IReadOnlyList<RedactedUnread>> RedactedAsync(
        string userId, EventNid first, EventNid after, EventNid through, CancellationToken stop);

    /// <summary>A user's own rows in all rooms, in order of rooms.</summary>
    ValueTask<IReadOnlyList<UnreadRow>> RowsAsync(string userId, CancellationToken stop);
}

/// <summary>How many events notify in a thread.</summary>
/// <param name="ThreadRoot">The thread's root; none for the main timeline.</param>
/// <param name="Count">How many.</param>
/// <param name="LastOwn">The user's last message there; none if they said nothing.</param>
public readonly record struct NotifyingCount(EventNid ThreadRoot, int Count, EventNid LastOwn);

/// <summary>An event that was redacted, and what it had been to a user.</summary>
/// <param name="Event">The event.</param>
/// <param name="ThreadRoot">Its thread's root; none for the main timeline.</param>
/// <param name="NotifyClass">What the default push rules had made of it.</param>
/// <param name="Sender">Its sender.</param>
/// <param name="Kind">What the user's own rules had made of it.</param>
public readonly record struct RedactedUnread(EventNid Event, EventNid ThreadRoot, int NotifyClass, string Sender, UnreadKind Kind);

/// <summary>What a user's rules made of an event that the default would not have.</summary>
[Flags]
public enum UnreadKind
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>It highlights, and notifies: what a rule highlights without notifying of it is no notification, and counts as nothing.</summary>
    Highlight = 1,

    /// <summary>It notifies, though it does not by default.</summary>
    Notify = 2,

    /// <summary>It does not notify, though it does by default.</summary>
    Silent = 4,
}

/// <summary>What a user's rules made of an event.</summary>
/// <param name="Event">The event.</param>
/// <param name="ThreadRoot">Its thread's root; none for the main timeline.</param>
/// <param name="Kind">What they made of it.</param>
public readonly record struct UnreadRow(EventNid Event, EventNid ThreadRoot, UnreadKind Kind);

/// <summary>A user's rules made something of an event that the default would not have.</summary>
public sealed record UnreadAdded(string UserId, EventNid Event, EventNid ThreadRoot, UnreadKind Kind) : Change;

/// <summary>A user read up to an event: rows up to it go, those of one thread (none for the main timeline) or of all (null).</summary>
public sealed record UnreadCleared(string UserId, RoomNid Room, EventNid Through, EventNid? Thread) : Change;
