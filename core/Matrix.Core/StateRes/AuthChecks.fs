namespace Matrix.Core.StateRes

open System
open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Event

/// The iterative auth checks: a state that events are tried against one by one, and that takes those that pass.
/// Room versions, "State resolution", "Iterative auth checks".
[<Sealed>]
type internal AuthChecks(rules: AuthRules, graph: AuthGraph, startsFromUnconflicted: bool, create: AuthEvent | null) =

    let applied = Dictionary<struct (string * string), int>()
    let refused = List<struct (string * Matrix.Rules.Failure)>()
    let mutable current = -1
    let mutable cited: IAuthState = Unchecked.defaultof<IAuthState>

    let unconflicted (eventType: string) (stateKey: string) : AuthEvent | null =
        match graph.UnconflictedAt(eventType, stateKey) with
        | null -> null
        | id ->
            match graph.Load(id, ResolutionError.EventMissing) with
            | -1 -> null
            | n -> graph.Event n

    let find (eventType: string) (stateKey: string) : AuthEvent | null =
        match applied.TryGetValue(struct (eventType, stateKey)) with
        | true, n -> graph.Event n
        | _ ->
            let before =
                if startsFromUnconflicted then
                    unconflicted eventType stateKey
                else
                    null

            if isNull before then
                cited.Find(eventType, stateKey)
            else
                before

    let state = {
        new IAuthState with
            member _.Find(eventType, stateKey) = find eventType stateKey
    }

    // The event was received with valid signatures, or it would be in no state.
    let factsOf (n: int) : AuthFacts =
        let pdu = (graph.Event n).Pdu

        let signers =
            match Content.text pdu.Content "join_authorised_via_users_server" with
            | null -> [||]
            | user ->
                match user.IndexOf ':' with
                | -1 -> [||]
                | colon -> [| user.Substring(colon + 1) |]

        {
            AuthEvents =
                graph.Cited n
                |> Array.map (fun m -> {
                    Event = (graph.Event m).Pdu
                    Rejected = graph.IsRejected m
                })
            Signers = signers
            ThirdPartyKeys =
                graph.Cited n
                |> Array.collect (fun m ->
                    let event = (graph.Event m).Pdu

                    if event.Type = "m.room.third_party_invite" then
                        ThirdPartyKeys.all event
                    else
                        [||])
            HasRoomId = false
        }

    /// Tries events in order.
    member _.Run(order: int[]) : unit =
        for n in order do
            if graph.Fault.IsNone then
                let pdu: Pdu = (graph.Event n).Pdu
                current <- n
                cited <- Orders.citedState graph create n

                match rules.Decide(pdu, state, factsOf n) with
                | Decision.Allowed _ -> applied[struct (pdu.Type, string pdu.StateKey)] <- n
                | Decision.Rejected failure -> refused.Add(struct (pdu.EventId, failure))

    /// The power levels event of the state as it stands; -1 if there is none.
    member _.Levels: int =
        match applied.TryGetValue(struct ("m.room.power_levels", "")) with
        | true, n -> n
        | _ when startsFromUnconflicted ->
            match graph.UnconflictedAt("m.room.power_levels", "") with
            | null -> -1
            | id -> graph.Load(id, ResolutionError.EventMissing)
        | _ -> -1

    /// What was taken, at keys where the states do not agree.
    member _.Entries: ResolvedEntry[] = [|
        for KeyValue(struct (eventType, stateKey), n) in applied do
            if isNull (graph.UnconflictedAt(eventType, stateKey)) then
                {
                    Type = eventType
                    StateKey = stateKey
                    EventId = graph.Id n
                }
    |]

    /// What did not pass.
    member _.Refused = refused.ToArray()
