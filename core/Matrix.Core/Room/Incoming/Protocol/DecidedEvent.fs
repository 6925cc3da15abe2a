namespace Matrix.Core.Room.Incoming.Protocol

open Matrix.Rules
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Core.Room.Incoming.Facts

/// A decision about an event.
[<Sealed>]
type DecidedEvent
    internal
    (
        number: int64,
        verdict: Verdict,
        known: KnownEvent,
        stateBefore: StateTree | null,
        stateAfter: StateTree | null,
        outlierOrdinal: uint32,
        stateFrom: string | null,
        isLocal: bool,
        extremities: ForwardExtremity[],
        currentStateBefore: StateTree,
        gapsOpened: string[],
        closesGap: bool,
        isHistory: bool
    ) =

    /// The decision's number on this machine. Numbers rise, and none is used twice.
    member _.Number = number

    /// The event.
    member _.Event = known.Event.Pdu

    /// The verdict; `Rejected` and `SoftFailed` name the clause.
    member _.Verdict = verdict

    /// The parts of the event that later events need.
    member _.Known = known

    /// The event's number in its room. Entries of states keep the number under which they were made.
    member _.Ordinal = known.Ordinal

    /// The number that the event had as an outlier; 0 if it was none. It has another number now.
    member _.OutlierOrdinal = outlierOrdinal

    /// Whether it is an outlier: decided by its auth events alone.
    member _.IsOutlier = isNull stateAfter

    /// The dotted name of the rule that rejected or soft-failed it; "" if it was accepted.
    member _.RefusedBy =
        match verdict with
        | Verdict.Accepted -> ""
        | Verdict.Rejected failure
        | Verdict.SoftFailed failure -> failure.Clause

    /// What that rule required, and what was supplied; "" if the event was accepted.
    member _.Reason =
        match verdict with
        | Verdict.Accepted -> ""
        | Verdict.Rejected failure
        | Verdict.SoftFailed failure -> Failures.render failure

    /// The state that it was decided on; null for an outlier.
    member _.StateBefore = stateBefore

    /// The state after it; for a rejected event, the state before it; null for an outlier.
    member _.StateAfter = stateAfter

    /// Whether it was an outlier until now.
    member _.WasOutlier = outlierOrdinal > 0u

    /// The peer that sent the state before it, or part of it; null if this server computed it.
    member _.StateFrom = stateFrom

    /// Whether it was decided as history.
    member _.IsHistory = isHistory

    /// Whether this server made and adopted the event.
    member _.IsLocal = isLocal

    /// The room's forward extremities after the decision.
    member _.Extremities = extremities

    /// The gaps that it opens: ids in its `prev_events` that are not decided here, or only as outliers.
    member _.GapsOpened = gapsOpened

    /// Whether the event was, or may have been, a gap itself.
    member _.ClosesGap = closesGap

    /// The room's current state before the decision.
    member _.CurrentStateBefore = currentStateBefore

    /// The room's current state after the decision; the same object if it did not change. The change is the difference
    /// of the two, since state also changes by resolution.
    member val CurrentStateAfter = currentStateBefore with get, internal set
