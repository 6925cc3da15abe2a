namespace Matrix.Properties.Simulation

open Matrix.Core.Room.Incoming.Staging
open Matrix.Core.Room.Incoming.Graph

/// A violation in a run. Servers are given by name.
[<RequireQualifiedAccess>]
type Violation =
    /// Two honest servers that computed all of an event's ancestry have different states before it.
    | StatesBeforeDiffer of eventId: string * server: string * other: string
    /// Of two such servers, one rejected the event, by this clause.
    | VerdictsDiffer of eventId: string * server: string * other: string * clause: string
    /// A server accepted an event that its current state forbids, or soft-failed one that it allows.
    | SoftFailure of eventId: string * server: string
    /// A server's forward extremities are not the accepted events without accepted descendants.
    | Extremities of server: string
    /// The extremities after a decision are not those that follow from the ones before it and the graph.
    | ExtremitiesAfter of eventId: string * server: string
    /// A server soft-failed history from which an accepted event descends, or accepted what its current state forbids
    /// and no accepted event descends from.
    | History of eventId: string * server: string
    /// A decision that rests on what a peer returned is not marked so, or one that does not is.
    | Trust of eventId: string * server: string
    /// A state that a peer sent, or the decision on an event that rests on one, is not what another server computed,
    /// though nobody lied.
    | Misled of eventId: string * server: string
    /// An event entered a server's current state that was rejected, or that its auth events do not allow.
    | NotAllowed of eventId: string * server: string
    /// The current state that a decision names is not that of the extremities before it.
    | CurrentState of eventId: string * server: string
    /// An event's number is not the next one of its room.
    | Numbers of eventId: string * server: string
    /// A server refused its own event, which was built on `Prepare`.
    | Refused of server: string * refusal: AdoptionRefusal
    /// A server could not write an event of its own user, or its room refused one that the user has the power for.
    | Unwritable of server: string * why: string
    /// A server gave up an event that lacked nothing any more.
    | GivenUp of eventId: string * server: string
    /// After a failed flush or an eviction, a machine differs from its server's disk.
    | NotAsDurable of server: string
    /// Two honest servers have received the same events and hold different current states.
    | CurrentStatesDiffer of server: string * other: string

    /// Whether another one is of the same kind, of any event and servers.
    member this.IsLike(other: Violation) : bool =
        match this, other with
        | StatesBeforeDiffer _, StatesBeforeDiffer _
        | VerdictsDiffer _, VerdictsDiffer _
        | SoftFailure _, SoftFailure _
        | Extremities _, Extremities _
        | ExtremitiesAfter _, ExtremitiesAfter _
        | History _, History _
        | Trust _, Trust _
        | Misled _, Misled _
        | NotAllowed _, NotAllowed _
        | CurrentState _, CurrentState _
        | Numbers _, Numbers _
        | Refused _, Refused _
        | Unwritable _, Unwritable _
        | GivenUp _, GivenUp _
        | NotAsDurable _, NotAsDurable _
        | CurrentStatesDiffer _, CurrentStatesDiffer _ -> true
        | _ -> false

    override this.ToString() =
        match this with
        | StatesBeforeDiffer(id, a, b) -> $"{a} and {b} computed different states before {id}"
        | VerdictsDiffer(id, a, b, clause) -> $"one of {a} and {b} rejected {id} by {clause}, the other did not"
        | SoftFailure(id, a) -> $"{a} accepted {id} against its current state, or soft-failed it without cause"
        | Extremities a -> $"the forward extremities of {a} are not its accepted events without accepted descendants"
        | ExtremitiesAfter(id, a) -> $"{a} has wrong forward extremities after {id}"
        | History(id, a) -> $"{a} soft-failed {id} as history, or accepted it, without cause"
        | Trust(id, a) -> $"{a} does not know whether {id} rests on what a peer returned"
        | Misled(id, a) -> $"{a} has another state before {id} than others, or another decision, though nobody lied"
        | NotAllowed(id, a) -> $"{id} is in the current state of {a}, and the rules do not allow it"
        | CurrentState(id, a) -> $"{a} decided {id} on a current state that is not that of its extremities"
        | Numbers(id, a) -> $"{a} gave {id} a number that was not the next one"
        | Refused(a, refusal) -> $"{a} refused an event of its own: {refusal}"
        | Unwritable(a, why) -> $"a user of {a} could not write: {why}"
        | GivenUp(id, a) -> $"{a} gave up {id}, though it has all that the event needs"
        | NotAsDurable a -> $"the machine of {a} differs from its disk"
        | CurrentStatesDiffer(a, b) -> $"{a} and {b} received the same events and have different current states"

/// Counts of a run.
type Seen = {
    /// Events decided by any honest server.
    Events: int
    /// Decisions of honest servers.
    Decisions: int
    /// Decisions of type `Computed` that were compared with another server's.
    Compared: int
    /// Decisions on events with several previous events whose states differ.
    Merges: int
    Rejected: int
    SoftFailed: int
    /// Decisions on outliers.
    Outliers: int
    /// Decisions of type `OnTrust`.
    OnTrust: int
    /// Decisions on a state that a peer sent.
    StatesFetched: int
    /// Decisions on history.
    History: int
    /// Those on history from which no accepted event descends.
    Branches: int
    /// Outliers of a state that came as events later, while the current state had them.
    Old: int
    /// Events that entered a current state only as a part of a state that a peer sent.
    Inserted: int
    /// Servers that took something on trust that differs from what others computed.
    Misled: int
    /// Servers whose current states were compared at the end.
    Settled: int
    /// Servers that are in the room by their own state, and whose events the others soft-fail.
    Apart: int
    Dropped: int
    /// Received events that were remembered, since no peer had what they lack.
    Remembered: int
    /// Dropped events without a required signature.
    Unsigned: int
    /// Dropped events of which no peer had an auth event.
    WithoutAuthEvents: int
    /// Lies sent.
    Lies: int
    /// Those with extreme values.
    Extremes: int
    /// Responses in which the Byzantine server withheld something.
    Withheld: int
    /// False states that it gave.
    FalseStates: int
    Lost: int
    Crashes: int
    /// Failed flushes.
    FailedFlushes: int
    /// Evicted machines.
    Evictions: int
}
