using Matrix.Core.Event;
using Matrix.Core.Room;
using Matrix.Core.Room.Incoming;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Followers;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.State;

namespace Matrix.Host.Rooms.Sending;

/// <summary>
/// Turns a decision of the room's machine into changes: the event, newly numbered states, memberships. Memberships and
/// counts follow the difference of the room's current state before and after the decision, not the event.
/// </summary>
internal sealed class DecisionWriter(
    EventStore events,
    LaneState state,
    Redactions redactions,
    AuthChainWriter authChains,
    IPushEvaluation push,
    HiddenMembers hidden,
    NearSteps nearSteps,
    RoomsOptions options)
{
    /// <summary>Writes the changes of decisions about events of other servers. None of them waits any longer.</summary>
    /// <param name="session">The session in the room's lane.</param>
    /// <param name="output">The decisions, and the events that are dropped.</param>
    /// <param name="forAnother">The id of an event that this server sends to the room's other servers, for the sender's
    /// server; null if there is none.</param>
    internal async ValueTask ReceiveAsync(
        LaneSession session, Output output, string? forAnother, CancellationToken stop)
    {
        foreach (var decided in output.Decided)
        {
            var isForAnother = decided.Event.EventId == forAnother;
            await ReceiveAsync(session, decided, isForAnother, stop);

            // One that was decided as an outlier may be remembered until it can have its place.
            if (!session.Machine.IsRemembered(decided.Event.EventId)) session.Unstage(decided.Event.EventId);
        }

        foreach (var (id, _) in output.Dropped) session.Unstage(id);
    }

    private async ValueTask ReceiveAsync(
        LaneSession session, DecidedEvent decided, bool isForAnother, CancellationToken stop)
    {
        var redaction = decided is { Verdict.IsAccepted: true, IsOutlier: false, Event.Redacts: { } targetId }
            ? await redactions.ReceivedAsync(session, decided, targetId, stop)
            : default;
        if (redaction.Change is { } change) session.Write(change);
        var marks = (redaction.IsWaiting ? EventMarks.WaitingRedaction : EventMarks.None)
            | (isForAnother && decided.Verdict.IsAccepted ? EventMarks.ForAnother : EventMarks.None)
            | (!isForAnother && RoomNames.ServerOf(decided.Event.Sender) == options.ServerName
                ? EventMarks.Distributed
                : EventMarks.None);
        _ = await WriteAsync(session, decided, null, marks, stop);
    }

    /// <summary>
    /// The type of events that servers make to merge forward extremities. One that a local device sent is sent as any
    /// other event.
    /// </summary>
    internal const string DummyType = "org.matrix.dummy_event";

    /// <summary>Writes the changes of a decision, and updates the session's room.</summary>
    /// <param name="session">The session in the room's lane.</param>
    /// <param name="decided">The decision.</param>
    /// <param name="sentAs">The device and transaction id of the request; null if no local device sent the
    /// event.</param>
    /// <param name="marks">The marks beside those of the decision.</param>
    internal async ValueTask<RoomResult<StoredEvent>> WriteAsync(
        LaneSession session, DecidedEvent decided, SentAs? sentAs, EventMarks marks, CancellationToken stop)
    {
        var isWaiting = (marks & EventMarks.WaitingRedaction) != 0;
        var pdu = decided.Event;
        var pending = session.Pending;
        var room = pending.Room.RoomId.Length > 0 ? pending.Room : pending.Room with { RoomId = pdu.RoomId };
        var nid = EventNid.Of(room.Nid, decided.Ordinal);

        var redaction = await redactions.OfReceivedAsync(session, decided, stop);
        if (!redaction.IsNone) pdu = room.Rules.Redact(pdu);

        session.Pending = After(pending, room, decided, nid, isWaiting);
        if (decided.OutlierOrdinal != 0)
        {
            session.WriteFirst(new OutlierRenumbered(EventNid.Of(room.Nid, decided.OutlierOrdinal), nid));
        }

        marks |= MarksOf(decided) | (decided.IsHistory ? EventMarks.Backfilled : EventMarks.None);
        if (sentAs is null && !pdu.IsState && pdu.Type == DummyType) marks |= EventMarks.Dummy;
        var isShown = (marks & StoredEvent.Hidden) == 0;
        var step = decided.IsOutlier ? 0 : await StateAsync(session, decided, stop);
        if (step != 0 && IsBranched(decided))
        {
            marks |= EventMarks.Branched;
            session.Write(new StateBeforeNamed(nid, await StepOfAsync(session, decided, decided.StateBefore!, stop)));
        }

        var row = new EventRow(
            nid,
            pdu.EventId,
            Position: 0,
            step,
            marks,
            NotifyClass: 0,
            pdu.Sender,
            isShown
                ? await ThreadRootAsync(session, Relation.Of(pdu.Content), stop)
                : EventNid.None,
            redaction,
            sentAs,
            pdu.Canonical);
        var stored = new StoredEvent(room, row, pdu);
        session.Events.Add(stored);
        if (!ReferenceEquals(decided.CurrentStateBefore, decided.CurrentStateAfter))
        {
            // The room's state, not the machine's, which starts without one in a room that is joined again.
            await MembershipsAsync(session, pending.State, decided.CurrentStateAfter, stop);
        }

        if (session.Pending.IsFederated) await WriteGraphAsync(session, decided, stored, stop);
        if (isShown && stored.Relation is not null) session.Pending = session.Pending with { HasRelations = true };
        if (!redaction.IsNone) session.Write(new EventRedacted(stored));
        if (isWaiting) session.Write(new RedactionWaits(nid, pdu.Redacts ?? "", options.MaxWaitingRedactions));

        // Events that are not shown, and those of history, notify nobody.
        if (!isShown || !redaction.IsNone || decided.IsHistory) return stored;
        await NotifyAsync(session, decided, stored, stop);
        return stored;
    }

    /// <summary>The room after a decision, but for its state and members.</summary>
    private static PendingRoom After(
        PendingRoom before, RoomIdentity room, DecidedEvent decided, EventNid nid, bool isWaiting) => before with
        {
            Room = room,
            LastOrdinal = nid.IsLive ? Math.Max(before.LastOrdinal, decided.Ordinal) : before.LastOrdinal,
            FirstOrdinal = nid.IsHistory ? Math.Min(before.FirstOrdinal, decided.Ordinal) : before.FirstOrdinal,
            LastOutlier = nid.IsOutlier ? Math.Max(before.LastOutlier, decided.Ordinal) : before.LastOutlier,
            Depth = decided.Extremities.Length == 0 ? 0 : decided.Extremities.Max(extremity => extremity.Depth),
            Extremities = decided.Extremities,
            HasWaitingRedactions = before.HasWaitingRedactions || isWaiting,
        };

    /// <summary>Evaluates the push rules of the room's local members.</summary>
    private async ValueTask NotifyAsync(
        LaneSession session, DecidedEvent decided, StoredEvent stored, CancellationToken stop)
    {
        var inRoom = new EventInRoom(
            stored,
            session.Pending.Local,
            session.Pending.JoinedCount,
            await hidden.OfAsync(session, decided, stop),
            (type, key) => state.EventAsync(session, type, key, stop));
        var outcome = await push.EvaluateAsync(inRoom, stop);
        if (outcome.NotifyClass != 0) stored.Notifies(outcome.NotifyClass);
        foreach (var unread in outcome.Rows) session.Write(unread);
    }

    /// <summary>
    /// Whether the state before a state event is not the one from which the step of the state after it differs. That is
    /// the current state before it; but if the current state becomes another one than the state after it, the one that
    /// it becomes.
    /// </summary>
    private static bool IsBranched(DecidedEvent decided)
    {
        if (decided is not { Event.IsState: true, Verdict.IsRejected: false, StateBefore: { } before }) return false;
        if (!StateTree.AreSame(before, decided.CurrentStateBefore)) return true;
        return !ReferenceEquals(decided.CurrentStateBefore, decided.CurrentStateAfter)
            && decided.StateAfter is { } after
            && !StateTree.AreSame(after, decided.CurrentStateAfter);
    }

    private static EventMarks MarksOf(DecidedEvent decided) =>
        (decided.Event.IsState ? EventMarks.State : EventMarks.None)
        | (decided.Verdict.IsRejected ? EventMarks.Rejected : EventMarks.None)
        | (decided.Verdict.IsSoftFailed ? EventMarks.SoftFailed : EventMarks.None)
        | (decided.IsOutlier ? EventMarks.Outlier : EventMarks.None)
        | (decided.Known.Provenance.IsOnTrust && !decided.IsOutlier ? EventMarks.OnTrust : EventMarks.None);

    /// <summary>
    /// Writes what later decisions in a room with other servers look up: why the event was refused, whom it follows if
    /// that is no accepted event, the gap that it closes, and the auth events of a state event.
    /// </summary>
    private async ValueTask WriteGraphAsync(
        LaneSession session, DecidedEvent decided, StoredEvent stored, CancellationToken stop)
    {
        if (decided.RefusedBy.Length > 0)
        {
            session.Write(new EventRefused(stored.Nid, decided.RefusedBy, decided.Reason));
        }

        if (decided.ClosesGap) session.Write(new GapClosed(stored.Room.Nid, stored.EventId));
        if (!decided.IsLocal && !decided.IsOutlier)
        {
            foreach (var previous in decided.Event.PrevEvents)
            {
                var isGap = decided.GapsOpened.Contains(previous) || session.Machine.Gaps.Has(previous);
                if (isGap || session.Machine.Known(previous) is { Status.IsAccepted: false })
                {
                    session.Write(new FollowerDecided(stored.Nid, previous, isGap));
                }
            }
        }

        if (decided.Event.IsState && !decided.Verdict.IsRejected)
        {
            await authChains.WriteAsync(session, decided.Known, stored, stop);
        }
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
            : await StepOfAsync(session, decided, after, stop);
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
        var delta = StateStep.Between(pending.State, current);
        var step = Number(session, pending.CurrentStep, pending.BaseStep, delta, checkpoint);
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
    /// It is stored as a difference from the previous event's state, which is near, or else from the current one.
    /// </summary>
    private async ValueTask<int> StepOfAsync(
        LaneSession session, DecidedEvent decided, StateTree tree, CancellationToken stop)
    {
        var room = session.Pending.Room;
        if (StateTree.AreSame(tree, session.Pending.State)) return session.Pending.CurrentStep;

        var pending = session.Pending;
        var (parent, parentState) = (pending.CurrentStep, pending.State);
        var chain = new StepChain(pending.BaseStep, pending.StepsSinceBase);

        // A state that another server returned need not be the one after the previous event here.
        if (decided is { StateFrom: null, StateBefore: { } before } && decided.Event.PrevEvents is [var previousId])
        {
            var previous = session.Undurable(previousId)
                ?? await events.ByIdAsync(room, previousId, stop);
            if (previous is not null && (previous.Row.Marks & EventMarks.Outlier) == 0)
            {
                var near = previous.Row.Step;
                if (StateTree.AreSame(before, tree)) return near;
                if (near != parent
                    && await nearSteps.BelowAsync(session, near, stop) is { } below)
                {
                    (parent, parentState, chain) = (near, before, below);
                }
            }
        }

        var step = Number(session, parent, chain.Base, StateStep.Between(parentState, tree), null);
        session.Chains[step] = chain with { Length = chain.Length + 1 };
        return step;
    }

    /// <summary>Gives a state the next number; it is stored as a difference from that of another step.</summary>
    private static int Number(
        LaneSession session, int parent, int baseStep, StateStep delta, StateCheckpoint? checkpoint)
    {
        var pending = session.Pending;
        var step = pending.LastStep + 1;
        session.Write(new StateNumbered(pending.Room.Nid, step, parent, baseStep, delta) { Checkpoint = checkpoint });
        session.Pending = pending with { LastStep = step };
        return step;
    }

    private async ValueTask MembershipsAsync(
        LaneSession session, StateTree before, StateTree after, CancellationToken stop)
    {
        foreach (var change in StateTree.Diff(before, after).Changes)
        {
            if (change.Type != EventTypes.Member) continue;
            var was = await MembershipAsync(session, change.Before, stop);
            var became = await MembershipAsync(session, change.After, stop);

            // An unknown membership leaves the user's membership as it was.
            if (change.After is not null && became is null) continue;
            var userId = change.StateKey;
            var isLocal = RoomNames.ServerOf(userId) == options.ServerName;
            var nid = change.After is { } entry ? EventNid.Of(session.Pending.Room.Nid, entry.Ordinal) : EventNid.None;
            session.Write(new MembershipChanged(session.Pending.Room.Nid, userId, was, became, nid, isLocal));

            // Nothing was heard of their devices while they shared no room. A client that did not see them go must
            // query them again.
            var isBack = became == Membership.Join && was is not (null or Membership.Join);
            if (isBack && !isLocal) session.Write(new DeviceListChanged(userId));
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
        entry is not null && await state.EventAsync(session, entry, stop) is { } member
            ? LaneState.MembershipOf(member.Pdu)
            : null;

    private static int Delta(Membership? before, Membership? after, Membership counted) =>
        (after == counted ? 1 : 0) - (before == counted ? 1 : 0);

    /// <summary>The thread of an event with this relation: the thread that it names, or that of its parent.</summary>
    private async ValueTask<EventNid> ThreadRootAsync(LaneSession session, Relation? relation, CancellationToken stop)
    {
        if (relation is null) return EventNid.None;
        var parent = session.Undurable(relation.ParentId)
            ?? await events.ByIdAsync(session.Pending.Room, relation.ParentId, stop);
        if (parent is null) return EventNid.None;
        return relation.RelType == "m.thread" ? parent.Nid : parent.Row.ThreadRoot;
    }
}
