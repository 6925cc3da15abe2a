using Matrix.Core.Event;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Sending;

/// <summary>
/// Handles redactions in the room's lane. v1.19 rooms/v3#handling-redactions; v1.19 client-server-api#redactions
/// </summary>
internal sealed class Redactions(EventStore events, LaneState state, RoomsOptions options)
{
    /// <summary>The effect of a local redaction on its target.</summary>
    /// <param name="session">The session in the room's lane.</param>
    /// <param name="redaction">The redaction.</param>
    /// <param name="targetId">The event that it redacts.</param>
    internal async ValueTask<RedactionOutcome> OfAsync(
        LaneSession session, Pdu redaction, string targetId, CancellationToken stop)
    {
        var target = session.Undurable(targetId)
            ?? await events.ByIdAsync(session.Pending.Room, targetId, stop);
        return target is null
            ? new RedactionOutcome(
                await RefusesUnseenAsync(session, redaction, stop), null, IsWaiting: true)
            : await RedactAsync(session, redaction, target, stop);
    }

    /// <summary>
    /// Redacts an event, if the room's rules allow it. This server does not redact create events: a room does not work
    /// without one.
    /// </summary>
    private async ValueTask<RedactionOutcome> RedactAsync(
        LaneSession session, Pdu redaction, StoredEvent target, CancellationToken stop)
    {
        var room = session.Pending.Room;
        var levels = await state.SnapshotAsync(session, LaneState.Levels, stop);
        if (room.Rules.RefusesRedaction(redaction, target.Pdu, levels) is { } refused)
        {
            return new RedactionOutcome(RoomFailure.Of(refused), null, IsWaiting: false);
        }

        if (target.Pdu.Type == EventTypes.Create)
        {
            var failure = new RoomFailure(
                RoomFailureKind.Forbidden, "The event that created the room cannot be redacted.");
            return new RedactionOutcome(failure, null, IsWaiting: false);
        }

        if (target.IsRedacted) return default;
        var redacted = room.Rules.Redact(target.Pdu);
        var by = EventNid.Of(room.Nid, session.Pending.LastOrdinal + 1);
        var row = target.Row with { RedactedBy = by, Json = redacted.Canonical };
        return new RedactionOutcome(null, new EventRedacted(new StoredEvent(room, row, redacted)), IsWaiting: false);
    }

    /// <summary>
    /// The effect of an accepted redaction of another server. One whose target is not here, or that does not apply to
    /// it, is not shown. v1.19 rooms/v3#handling-redactions
    /// </summary>
    internal async ValueTask<RedactionOutcome> ReceivedAsync(
        LaneSession session, DecidedEvent redaction, string targetId, CancellationToken stop)
    {
        var room = session.Pending.Room;
        var target = session.Undurable(targetId)
            ?? await events.ByIdAsync(room, targetId, stop);
        if (target is null) return new RedactionOutcome(null, null, IsWaiting: true);

        var levels = await state.SnapshotAsync(session, LaneState.Levels, stop);
        if (target.Pdu.Type == EventTypes.Create || !room.Rules.AppliesRedaction(redaction.Event, target.Pdu, levels))
        {
            return new RedactionOutcome(null, null, IsWaiting: true);
        }

        if (target.IsRedacted) return default;
        var redacted = room.Rules.Redact(target.Pdu);
        var row = target.Row with { RedactedBy = EventNid.Of(room.Nid, redaction.Ordinal), Json = redacted.Canonical };
        return new RedactionOutcome(null, new EventRedacted(new StoredEvent(room, row, redacted)), IsWaiting: false);
    }

    /// <summary>
    /// The sender of an unknown event is unknown too: redacting it needs the power to redact others' events.
    /// </summary>
    private async ValueTask<RoomFailure?> RefusesUnseenAsync(LaneSession session, Pdu redaction, CancellationToken stop)
    {
        var levels = await state.SnapshotAsync(session, LaneState.Levels, stop);
        return session.Pending.Room.Rules.RefusesUnseenRedaction(redaction, levels) is { } refused
            ? RoomFailure.Of(refused)
            : null;
    }

