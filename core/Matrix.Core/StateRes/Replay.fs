namespace Matrix.Core.StateRes

open System
open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.State

[<RequireQualifiedAccess>]
type ReplayError =
    | PrevEventMissing of citing: string * missing: string
    | AuthEventMissing of citing: string * missing: string
    | Circle of eventId: string
    | Unresolved of before: string * ResolutionError

[<Sealed>]
type ReplayedEvent(pdu: Pdu, rejection: Failure voption, before: StateTree, after: StateTree) =
    member _.Pdu = pdu
    member _.Rejection = rejection
    member _.Before = before
    member _.After = after

/// The order of a replay: each event after all events that it names.
[<RequireQualifiedAccess>]
module private ReplayOrder =

    let private named (pdu: Pdu) : seq<string> =
        Seq.append pdu.PrevEvents pdu.AuthEvents |> Seq.distinct

    let private firstMissing (byId: Dictionary<string, int>) (events: Pdu[]) : ReplayError voption =
        let missing (pdu: Pdu) error ids =
            ids
            |> Array.tryFind (byId.ContainsKey >> not)
            |> Option.map (fun id -> error (pdu.EventId, id))

        events
        |> Array.tryPick (fun pdu ->
            missing pdu ReplayError.PrevEventMissing pdu.PrevEvents
            |> Option.orElse (missing pdu ReplayError.AuthEventMissing pdu.AuthEvents))
        |> ValueOption.ofOption

    /// Of events with the same id, the first is taken.
    let sort (given: Pdu[]) : Result<Pdu[], ReplayError> =
        let events = given |> Array.distinctBy _.EventId
        let byId = Dictionary<string, int>()

        for i in 0 .. events.Length - 1 do
            byId.Add(events[i].EventId, i)

        match firstMissing byId events with
        | ValueSome error -> Error error
        | ValueNone ->
            let waiting = Array.zeroCreate<int> events.Length
            let after = Array.init events.Length (fun _ -> List<int>())

            for i in 0 .. events.Length - 1 do
                for id in named events[i] do
                    waiting[i] <- waiting[i] + 1
                    after[byId[id]].Add i

            let ready = PriorityQueue<int, int>()

            for i in 0 .. events.Length - 1 do
                if waiting[i] = 0 then
                    ready.Enqueue(i, i)

            let order = List<Pdu> events.Length

            while ready.Count > 0 do
                let i = ready.Dequeue()
                order.Add events[i]

                for j in after[i] do
                    waiting[j] <- waiting[j] - 1

                    if waiting[j] = 0 then
                        ready.Enqueue(j, j)

            if order.Count = events.Length then
                Ok(order.ToArray())
            else
                // The remaining events are in a cycle or wait for one. A walk down through them returns to an event of
                // a cycle.
                let left =
                    HashSet<int>(Seq.filter (fun i -> waiting[i] > 0) (seq { 0 .. events.Length - 1 }))

                let seen = HashSet<int>()
                let mutable at = Seq.min left

                while seen.Add at do
                    at <- named events[at] |> Seq.map (fun id -> byId[id]) |> Seq.find left.Contains

                Error(ReplayError.Circle events[at].EventId)

