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
/// Makes changes of a decision of the room's machine: the event, the states that need a number, who became what. The current state, and so
/// memberships and counts, follow the difference of the room's state before the decision and after it.
/// </summary>
internal sealed class DecisionWriter(EventStore events, LaneState state, Redactions redactions, IPushEvaluation push, RoomsOptions options)
{
    private const string MemberType = "m.room.member";

    /// <summary>Writes what follows from a decision, and moves the turn's room on.</summary>
    /// <param name="turn">The turn in the room's lane.</param>
    /// <param name="decided">The decision.</param>
    /// <param name="sentAs">The device and transaction id that the event was sent with; null if no device of ours sent it.</param>
    /// <param name="isWaiting">Whether it is a redaction whose event is not here.</param>
    /// <param name="stop">Cancels reading.</param>
    internal async ValueTask<RoomResult<StoredEvent>> WriteAsync(
        LaneTurn turn, DecidedEvent decided, SentAs? sentAs, bool isWaiting, CancellationToken stop)
    {
        var pdu = decided.Event;
        var head = turn.Head;
        var room = head.Room.RoomId.Length > 0 ? head.Room : head.Room with { RoomId = pdu.RoomId };
        var nid = EventNid.Of(room.Nid, decided.Ordinal);

        // Nobody knows the id of an event that this server is about to make, so no redaction waits for it.
        var redaction = head.HasWaitingRedactions && !decided.IsLocal
            ? await redactions.EndWaitingAsync(turn, pdu, stop).ConfigureAwait(false)
            : null;
        if (redaction is not null) pdu = room.Rules.Redact(pdu);

        turn.Head = head with
        {
            Room = room,
            LastOrdinal = Math.Max(head.LastOrdinal, decided.Ordinal),
            Depth = decided.Extremities.Max(extremity => extremity.Depth),
            Extremities = decided.Extremities,
            HasWaitingRedactions = head.HasWaitingRedactions || isWaiting,
        };
        var step = await StateAsync(turn, decided, stop).ConfigureAwait(false);
        var row = new EventRow(
            nid,
            pdu.EventId,
            Position: 0,
            step,
            (pdu.IsState ? EventStanding.State : EventStanding.None) | (isWaiting ? EventStanding.WaitingRedaction : EventStanding.None),
            NotifyClass: 0,
            pdu.Sender,
            await ThreadRootAsync(turn, StoredEvent.RelationOf(pdu.Type, pdu.Content), stop).ConfigureAwait(false),
            redaction?.Nid ?? EventNid.None,
            sentAs,
            pdu.Canonical);
        var stored = new StoredEvent(room, row, pdu);
        turn.Events.Add(stored);
        if (!ReferenceEquals(decided.CurrentStateBefore, decided.CurrentStateAfter))
        {
            await MembershipsAsync(turn, decided.CurrentStateBefore, decided.CurrentStateAfter, stop).ConfigureAwait(false);
        }

        if (stored.Relation is not null) turn.Head = turn.Head with { HasRelations = true };
        if (redaction is not null) turn.Write(new EventRedacted(stored));
        if (isWaiting) turn.Write(new RedactionWaits(nid, pdu.Redacts ?? "", options.MaxWaitingRedactions));

        // What is not shown notifies nobody.
        if (isWaiting || redaction is not null) return stored;
        var inRoom = new EventInRoom(
            stored, turn.Head.Local, turn.Head.JoinedCount, (type, key) => state.EventAsync(turn, type, key, stop));
        var outcome = await push.EvaluateAsync(inRoom, stop).ConfigureAwait(false);
        if (outcome.NotifyClass != 0) stored.Notifies(outcome.NotifyClass);
        foreach (var unread in outcome.Rows) turn.Write(unread);
        return stored;
    }

    /// <summary>Numbers the state after the event, and the current state, where they have no number yet; answers the number of the former.</summary>
    private async ValueTask<int> StateAsync(LaneTurn turn, DecidedEvent decided, CancellationToken stop)
    {
        var current = CurrentStep(turn, decided);
        var after = decided.StateAfter ?? decided.CurrentStateAfter;
        return ReferenceEquals(after, decided.CurrentStateAfter) || StateTree.AreSame(after, decided.CurrentStateAfter)
            ? current
            : await StepOfAsync(turn, decided, after, stop).ConfigureAwait(false);
    }

