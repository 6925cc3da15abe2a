namespace Matrix.Properties.Mutation

open System.Security.Cryptography
open System.Text
open Matrix.Properties.Generators
open Matrix.Properties.Reference.StateResolution

/// Changes of version 1 of state resolution.
[<RequireQualifiedAccess>]
module internal PassMutants =

    type private Change = string * string * (Version1.Steps -> Version1.Steps)

    let private rows = [
        "state.v1.power-levels"
        "state.v1.join-rules"
        "state.v1.members"
        "state.v1.others"
    ]

    let private passes: Change list =
        let change row what passes : Change =
            row,
            what,
            (fun steps -> {
                steps with
                    Passes = passes steps.Passes
            })

        [
            for i, row in List.indexed rows do
                if i < 3 then
                    // Its conflicts are then decided with all others.
                    change row "dropped" (fun passes ->
                        let belongs, _ = passes[i]
                        let last, _ = List.last passes

                        List.removeAt i passes
                        |> List.updateAt (passes.Length - 2) ((fun t -> last t || belongs t), false))

                    change row "after the next" (fun passes ->
                        passes |> List.updateAt i passes[i + 1] |> List.updateAt (i + 1) passes[i])

                    change row "from the deepest event on, as other events" (fun passes ->
                        List.updateAt i (fst passes[i], false) passes)

                if i < 2 then
                    change row "in one pass with the next" (fun passes ->
                        let belongs, isAuthorising = passes[i]
                        let alsoBelongs, _ = passes[i + 1]

                        List.removeAt (i + 1) passes
                        |> List.updateAt i ((fun t -> belongs t || alsoBelongs t), isAuthorising))

                if i = 3 then
                    change row "from the least deep event on, as power levels" (fun passes ->
                        List.updateAt i (fst passes[i], true) passes)

            "state.v1.members", "sees the other members of its pass", (fun steps -> { steps with SeesItsPass = true })
        ]

    let private sha1 (id: string) : string =
        System.Convert.ToHexString(SHA1.HashData(Encoding.UTF8.GetBytes id))

    let private orders: Change list =
        let by what (order: RoomGraph -> string list -> string list) : Change =
            "state.v1.power-levels.order", what, (fun steps -> { steps with DepthOrder = order })

        let depth (graph: RoomGraph) id = graph.Events[id].Depth

        [
            by "depth: dropped" (fun _ -> List.sortByDescending sha1)
            by "depth: inverted" (fun graph ids ->
                ids |> List.sortByDescending sha1 |> List.sortByDescending (depth graph))
            by "depth: origin_server_ts for it" (fun graph ids ->
                ids
                |> List.sortByDescending sha1
                |> List.sortBy (fun id -> graph.Events[id].OriginServerTs))
            by "depth: after the next" (fun graph ids -> ids |> List.sortBy (depth graph) |> List.sortByDescending sha1)
            by "SHA-1: inverted" (fun graph ids -> ids |> List.sortBy sha1 |> List.sortBy (depth graph))
            by "SHA-1: descending event id for it" (fun graph ids ->
                ids
                |> List.sortWith (fun a b -> EventOrder.lesser b a)
                |> List.sortBy (depth graph))
            by "SHA-1: ascending event id for it" (fun graph ids ->
                ids |> List.sortWith EventOrder.lesser |> List.sortBy (depth graph))
        ]

    let private others: Change list = [
        "state.v1.conflict",
        "also where some states lack the entry",
        (fun steps -> {
            steps with
                Uncontested = fun states -> fst (ConflictedState.split states)
        })
        "state.v1.unconflicted",
        "dropped",
        (fun steps -> {
            steps with
                Uncontested = fun _ -> Map.empty
        })
        "state.v1.unconflicted",
        "the entries of the last state, without a resolution",
        (fun steps -> {
            steps with
                Uncontested = fun states -> (states.Head, states.Tail) ||> List.fold Version2.overlaid
                Passes = []
        })
        "state.v1.power-levels.first",
        "the deepest event is the first",
        (fun steps -> {
            steps with
                Climb = fun allowed order -> steps.Climb allowed (List.rev order)
        })
        "state.v1.power-levels.next",
        "dropped",
        (fun steps -> {
            steps with
                Climb = fun _ order -> order.Head
        })
        "state.v1.power-levels.next",
        "nothing is rejected",
        (fun steps -> {
            steps with
                Climb = fun _ order -> List.last order
        })
        "state.v1.power-levels.next",
        "goes on after a rejected event",
        (fun steps -> {
            steps with
                Climb =
                    fun allowed order ->
                        (order.Head, order.Tail)
                        ||> List.fold (fun resolved next -> if allowed resolved next then next else resolved)
        })
        "state.v1.power-levels.next",
        "is checked in the state with the first event",
        (fun steps -> {
            steps with
                Climb =
                    fun allowed order ->
                        order.Tail
                        |> List.takeWhile (allowed order.Head)
                        |> List.tryLast
                        |> Option.defaultValue order.Head
        })
        "state.v1.others",
        "nothing is rejected",
        (fun steps -> {
            steps with
                Pick = fun _ order -> order.Head
        })
        "state.v1.others",
        "the least deep event, unchecked",
        (fun steps -> {
            steps with
                Pick = fun _ order -> List.last order
        })
        "state.v1.others",
        "the least deep event that is allowed",
        (fun steps -> {
            steps with
                Pick = fun allowed order -> steps.Pick allowed (List.rev order)
        })
    ]

    /// All of them, each with its row and the change in words.
    let all: Change list = passes @ orders @ others