/// The room while its events are replayed.
[<Sealed>]
type private ReplayedRoom(rules: AuthRules, limits: ResolutionLimits) =

    let resolver = StateResolver.Of rules
    let graph = EventGraph rules
    let ordinals = Dictionary<string, uint32>()
    let replayed = Dictionary<string, ReplayedEvent>()
    let extremities = List<string>()
    let mutable create: AuthEvent | null = null

    let stateOf (tree: StateTree) : IAuthState = {
        new IAuthState with
            member _.Find(eventType, stateKey) =
                match tree.Find(eventType, stateKey) with
                | null -> null
                | entry ->
                    match graph.Find entry.EventId with
                    | null -> null
                    | event -> event.Event
    }

    let citedState (cited: SourcedEvent[]) : IAuthState = {
        new IAuthState with
            member _.Find(eventType, stateKey) =
                let isIt (c: SourcedEvent) =
                    c.Event.Pdu.Type = eventType && String.Equals(c.Event.Pdu.StateKey, stateKey)

                match Array.tryFind isIt cited with
                | Some cited -> cited.Event
                | None when eventType = EventTypes.Create -> create
                | None -> null
    }

    let decide (pdu: Pdu) (before: StateTree) : Failure voption =
        let cited = pdu.AuthEvents |> Array.choose (graph.Find >> Option.ofObj)

        let facts =
            cited
            |> Array.map (fun c -> {
                Event = c.Event.Pdu
                Rejected = c.Rejected
            })
            |> KnownFacts.ofReceived pdu

        match rules.Decide(pdu, citedState cited, facts) with
        | Decision.Rejected failure -> ValueSome failure
        | Decision.Allowed _ ->
            match rules.Decide(pdu, stateOf before, facts) with
            | Decision.Rejected failure -> ValueSome failure
            | Decision.Allowed _ -> ValueNone

    /// An event from which an accepted event descends, even through rejected events, is no extremity.
    let follow (prevEvents: string[]) =
        let pending = Stack<string> prevEvents
        let seen = HashSet<string>()

        while pending.Count > 0 do
            let id = pending.Pop()

            if seen.Add id then
                extremities.Remove id |> ignore

                if replayed[id].Rejection.IsSome then
                    for before in replayed[id].Pdu.PrevEvents do
                        pending.Push before

    let accept (pdu: Pdu) =
        follow pdu.PrevEvents
        extremities.Add pdu.EventId

        if pdu.Type = EventTypes.Create && isNull create then
            create <- graph.Find pdu.EventId |> Option.ofObj |> Option.map _.Event |> Option.toObj

    member _.Graph = graph
    member _.Extremities = extremities.ToArray()
    member _.Event(id: string) : ReplayedEvent = replayed[id]

    member _.StatesAfter(ids: string[]) : StateTree[] =
        // Branches that differ only in messages have one state.
        ids
        |> Array.map (fun id -> replayed[id].After)
        |> Array.distinctBy (fun tree -> Convert.ToHexString tree.Root.Span)

    /// The resolution of several states.
    member _.Merge(trees: StateTree[]) : Result<struct (StateTree * Resolution), ResolutionError> =
        if trees.Length = 0 then
            Ok(struct (StateTree.Empty, Resolution.nothing))
        elif trees.Length = 1 then
            Ok(struct (trees[0], Resolution.nothing))
        else
            let states = TreesToResolve.ofTrees trees

            match resolver.Resolve(states, graph, limits) with
            | Error error -> Error error
            | Ok resolution ->
                let tree =
                    TreesToResolve.resolved trees states resolution.Entries (fun id -> ordinals[id])

                Ok(struct (tree, resolution))

    /// Replays the next event.
    member this.Take(pdu: Pdu) : Result<unit, ResolutionError> =
        match this.Merge(this.StatesAfter pdu.PrevEvents) with
        | Error error -> Error error
        | Ok(struct (before, _)) ->
            let rejection = decide pdu before
            let ordinal = uint32 replayed.Count + 1u

            let after =
                match pdu.StateKey with
                | NonNull key when rejection.IsNone -> before.Set(StateEntry.Of(pdu.Type, key, pdu.EventId, ordinal))
                | _ -> before

            match graph.Add(pdu, rejection.IsSome) with
            | Error error -> Error error
            | Ok() ->
                ordinals.Add(pdu.EventId, ordinal)
                replayed.Add(pdu.EventId, ReplayedEvent(pdu, rejection, before, after))

                if rejection.IsNone then
                    accept pdu

                Ok()

[<Sealed>]
type Replay private (room: ReplayedRoom, order: Pdu[], state: StateTree, resolution: Resolution) =

    static member Run(rules: AuthRules, events: Pdu[], limits: ResolutionLimits) : Result<Replay, ReplayError> =
        match ReplayOrder.sort events with
        | Error error -> Error error
        | Ok order ->
            let room = ReplayedRoom(rules, limits)

            let unresolved =
                order
                |> Array.tryPick (fun pdu ->
                    match room.Take pdu with
                    | Ok() -> None
                    | Error error -> Some(ReplayError.Unresolved(pdu.EventId, error)))

            match unresolved with
            | Some error -> Error error
            | None ->
                match room.Merge(room.StatesAfter room.Extremities) with
                | Error error -> Error(ReplayError.Unresolved("", error))
                | Ok(struct (state, resolution)) -> Ok(Replay(room, order, state, resolution))

    member _.StateBefore(prevEvents: string[]) : Result<StateTree, ResolutionError> =
        match room.Merge(room.StatesAfter prevEvents) with
        | Error error -> Error error
        | Ok(struct (state, _)) -> Ok state

    member _.Events = order |> Array.map (fun pdu -> room.Event pdu.EventId)
    member _.Extremities = room.Extremities
    member _.State = state
    member _.Resolution = resolution
    member _.Tips = room.StatesAfter room.Extremities
    member _.Graph = room.Graph
