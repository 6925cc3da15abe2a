namespace Matrix.Core.Room.Incoming

open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Core.StateRes

[<Sealed>]
type RoomMachine
    private
    (
        server: string,
        roomId: string,
        rules: AuthRules,
        resolver: StateResolver,
        history: IRoomHistory,
        extremities: ForwardExtremity[],
        nextOrdinal: uint32,
        limits: IncomingLimits,
        practices: Practices
    ) =

    // A merge is asked for as the current state, and again as the state before the event that merges.
    let keptMerges = 16

    let createId =
        match rules.Version.Settings.RoomIds with
        | RoomIdForm.WithDomain -> ""
        | RoomIdForm.HashOfCreate -> "$" + roomId.Substring 1

    let ledger = Ledger history
    let head = Head(extremities, nextOrdinal)
    let staging = Staging limits

    let gathering =
        Gathering(server, roomId, createId, ledger, staging, limits, practices)

    let ordinalOf (eventId: string) =
        match ledger.Find eventId with
        | null -> 0u
        | known -> known.Ordinal

    let merges =
        Merges(practices.Resolve(Merging.resolve resolver ledger ordinalOf limits.Resolution), keptMerges)

    let deciding = Deciding(rules, createId, ledger, merges, limits, practices, head)

    let absorb (fact: Fact) =
        match fact with
        | Fact.Received(_, Error fault) -> staging.Report("", DropReason.Malformed fault)
        | Fact.Received(peer, Ok event) -> gathering.Stage(event, peer, Effort(), false)
        | Fact.Made event -> gathering.Stage(event, "", Effort(), false)
        | Fact.Answered(number, answer) -> gathering.Answer(number, answer)
        | Fact.Durable decisions ->
            for known in decisions do
                ledger.Forget known

    let lookAtAll () =
        let earliest = lazy (Extremities.Choose(head.Extremities, limits.Extremities)).Ids

        let mutable next = staging.NextToDo()

        while not (isNull next) do
            match next with
            | null -> ()
            | s -> gathering.Look(s, earliest)

            next <- staging.NextToDo()

    let decide (decided: List<Decided>) (s: Staged) =
        if s.IsOutlier then
            decided.Add(deciding.Outlier s)
            staging.Remove s |> ignore
        else
            match deciding.Full s with
            | Ok decision ->
                decided.Add decision
                staging.Remove s |> ignore
            | Error error -> staging.Drop(s, DropReason.Unresolvable error)

    let rec goOn (decided: List<Decided>) =
        lookAtAll ()

        match staging.NextReady() with
        | null ->
            // Nothing is asked and nothing is ready: what is left waits for itself. A state that a peer told may be what holds it up.
            if staging.IsSilent && staging.Count > 0 then
                match staging.HoldingStates with
                | [||] ->
                    for s in Seq.toArray staging.All do
                        staging.Drop(s, DropReason.Circular)
                | held -> gathering.Unblock held

                goOn decided
        | s ->
            decide decided s
            goOn decided

    static member Of
        (
            server: string,
            roomId: string,
            rules: AuthRules,
            history: IRoomHistory,
            extremities: ForwardExtremity[],
            nextOrdinal: uint32,
            limits: IncomingLimits,
            practices: Practices
        ) : RoomMachine =
        RoomMachine(server, roomId, rules, StateResolver.Of rules, history, extremities, nextOrdinal, limits, practices)

    member _.Tell(facts: Fact[]) : Step =
        let decided = List<Decided>()

        for fact in facts do
            absorb fact

        goOn decided
        let struct (asks, dropped) = staging.Collect()

        {
            Asks = asks
            Decided = decided.ToArray()
            Dropped = dropped
        }

    member _.Outstanding = staging.Outstanding
    member _.Waiting = staging.Count
    member _.NotDurable = ledger.Recent
    member _.Extremities = head.Extremities
    member _.Current = deciding.Current
    member _.Known(eventId: string) = ledger.Find eventId
    member _.AuthState(state: StateTree) = ledger.AuthState state
