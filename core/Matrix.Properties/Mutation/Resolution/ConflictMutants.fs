namespace Matrix.Properties.Mutation

open Matrix.Properties.Generators
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Mutation.StepsChange

/// Changes of what the full conflicted set is made of.
[<RequireQualifiedAccess>]
module internal ConflictMutants =

    /// Splits states by whether an entry, given in each state or missing there, is in conflict.
    let private splitBy (isUnconflicted: string option list -> bool) (states: StateMap list) : StateMap * Set<string> =
        let entries = [
            for key in states |> Seq.collect _.Keys |> Set.ofSeq -> key, states |> List.map (Map.tryFind key)
        ]

        let unconflicted, conflicted =
            entries |> List.partition (fun (_, found) -> isUnconflicted found)

        // Where not all states agree, the event that most of them have.
        let most found =
            found |> List.choose id |> List.countBy id |> List.maxBy snd |> fst

        Map [ for key, found in unconflicted -> key, most found ],
        set (conflicted |> List.collect (snd >> List.choose id))

    let private oneEvent (found: string option list) : bool =
        (found |> List.choose id |> List.distinct).Length = 1

    let private unconflicted: StepsChange list =
        let split what by =
            plain "state.unconflicted" what (fun steps -> { steps with Split = by })

        [
            split "every event is conflicted" (fun states -> Map.empty, states |> Seq.collect _.Values |> Set.ofSeq)
            split "an entry that some states lack is unconflicted" (splitBy oneEvent)
            split "an entry that some states lack is left out" (fun states ->
                let right, _ = ConflictedState.split states
                right, snd (splitBy oneEvent states))
            split "an entry of more than half of the states is unconflicted" (fun states ->
                states
                |> splitBy (fun found ->
                    found
                    |> List.choose id
                    |> List.countBy id
                    |> List.exists (fun (_, count) -> 2 * count > found.Length)))
            split "of the first two states" (fun states -> ConflictedState.split (List.truncate 2 states))
        ]

    /// The auth chains of each state.
    let private chains (graph: RoomGraph) (states: StateMap list) : Set<string> list =
        states |> List.map (ConflictedState.values >> AuthChains.chains graph)

    let private direct (graph: RoomGraph) (ids: seq<string>) : Set<string> =
        ids |> Seq.collect (fun id -> graph.Events[id].AuthEvents) |> Set.ofSeq

    let private difference: StepsChange list =
        let by what by =
            plain "state.auth-difference" what (fun steps -> { steps with AuthDifference = by })

        [
            by "the intersection" (fun graph states -> Set.intersectMany (chains graph states))
            by "the union" (fun graph states -> Set.unionMany (chains graph states))
            by "of the conflicted events' auth chains" AuthDifference.ofDifferences
            by "without events that are in a state" (fun graph states ->
                AuthDifference.ofStates graph states
                - Set.unionMany (List.map ConflictedState.values states))
            by "of the first two states" (fun graph states -> AuthDifference.ofStates graph (List.truncate 2 states))
            by "events in the auth chains of one state alone" (fun graph states ->
                chains graph states
                |> Seq.collect id
                |> Seq.countBy id
                |> Seq.filter (fun (_, count) -> count = 1)
                |> Seq.map fst
                |> Set.ofSeq)
            by "from the first state to the others" (fun graph states ->
                let all = chains graph states
                Set.unionMany all.Tail - all.Head)
        ]

    /// Auth chains of one step.
    let private near (graph: RoomGraph) (states: StateMap list) : Set<string> =
        let near = states |> List.map (ConflictedState.values >> direct graph)
        Set.unionMany near - Set.intersectMany near

    let private authChain: StepsChange list = [
        plain "state.auth-chain" "one step, for the auth difference" (fun steps -> { steps with AuthDifference = near })
        plain "state.auth-chain" "with the event itself, for the auth difference" (fun steps -> {
            steps with
                AuthDifference = AuthDifference.withStates
        })
        plain "state.auth-chain" "through conflicted events alone, for the power ordering" (fun steps -> {
            steps with
                Below = AuthChains.chainWithin
        })
        plain "state.auth-chain" "one step, for the power ordering" (fun steps -> {
            steps with
                Below = fun graph full id -> Set.intersect full (direct graph [ id ])
        })
    ]

    /// Changes of the conflicted subgraph, for algorithms that gather it.
    let ofSubgraph: StepsChange list =
        let by what (subgraph: RoomGraph -> Set<string> -> Set<string>) =
            plain "state.conflicted-subgraph" what (fun steps -> { steps with Subgraph = subgraph })

        [
            by "the ends of the paths alone" (fun graph conflicted ->
                Set.intersect conflicted (ConflictedSubgraph.ofEvents graph conflicted))
            by "without the ends of the paths" (fun graph conflicted ->
                ConflictedSubgraph.ofEvents graph conflicted - conflicted)
            by "paths of one step" (fun graph conflicted ->
                conflicted
                |> Set.filter (fun id ->
                    not (Set.intersect conflicted (direct graph [ id ])).IsEmpty
                    || (direct graph conflicted).Contains id))
            by "paths of two steps" (fun graph conflicted ->
                direct graph conflicted
                |> Set.filter (fun id -> not (Set.intersect conflicted (direct graph [ id ])).IsEmpty))
            by "paths that end anywhere" AuthChains.chains
            by "paths that begin anywhere" (fun graph conflicted ->
                graph.Events.Keys
                |> Seq.filter (fun id -> not (Set.intersect conflicted (AuthChains.chain graph id)).IsEmpty)
                |> Set.ofSeq)
        ]

    /// All others.
    let all: StepsChange list = unconflicted @ difference @ authChain
