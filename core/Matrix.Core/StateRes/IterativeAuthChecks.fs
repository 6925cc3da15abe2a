namespace Matrix.Core.StateRes

open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Event

/// A state against which events are checked one by one, and to which those that pass are applied.
/// v1.19 rooms/v12#definitions
[<Sealed>]
type internal IterativeAuthChecks
    (rules: AuthRules, graph: AuthGraph, startsFromUnconflicted: bool, create: AuthEvent | null) =

    let state = Dictionary<struct (string * string), int>()
    let applied = List<string>()
    let refused = List<struct (string * Matrix.Rules.Failure)>()
    let mutable keepsUnconflicted = false
    let mutable cited: IAuthState = Unchecked.defaultof<IAuthState>

    let startingWith (eventType: string) (stateKey: string) : int =
        match
            if startsFromUnconflicted then
                graph.UnconflictedAt(eventType, stateKey)
            else
                null
        with
        | null -> -1
        | id -> graph.Load(id, ResolutionError.EventMissing)

    // Entries missing from the state come from the event's own auth events.
    let seen = {
        new IAuthState with
            member _.Find(eventType, stateKey) =
                match state.TryGetValue(struct (eventType, stateKey)) with
                | true, n -> graph.Event n
                | _ ->
                    match startingWith eventType stateKey with
                    | -1 -> cited.Find(eventType, stateKey)
                    | n -> graph.Event n
    }

    /// Checks events in order.
    member _.Run(order: int[]) : unit =
        for n in order do
            if graph.Fault.IsNone then
                let pdu = (graph.Event n).Pdu
                cited <- AuthCheck.citedState graph create n

                match AuthCheck.decide rules graph seen n with
                | Decision.Allowed _ ->
                    state[struct (pdu.Type, string pdu.StateKey)] <- n
                    applied.Add pdu.EventId
                | Decision.Rejected failure -> refused.Add(struct (pdu.EventId, failure))

    /// The power levels event of the partially resolved state; -1 if there is none.
    member _.Levels: int =
        match state.TryGetValue(struct (EventTypes.PowerLevels, "")) with
        | true, n -> n
        | _ -> startingWith EventTypes.PowerLevels ""

    /// From now on the result has the unconflicted entries, whatever was applied at their keys.
    member _.KeepUnconflicted() = keepsUnconflicted <- true

    /// The applied entries; where unconflicted entries are kept, only those at keys where the states disagree.
    member _.Entries: ResolvedEntry[] = [|
        for KeyValue(struct (eventType, stateKey), n) in state do
            if not keepsUnconflicted || isNull (graph.UnconflictedAt(eventType, stateKey)) then
                {
                    Type = eventType
                    StateKey = stateKey
                    EventId = graph.Id n
                }
    |]

    /// The events that passed, in order.
    member _.Applied = applied.ToArray()

    /// The events that did not pass, in order.
    member _.Refused = refused.ToArray()
