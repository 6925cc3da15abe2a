namespace Matrix.Properties.Scenarios

open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.StateRes
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Generators

/// Converts rooms and states for the resolver that the host runs.
[<RequireQualifiedAccess>]
module StatesAsSource =

    /// The events of a room, with heights and references computed.
    let source (rules: AuthRules) (graph: RoomGraph) : IEventSource =
        let heights = Dictionary<string, int>()

        let rec height id =
            match heights.TryGetValue id with
            | true, h -> h
            | _ ->
                let h =
                    graph.Events[id].AuthEvents
                    |> Array.filter graph.Events.ContainsKey
                    |> Array.fold (fun most a -> max most (1 + height a)) 0

                heights[id] <- h
                h

        let known = Dictionary<string, SourcedEvent>()
        let citing = Dictionary<string, ResizeArray<string>>()

        for KeyValue(id, event) in graph.Events do
            known[id] <- SourcedEvent(rules.Read event, graph.Rejected.Contains id, height id)

            if event.IsState then
                for a in event.AuthEvents do
                    match citing.TryGetValue a with
                    | true, list -> list.Add id
                    | _ -> citing[a] <- ResizeArray [ id ]

        {
            new IEventSource with
                member _.Find id =
                    match known.TryGetValue id with
                    | true, event -> event
                    | _ -> null

                member _.Citing id =
                    match citing.TryGetValue id with
                    | true, list -> list
                    | _ -> Seq.empty
        }

    /// States with their differences.
    let states (states: StateMap list) : StatesToResolve =
        let keys = states |> Seq.collect _.Keys |> Set.ofSeq

        {
            Count = states.Length
            Conflicted = [|
                for eventType, stateKey in keys do
                    let at = states |> List.map (fun s -> s.TryFind(eventType, stateKey))

                    if (List.distinct at).Length > 1 then
                        {
                            Type = eventType
                            StateKey = stateKey
                            Events = at |> List.map Option.toObj |> Array.ofList
                        }
            |]
            Shared = {
                new IStateLookup with
                    member _.Find(eventType, stateKey) =
                        states.Head.TryFind(eventType, stateKey) |> Option.toObj
            }
        }

    /// Resolves states with the resolver that the host runs. The room is read once for all of them.
    let resolve (rules: AuthRules) (graph: RoomGraph) : StateMap list -> Result<Resolution, ResolutionError> =
        let resolver, source = StateResolver.Of rules, source rules graph
        fun maps -> resolver.Resolve(states maps, source, ResolutionLimits.Usual)

    /// The resolver's result as a whole state.
    let whole (states: StateMap list) (resolution: Resolution) : StateMap =
        let unconflicted, _ = ConflictedState.split states

        (unconflicted, resolution.Entries)
        ||> Array.fold (fun state entry -> state.Add((entry.Type, entry.StateKey), entry.EventId))

    /// The resolver's result in the form of the literal definition.
    let outcome (states: StateMap list) (resolution: Resolution) : ResolutionOutcome =
        let steps = resolution.Steps

        {
            AuthDifference = set steps.AuthDifference
            Subgraph = set steps.Subgraph
            PowerOrder = List.ofArray steps.PowerOrder
            MainlineOrder = List.ofArray steps.MainlineOrder
            Applied = List.ofArray steps.Applied
            Refused = [ for struct (id, _) in steps.Refused -> id ]
            Settled = [
                for s in steps.Settled -> (s.Type, s.StateKey), List.ofArray s.Order, s.Chosen
            ]
            Resolved = whole states resolution
        }
