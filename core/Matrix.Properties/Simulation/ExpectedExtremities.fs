namespace Matrix.Properties.Simulation

open System.Collections.Generic
open Matrix.Core.Room
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.State

/// The forward extremities after a decision, as they follow from the graph: v1.19 server-server-api#pdus
/// (`prev_events`), v1.19 server-server-api#rejection, v1.19 server-server-api#soft-failure; for events that come late,
/// docs/decisions/0050-old-events-across-gaps.md; for events with a state that a peer sent,
/// docs/decisions/0115-a-peers-state-is-taken-as-it-is.md.
[<RequireQualifiedAccess>]
module internal ExpectedExtremities =

    /// A server tries at most so many extremities one by one.
    let private mostTried = 4

    let private isRefused (known: KnownEvent) =
        known.Status <> EventStatus.Accepted && not known.IsOutlier

    /// The accepted events that these ids lead to, through refused ones only, whose previous events `next` returns.
    let private accepted (view: Store) (next: KnownEvent -> seq<string>) (ids: seq<string>) : HashSet<string> =
        let found = HashSet<string>()
        let met = HashSet<string>()
        let pending = Stack<string>(ids)

        while pending.Count > 0 do
            let id = pending.Pop()

            if met.Add id then
                match view.Find id with
                | null -> ()
                | known when known.Status = EventStatus.Accepted -> found.Add id |> ignore
                | known when isRefused known -> Seq.iter pending.Push (next known)
                | _ -> ()

        found

    /// The accepted events that an event descends from, without an accepted one between.
    let below (view: Store) (prevEvents: string[]) : HashSet<string> =
        accepted view (fun known -> Seq.ofArray known.Event.Pdu.PrevEvents) prevEvents

    /// Those of them whose states are in the state before the event, whatever peers sent.
    let private computedBelow (view: Store) (event: DecidedEvent) : HashSet<string> =
        let previous (known: KnownEvent) =
            match known.Provenance with
            | Provenance.Computed -> Seq.ofArray known.Event.Pdu.PrevEvents
            | Provenance.OnTrust -> Seq.empty

        if isNull event.StateFrom then
            accepted view previous event.Event.PrevEvents
        else
            HashSet()

    /// Whether an accepted event descends from this one. `staged` returns further followers, which are not decided yet.
    let isBuiltUpon (view: Store) (staged: string -> seq<string>) (id: string) : bool =
        let met = HashSet<string>()
        let pending = Stack<string>([ id ])
        let mutable found = false

        while not found && pending.Count > 0 do
            let next = pending.Pop()

            if met.Add next then
                for follower in Seq.append (view.Following next) (staged next) do
                    match view.Find follower with
                    | NonNull known when known.Status = EventStatus.Accepted && not known.IsOutlier -> found <- true
                    | _ -> pending.Push follower

        found

    /// Whether an event is a part of the current state already, as an outlier.
    let isInCurrentState (view: Store) (event: DecidedEvent) : bool =
        match view.Find event.Event.EventId, event.Event.StateKey with
        | NonNull known, NonNull key when known.IsOutlier && known.Status = EventStatus.Accepted ->
            match event.CurrentStateBefore.Find(event.Event.Type, key) with
            | null -> false
            | entry -> entry.EventId = event.Event.EventId
        | _ -> false

    /// Whether an event is older than the extremities, so that it becomes none.
    let isOld (view: Store) (event: DecidedEvent) : bool =
        event.IsHistory || isInCurrentState view event

    /// Whether the extremities after a decision are right. `isBuiltUpon` says that an accepted event descends from the
    /// event. `stateOf` resolves the states of some extremities, together with another state or null; it returns null
    /// if that is impossible. `isExact` says that the server resolves every conflict at once: if not, an extremity may
    /// stay that the current state does not need.
    let holds
        (view: Store)
        (event: DecidedEvent)
        (isBuiltUpon: bool)
        (stateOf: StateTree | null -> ForwardExtremity[] -> StateTree | null)
        (isExact: bool)
        : bool =
        let id = event.Event.EventId
        let before = view.Extremities
        let named = below view event.Event.PrevEvents
        let isNamed (e: ForwardExtremity) = named.Contains e.EventId

        let idsOf (extremities: seq<ForwardExtremity>) =
            extremities |> Seq.map _.EventId |> Set.ofSeq

        let after = idsOf event.Extremities

        let isState (left: ForwardExtremity[]) =
            match stateOf null before, stateOf null left with
            | NonNull whole, NonNull part -> StateTree.AreSame(whole, part)
            | _ -> false

        let without (e: ForwardExtremity) =
            Array.filter (fun (other: ForwardExtremity) -> other.EventId <> e.EventId)

        if isNull event.StateBefore then
            after = idsOf before
        elif isBuiltUpon then
            // It came after its descendants: what it names goes, as far as the current state stays the same.
            let left = before |> Array.filter (fun e -> after.Contains e.EventId)
            let gone = before |> Array.filter (fun e -> not (after.Contains e.EventId))
            let stayed = left |> Array.filter isNamed
            let others = before |> Array.filter (isNamed >> not)

            let isNeeded (e: ForwardExtremity) =
                left.Length = 1 || not (isState (without e before) && isState (without e left))

            after.Count = left.Length
            && left.Length > 0
            && Array.forall isNamed gone
            && (gone.Length = 0 || isState left)
            && (not isExact
                || stayed.Length = 0
                || ((others.Length = 0 || not (isState others))
                    && (gone.Length + stayed.Length > mostTried || Array.forall isNeeded stayed)))
        elif isOld view event || not event.Verdict.IsAccepted then
            after = idsOf before
        else
            let computed = computedBelow view event

            let doubtful =
                before |> Array.filter (fun e -> isNamed e && not (computed.Contains e.EventId))

            let areContained (extremities: ForwardExtremity list) =
                match event.StateBefore, stateOf event.StateBefore (Array.ofList extremities) with
                | NonNull state, NonNull both -> StateTree.AreSame(state, both)
                | _ -> false

            // All at once, or few one after the other, in their order.
            let rec gone found left =
                match left with
                | [] -> found
                | e :: others when areContained (found @ [ e ]) -> gone (found @ [ e ]) others
                | _ :: others -> gone found others

            let contained =
                match List.ofArray doubtful with
                | all when areContained all -> all
                | many when many.Length > mostTried -> []
                | few -> gone [] few

            let stays (e: ForwardExtremity) =
                not (isNamed e)
                || (Array.contains e doubtful && not (List.contains e contained))

            after = (before |> Array.filter stays |> idsOf).Add id