    /// <summary>The number of the room's current state after the decision: a new one if the state changed.</summary>
    private static int CurrentStep(LaneTurn turn, DecidedEvent decided)
    {
        var head = turn.Head;
        if (ReferenceEquals(decided.CurrentStateBefore, decided.CurrentStateAfter)) return head.CurrentStep;

        var since = head.StepsSinceBase + 1;
        var current = decided.CurrentStateAfter;
        var checkpoint = StateCheckpoint.IsDue(since, branchesMeet: false) ? StateCheckpoint.Take(current, head.NewestCheckpoint) : null;
        var step = Number(turn, current, checkpoint);
        turn.Head = turn.Head with { State = checkpoint?.Tree ?? current, CurrentStep = step, StepsSinceBase = since };
        if (checkpoint is null) return step;

        turn.Machine.UseStored(checkpoint.Tree);
        turn.Head = turn.Head with { NewestCheckpoint = checkpoint.Header, BaseStep = step, StepsSinceBase = 0 };
        return step;
    }

    /// <summary>The number of a state that is not the current one: that of a previous event, if it is the state after it, else a new one.</summary>
    private async ValueTask<int> StepOfAsync(LaneTurn turn, DecidedEvent decided, StateTree tree, CancellationToken stop)
    {
        var room = turn.Head.Room;
        if (StateTree.AreSame(tree, turn.Head.State)) return turn.Head.CurrentStep;
        if (decided.StateBefore is { } before && StateTree.AreSame(before, tree) && decided.Event.PrevEvents is [var previousId])
        {
            var previous = turn.Undurable(previousId) ?? await events.ByIdAsync(room, previousId, stop).ConfigureAwait(false);
            if (previous is not null) return previous.Row.Step;
        }

        return Number(turn, tree, null);
    }

    /// <summary>Gives a state the next number, as a difference from the current state.</summary>
    private static int Number(LaneTurn turn, StateTree tree, StateCheckpoint? checkpoint)
    {
        var head = turn.Head;
        var step = head.LastStep + 1;
        var delta = StateStep.Between(head.State, tree);
        turn.Write(new StateNumbered(head.Room.Nid, step, head.CurrentStep, head.BaseStep, delta) { Checkpoint = checkpoint });
        turn.Head = head with { LastStep = step };
        return step;
    }

    private async ValueTask MembershipsAsync(LaneTurn turn, StateTree before, StateTree after, CancellationToken stop)
    {
        foreach (var change in StateTree.Diff(before, after).Changes)
        {
            if (change.Type != MemberType) continue;
            var was = await MembershipAsync(turn, change.Before, stop).ConfigureAwait(false);
            var became = await MembershipAsync(turn, change.After, stop).ConfigureAwait(false);

            // A membership that no specification knows leaves the user what they were.
            if (change.After is not null && became is null) continue;
            var userId = change.StateKey;
            var isLocal = RoomNames.ServerOf(userId) == options.ServerName;
            var nid = change.After is { } entry ? EventNid.Of(turn.Head.Room.Nid, entry.Ordinal) : EventNid.None;
            turn.Write(new MembershipChanged(turn.Head.Room.Nid, userId, was, became, nid, isLocal));
            var head = turn.Head;
            turn.Head = head with
            {
                JoinedCount = head.JoinedCount + Change(was, became, Membership.Join),
                InvitedCount = head.InvitedCount + Change(was, became, Membership.Invite),
                Local = isLocal ? head.Local.With(userId, became == Membership.Join) : head.Local,
            };
        }
    }

    private async ValueTask<Membership?> MembershipAsync(LaneTurn turn, StateEntry? entry, CancellationToken stop) =>
        entry is not null && await state.EventAsync(turn, entry, stop).ConfigureAwait(false) is { } member ? LaneState.MembershipOf(member.Pdu) : null;

    private static int Change(Membership? before, Membership? after, Membership counted) =>
        (after == counted ? 1 : 0) - (before == counted ? 1 : 0);

    /// <summary>The thread that a relation puts its event into: the thread itself, or that of the event related to.</summary>
    private async ValueTask<EventNid> ThreadRootAsync(LaneTurn turn, Relation? relation, CancellationToken stop)
    {
        if (relation is null) return EventNid.None;
        var parent = turn.Undurable(relation.ParentId)
            ?? await events.ByIdAsync(turn.Head.Room, relation.ParentId, stop).ConfigureAwait(false);
        if (parent is null) return EventNid.None;
        return relation.RelType == "m.thread" ? parent.Nid : parent.Row.ThreadRoot;
    }
}
