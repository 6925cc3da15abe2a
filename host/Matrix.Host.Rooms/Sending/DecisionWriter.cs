using Matrix.Core.Room;
using Matrix.Core.Room.Incoming;
using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.State;

namespace Matrix.Host.Rooms.Sending;

/// <summary>
/// Turns a decision of the room's machine into changes: the event, newly numbered states, memberships. Memberships and
/// counts follow the difference of the room's current state before and after the decision, not the event.
/// </summary>
internal sealed class DecisionWriter(
    EventStore events, LaneState state, Redactions redactions, IPushEvaluation push, RoomsOptions options)
{
    private const string MemberType = "m.room.member";

    /// <summary>Writes the changes of a decision, and updates the session's room.</summary>
    /// <param name="session">The session in the room's lane.</param>
    /// <param name="decided">The decision.</param>
    /// <param name="sentAs">The device and transaction id of the request; null if no local device sent the
    /// event.</param>
    /// <param name="isWaiting">Whether the event is a redaction whose target has not arrived.</param>
    /// <param name="stop">Cancels reading.</param>
    internal async ValueTask<RoomResult<StoredEvent>> WriteAsync(
        LaneSession session, DecidedEvent decided, SentAs? sentAs, bool isWaiting, CancellationToken stop)
    {
        var pdu = decided.Event;
        var pending = session.Pending;
        var room = pending.Room.RoomId.Length > 0 ? pending.Room : pending.Room with { RoomId = pdu.RoomId };
        var nid = EventNid.Of(room.Nid, decided.Ordinal);

        // The id of a local event is unknown before it is made, so no redaction waits for it.
        var redaction = pending.HasWaitingRedactions && !decided.IsLocal
            ? await redactions.EndWaitingAsync(session, pdu, stop).ConfigureAwait(false)
            : null;
        if (redaction is not null) pdu = room.Rules.Redact(pdu);

        session.Pending = pending with
        {
            Room = room,
            LastOrdinal = Math.Max(pending.LastOrdinal, decided.Ordinal),
            Depth = decided.Extremities.Max(extremity => extremity.Depth),
            Extremities = decided.Extremities,
            HasWaitingRedactions = pending.HasWaitingRedactions || isWaiting,
        };
        var step = await StateAsync(session, decided, stop).ConfigureAwait(false);
        var row = new EventRow(
            nid,
            pdu.EventId,
            Position: 0,
            step,
            (pdu.IsState ? EventMarks.State : EventMarks.None)
                | (isWaiting ? EventMarks.WaitingRedaction : EventMarks.None),
            NotifyClass: 0,
            pdu.Sender,
            await ThreadRootAsync(session, StoredEvent.RelationOf(pdu.Type, pdu.Content), stop).ConfigureAwait(false),
            redaction?.Nid ?? EventNid.None,
            sentAs,
            pdu.Canonical);
        var stored = new StoredEvent(room, row, pdu);
        session.Events.Add(stored);
        if (!ReferenceEquals(decided.CurrentStateBefore, decided.CurrentStateAfter))
        {
            await MembershipsAsync(
                session, decided.CurrentStateBefore, decided.CurrentStateAfter, stop).ConfigureAwait(false);
        }

        if (stored.Relation is not null) session.Pending = session.Pending with { HasRelations = true };
        if (redaction is not null) session.Write(new EventRedacted(stored));
        if (isWaiting) session.Write(new RedactionWaits(nid, pdu.Redacts ?? "", options.MaxWaitingRedactions));

        // Hidden events notify nobody.
        if (isWaiting || redaction is not null) return stored;
        var inRoom = new EventInRoom(
            stored,
            session.Pending.Local,
            session.Pending.JoinedCount,
            (type, key) => state.EventAsync(session, type, key, stop));
        var outcome = await push.EvaluateAsync(inRoom, stop).ConfigureAwait(false);
        if (outcome.NotifyClass != 0) stored.Notifies(outcome.NotifyClass);
        foreach (var unread in outcome.Rows) session.Write(unread);
        return stored;
    }

    /// <summary>
    /// Numbers the state after the event and the current state, if they have no number yet. Returns the number of the
    /// state after the event.
    /// </summary>
    private async ValueTask<int> StateAsync(LaneSession session, DecidedEvent decided, CancellationToken stop)
    {
        var current = CurrentStep(session, decided);
        var after = decided.StateAfter ?? decided.CurrentStateAfter;
        return ReferenceEquals(after, decided.CurrentStateAfter) || StateTree.AreSame(after, decided.CurrentStateAfter)
            ? current
            : await StepOfAsync(session, decided, after, stop).ConfigureAwait(false);
    }

    /// <summary>The number of the current state after the decision: a new one if the state changed.</summary>
    private static int CurrentStep(LaneSession session, DecidedEvent decided)
    {
        var pending = session.Pending;
        if (ReferenceEquals(decided.CurrentStateBefore, decided.CurrentStateAfter)) return pending.CurrentStep;

        var since = pending.StepsSinceBase + 1;
        var current = decided.CurrentStateAfter;
        var checkpoint = StateCheckpoint.IsDue(since, branchesMeet: false)
            ? StateCheckpoint.Take(current, pending.NewestCheckpoint)
            : null;
        var step = Number(session, current, checkpoint);
        session.Pending = session.Pending with
        {
            State = checkpoint?.Tree ?? current,
            CurrentStep = step,
            StepsSinceBase = since,
        };
        if (checkpoint is null) return step;

        session.Machine.UseStored(checkpoint.Tree);
        session.Pending = session.Pending with
        {
            NewestCheckpoint = checkpoint.Header,
            BaseStep = step,
            StepsSinceBase = 0,
        };
        return step;
    }

    /// <summary>
    /// The number of a state other than the current one: the previous event's if it is the same state, else a new one.
    /// </summary>
    private async ValueTask<int> StepOfAsync(
        LaneSession session, DecidedEvent decided, StateTree tree, CancellationToken stop)
    {
        var room = session.Pending.Room;
        if (StateTree.AreSame(tree, session.Pending.State)) return session.Pending.CurrentStep;
        if (decided.StateBefore is { } before
            && StateTree.AreSame(before, tree)
            && decided.Event.PrevEvents is [var previousId])
        {
            var previous = session.Undurable(previousId)
                ?? await events.ByIdAsync(room, previousId, stop).ConfigureAwait(false);
            if (previous is not null) return previous.Row.Step;
        }

        return Number(session, tree, null);
    }

    /// <summary>Gives a state the next number; it is stored as a difference from the current state.</summary>
    private static int Number(LaneSession session, StateTree tree, StateCheckpoint? checkpoint)
    {
        var pending = session.Pending;
        var step = pending.LastStep + 1;
        var delta = StateStep.Between(pending.State, tree);
        session.Write(new StateNumbered(pending.Room.Nid, step, pending.CurrentStep, pending.BaseStep, delta)
        {
            Checkpoint = checkpoint,
        });
        session.Pending = pending with { LastStep = step };
        return step;
    }

    private async ValueTask MembershipsAsync(
        LaneSession session, StateTree before, StateTree after, CancellationToken stop)
    {
        foreach (var change in StateTree.Diff(before, after).Changes)
        {
            if (change.Type != MemberType) continue;
            var was = await MembershipAsync(session, change.Before, stop).ConfigureAwait(false);
            var became = await MembershipAsync(session, change.After, stop).ConfigureAwait(false);

            // An unknown membership leaves the user's membership as it was.
            if (change.After is not null && became is null) continue;
            var userId = change.StateKey;
            var isLocal = RoomNames.ServerOf(userId) == options.ServerName;
            var nid = change.After is { } entry ? EventNid.Of(session.Pending.Room.Nid, entry.Ordinal) : EventNid.None;
            session.Write(new MembershipChanged(session.Pending.Room.Nid, userId, was, became, nid, isLocal));
            var pending = session.Pending;
            session.Pending = pending with
            {
                JoinedCount = pending.JoinedCount + Delta(was, became, Membership.Join),
                InvitedCount = pending.InvitedCount + Delta(was, became, Membership.Invite),
                Local = isLocal ? pending.Local.With(userId, became == Membership.Join) : pending.Local,
            };
        }
    }

    private async ValueTask<Membership?> MembershipAsync(
        LaneSession session, StateEntry? entry, CancellationToken stop) =>
        entry is not null && await state.EventAsync(session, entry, stop).ConfigureAwait(false) is { } member
            ? LaneState.MembershipOf(member.Pdu)
            : null;

    private static int Delta(Membership? before, Membership? after, Membership counted) =>
        (after == counted ? 1 : 0) - (before == counted ? 1 : 0);

    /// <summary>The thread of an event with this relation: the thread that it names, or that of its parent.</summary>
    private async ValueTask<EventNid> ThreadRootAsync(LaneSession session, Relation? relation, CancellationToken stop)
    {
        if (relation is null) return EventNid.None;
        var parent = session.Undurable(relation.ParentId)
            ?? await events.ByIdAsync(session.Pending.Room, relation.ParentId, stop).ConfigureAwait(false);
        if (parent is null) return EventNid.None;
        return relation.RelType == "m.thread" ? parent.Nid : parent.Row.ThreadRoot;
    }
}
