namespace Matrix.Properties.Mutation

open Matrix.Core.Event
open Matrix.Properties.Generators
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Mutation.StepsChange

/// Changes of the iterative auth checks, and of what follows them.
[<RequireQualifiedAccess>]
module internal CheckMutants =

    type private Checks = RoomGraph -> StateMap -> string list -> StateMap * string list

    let private right: Checks = IterativeAuthChecks.iterate

    let private put (graph: RoomGraph) (id: string) (state: StateMap) : StateMap =
        state.Add((graph.Events[id].Type, string graph.Events[id].StateKey), id)

    /// Checks one by one. The function has the state before all of them, that before this one, and the event; it gives
    /// the state after the event, if the event passes.
    let private one (next: RoomGraph -> StateMap -> StateMap -> string -> StateMap option) : Checks =
        fun graph start order ->
            ((start, []), order)
            ||> List.fold (fun (state, passed) id ->
                match next graph start state id with
                | Some after -> after, passed @ [ id ]
                | None -> state, passed)

    /// Checks each event in the entries that it sees.
    let private seeing (seen: RoomGraph -> StateMap -> StateMap -> string -> Map<string * string, Pdu>) : Checks =
        one (fun graph start state id ->
            if IterativeAuthChecks.passes graph (seen graph start state id) id then
                Some(put graph id state)
            else
                None)

    let private known (graph: RoomGraph) (state: StateMap) =
        state |> Map.map (fun _ id -> graph.Events[id])

    let private nothingRejected: Checks =
        one (fun graph _ state id -> Some(put graph id state))

    let private unchecked': Checks = fun _ state _ -> state, []

    let private endsAtTheFirstRejected: Checks =
        fun graph start order ->
            let rec go state passed rest =
                match rest with
                | id :: rest when IterativeAuthChecks.passes graph (IterativeAuthChecks.seenBy graph state id) id ->
                    go (put graph id state) (passed @ [ id ]) rest
                | _ -> state, passed

            go start [] order

    let private checks: StepsChange list =
        let by what (checks: Checks) =
            plain "state.auth-checks" what (fun steps -> {
                steps with
                    CheckPowerEvents = checks
                    CheckRemaining = checks
            })

        [
            by "nothing is rejected" nothingRejected
            by "everything is rejected" unchecked'
            by "ends at the first rejected event" endsAtTheFirstRejected
            by "without the event's auth events" (seeing (fun graph _ state _ -> known graph state))
            by
                "the event's auth events first"
                (seeing (fun graph _ state id ->
                    (AuthEvents.withCreate graph (known graph state), AuthEvents.accepted graph id)
                    ||> Map.fold (fun seen key event -> seen.Add(key, event))))
            by
                "by the event's auth events alone"
                (seeing (fun graph _ _ id -> AuthEvents.withCreate graph (AuthEvents.accepted graph id)))
            by
                "without the events that passed before"
                (seeing (fun graph start _ id -> IterativeAuthChecks.seenBy graph start id))
            by
                "an entry that was there stays"
                (one (fun graph _ state id ->
                    let event = graph.Events[id]

                    if state.ContainsKey(event.Type, string event.StateKey) then
                        None
                    elif IterativeAuthChecks.passes graph (IterativeAuthChecks.seenBy graph state id) id then
                        Some(put graph id state)
                    else
                        None))
            by
                "auth events are applied too"
                (one (fun graph _ state id ->
                    if IterativeAuthChecks.passes graph (IterativeAuthChecks.seenBy graph state id) id then
                        (put graph id state, AuthEvents.accepted graph id)
                        ||> Map.fold (fun state key event ->
                            if state.ContainsKey key then
                                state
                            else
                                state.Add(key, event.EventId))
                        |> Some
                    else
                        None))
        ]

    let private first: StepsChange list =
        let by what (checks: Checks) =
            plain "state.resolve.check-power-events" what (fun steps -> { steps with CheckPowerEvents = checks })

        [ by "dropped" unchecked'; by "nothing is rejected" nothingRejected ]

    let private second: StepsChange list =
        let by what (checks: Checks) =
            plain "state.resolve.check-others" what (fun steps -> { steps with CheckRemaining = checks })

        let anew start what =
            given "state.resolve.check-others" what (fun _ states steps ->
                let from: StateMap = start states

                {
                    steps with
                        CheckRemaining =
                            fun graph state order ->
                                let reached, passed = right graph from order

                                Version2.overlaid state (reached |> Map.filter (fun _ id -> List.contains id passed)),
                                passed
                })

        [
            by "dropped" unchecked'
            by "nothing is rejected" nothingRejected
            anew (ConflictedState.split >> fst) "from the unconflicted state again"
            anew (fun _ -> Map.empty) "from an empty state again"
        ]

    let private rejected: StepsChange list =
        let accepting: Checks = fun graph -> right { graph with Rejected = Set.empty }

        [
            plain "state.rejected" "rejected auth events count in the checks" (fun steps -> {
                steps with
                    CheckPowerEvents = accepting
                    CheckRemaining = accepting
            })
            given "state.rejected" "rejected events are not tried" (fun graph _ steps -> {
                steps with
                    Split =
                        fun states ->
                            let unconflicted, conflicted = steps.Split states
                            unconflicted, conflicted - graph.Rejected
                    AuthDifference = fun graph states -> steps.AuthDifference graph states - graph.Rejected
                    Subgraph = fun graph conflicted -> steps.Subgraph graph conflicted - graph.Rejected
            })
        ]

    let private finish: StepsChange list = [
        plain "state.resolve.unconflicted" "the state after the checks alone" (fun steps -> {
            steps with
                Finish = fun _ reached -> reached
        })
        plain "state.resolve.unconflicted" "nothing of the checks" (fun steps -> {
            steps with
                Finish = fun unconflicted _ -> unconflicted
        })
    ]

    /// All of them.
    let all: StepsChange list = List.concat [ checks; first; second; rejected; finish ]