    /// <summary>
    /// The redaction of an event that was known as an outlier and now gets its place, or that waited for it; none if
    /// there is none.
    /// </summary>
    internal async ValueTask<EventNid> OfReceivedAsync(
        LaneSession session, DecidedEvent decided, CancellationToken stop)
    {
        // The id of a local event is unknown before it is made, so no redaction waits for it.
        var waited = session.Pending.HasWaitingRedactions && !decided.IsLocal
            ? await EndWaitingAsync(session, decided, stop)
            : null;
        var earlier = decided.WasOutlier
            ? await OfOutlierAsync(session, decided, stop)
            : EventNid.None;
        return earlier.IsNone ? waited?.Nid ?? EventNid.None : earlier;
    }

    /// <summary>The redaction that was applied to an event as an outlier; none if there is none.</summary>
    private async ValueTask<EventNid> OfOutlierAsync(LaneSession session, DecidedEvent decided, CancellationToken stop)
    {
        // An undurable redaction has not reached the stored outlier yet. It is looked for first: one that becomes
        // durable in between is found in the database.
        var room = session.Pending.Room;
        var undurable = session.Events.Find(Applies);
        _ = undurable is null && session.AnyWaiting(stored =>
        {
            if (Applies(stored)) undurable = stored;
            return undurable is not null;
        });
        var outlier = await events.GetAsync(room, EventNid.Of(room.Nid, decided.OutlierOrdinal), stop);
        return outlier is { IsRedacted: true } ? outlier.Row.RedactedBy : undurable?.Nid ?? EventNid.None;

        bool Applies(StoredEvent stored) => stored.IsShown && stored.Pdu.Redacts == decided.Event.EventId;
    }

    /// <summary>
    /// Called when an event arrives that redactions waited for. Shows the valid ones, as if they had come after it, and
    /// applies the first. To an outlier the first is applied too, but all stay hidden until it has a place in the room:
    /// clients do not see it before. Null if none is valid. v1.19 rooms/v3#handling-redactions
    /// </summary>
    private async ValueTask<StoredEvent?> EndWaitingAsync(
        LaneSession session, DecidedEvent decided, CancellationToken stop)
    {
        var room = session.Pending.Room;
        var target = decided.Event;

        // Undurable ones first: one that becomes durable in between is found in the database.
        var waiting = new List<StoredEvent>(session.Events.Where(Waits));
        _ = session.AnyWaiting(stored =>
        {
            if (Waits(stored)) waiting.Add(stored);
            return false;
        });
        var durable = await events.WaitingRedactionsAsync(room, target.EventId, options.MaxWaitingRedactions, stop);
        waiting.AddRange(durable.Where(stored => waiting.TrueForAll(known => known.Nid != stored.Nid)));
        if (waiting.Count == 0) return null;

        if (!decided.IsOutlier) session.Write(new WaitingRedactionsDropped(room.Nid, target.EventId));
        var levels = await state.SnapshotAsync(session, LaneState.Levels, stop);
        StoredEvent? first = null;
        foreach (var stored in waiting.OrderBy(stored => stored.Nid.Value))
        {
            if (!room.Rules.AppliesRedaction(stored.Pdu, target, levels)) continue;
            first ??= stored;
            if (decided.IsOutlier) continue;
            var marks = (stored.Row.Marks & ~EventMarks.WaitingRedaction) | EventMarks.ShownLate;
            session.Write(new EventMarksChanged(stored.Nid, marks));
        }

        return first;

        bool Waits(StoredEvent stored) =>
            (stored.Row.Marks & EventStore.Hidden) == EventMarks.WaitingRedaction
            && stored.Pdu.Redacts == target.EventId;
    }
}

/// <summary>The effect of a redaction.</summary>
/// <param name="Failure">Why it is refused; null if it is allowed.</param>
/// <param name="Change">The event in its redacted form; null if nothing is left to redact.</param>
/// <param name="IsWaiting">Whether its target has not arrived. Clients get it only after its target.</param>
internal readonly record struct RedactionOutcome(RoomFailure? Failure, EventRedacted? Change, bool IsWaiting);
