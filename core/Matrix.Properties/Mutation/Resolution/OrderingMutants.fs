namespace Matrix.Properties.Mutation

open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.Reference.Authorization
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Mutation.StepsChange

/// Changes of the two orders, and of what is in them.
[<RequireQualifiedAccess>]
module internal OrderingMutants =

    let private membership (event: Pdu) : string =
        match event.Content.TryFind "membership" with
        | ValueSome(Json.String word) when event.Type = "m.room.member" -> word
        | _ -> ""

    let private isOwn (event: Pdu) = event.Sender = string event.StateKey

    let private powerEvents: StepsChange list =
        let by what (isPowerEvent: Pdu -> bool) =
            plain "state.power-events" what (fun steps -> {
                steps with
                    IsPowerEvent = isPowerEvent
            })

        let without what (left: Pdu -> bool) =
            by ("without " + what) (fun event -> PowerOrdering.isPowerEvent event && not (left event))

        let also what (added: Pdu -> bool) =
            by ("also " + what) (fun event -> PowerOrdering.isPowerEvent event || added event)

        [
            by "dropped" (fun _ -> false)
            by "every event" (fun _ -> true)
            without "power levels" (fun event -> event.Type = "m.room.power_levels")
            without "join rules" (fun event -> event.Type = "m.room.join_rules")
            without "leaves" (fun event -> membership event = "leave")
            without "bans" (fun event -> membership event = "ban")
            also "leaves of the sender" (fun event -> membership event = "leave" && isOwn event)
            also "joins" (fun event -> membership event = "join")
            also "invitations" (fun event -> membership event = "invite")
            also "knocks" (fun event -> membership event = "knock")
            also "topics" (fun event -> event.Type = "m.room.topic")
        ]

    /// Events of a set in an event's whole auth chain.
    let private chainIn (graph: RoomGraph) (events: Set<string>) (id: string) : Set<string> =
        Set.intersect events (AuthChains.chain graph id)

    /// Which events join the power events in the first order, which is otherwise right.
    let private joining (below: RoomGraph -> Set<string> -> string -> Set<string>) (steps: Version2.Steps) = {
        steps with
            Below = below
            PowerOrder = fun graph _ events -> steps.PowerOrder graph (chainIn graph events) events
    }

    let private joined: StepsChange list = [
        plain "state.resolve.power-events" "power events alone" (joining (fun _ _ _ -> Set.empty))
        plain
            "state.resolve.power-events"
            "with their auth events alone"
            (joining (fun graph full id -> Set.intersect full (set graph.Events[id].AuthEvents)))
    ]

    let private powerKeys change (steps: Version2.Steps) = {
        steps with
            PowerOrder =
                fun graph below events ->
                    let keys = PowerOrdering.powerKeys graph (PowerOrdering.powersOf graph events)
                    PowerOrdering.topological (EventOrder.byKeys (change keys)) below events
    }

    /// By type and state key; the greater event id first.
    let private byEntry (graph: RoomGraph) (a: string) (b: string) : int =
        let key id =
            graph.Events[id].Type, string graph.Events[id].StateKey

        match compare (key a) (key b) with
        | 0 -> EventOrder.lesser b a
        | order -> order

    let private lastOf (keys: (string -> string -> int) list) last =
        List.truncate (keys.Length - 1) keys @ [ last ]

    /// The first order, with powers of senders by something else.
    let private powered
        (powerOf: RoomGraph -> StateMap list -> string -> PowerOf)
        (graph: RoomGraph)
        (states: StateMap list)
        (steps: Version2.Steps)
        = {
        steps with
            PowerOrder =
                fun graph' below events ->
                    let powers = Map [ for id in events -> id, powerOf graph states id ]
                    PowerOrdering.topological (EventOrder.byKeys (PowerOrdering.powerKeys graph' powers)) below events
    }

    let private powerOrdering: StepsChange list =
        let row = "state.power-ordering"

        let by what order =
            plain row what (fun steps -> { steps with PowerOrder = order })

        [
            by "dropped" (fun _ _ events -> Set.toList events)
            by "without the order of auth events" (fun graph _ events ->
                PowerOrdering.powerOrder graph (fun _ -> Set.empty) events)
            by "auth events after the event" (fun graph below events ->
                PowerOrdering.powerOrder
                    graph
                    (fun id -> events |> Set.filter (fun other -> (below other).Contains id))
                    events)
            given row "mainline ordering for power ordering" (fun _ states steps ->
                let unconflicted, _ = ConflictedState.split states

                {
                    steps with
                        PowerOrder =
                            fun graph _ events ->
                                MainlineOrdering.mainlineOrder
                                    graph
                                    (unconflicted.TryFind("m.room.power_levels", ""))
                                    events
                })
            yield! ofKeys [ row + ".first"; row + ".time"; row + ".id" ] powerKeys
            plain (row + ".id") "type and state key for event id" (fun steps -> {
                steps with
                    PowerOrder =
                        fun graph below events ->
                            let keys = PowerOrdering.powerKeys graph (PowerOrdering.powersOf graph events)
                            PowerOrdering.topological (EventOrder.byKeys (lastOf keys (byEntry graph))) below events
            })
            given
                (row + ".first")
                "by rejected auth events too"
                (powered (fun graph _ -> PowerOrdering.powerOf { graph with Rejected = Set.empty }))
            given
                (row + ".first")
                "by the unconflicted state"
                (powered (fun graph states id ->
                    let unconflicted, _ = ConflictedState.split states

                    unconflicted
                    |> Map.map (fun _ id -> graph.Events[id])
                    |> AuthEvents.withCreate graph
                    |> AuthReference.powerOfSender graph.Version graph.Events[id]))
        ]

    /// The second order by other mainlines and positions.
    let private placed
        (mainlineOf: RoomGraph -> string option -> string list)
        (positionIn: RoomGraph -> string list -> string -> int)
        (steps: Version2.Steps)
        = {
        steps with
            MainlineOrder =
                fun graph levels events ->
                    let position = positionIn graph (mainlineOf graph levels)

                    events
                    |> List.ofSeq
                    |> List.sortWith (EventOrder.byKeys (MainlineOrdering.positionKeys graph position))
    }

    let private mainline: StepsChange list =
        let by what mainlineOf =
            plain "state.mainline" what (placed mainlineOf MainlineOrdering.mainlinePosition)

        [
            by "dropped" (fun _ _ -> [])
            by "the power levels alone" (fun graph levels -> List.truncate 1 (MainlineOrdering.mainline graph levels))
            by "without the power levels themselves" (fun graph levels ->
                List.skip
                    (min 1 (MainlineOrdering.mainline graph levels).Length)
                    (MainlineOrdering.mainline graph levels))
            by "from the oldest" (fun graph levels -> List.rev (MainlineOrdering.mainline graph levels))
        ]

    let private position: StepsChange list =
        let sentinel = System.Int32.MaxValue

        /// The position by the mainline indexes that are met on the way from an event; the nearest first.
        let by what (path: RoomGraph -> string -> string list) (pick: int list -> int) =
            plain
                "state.mainline-position"
                what
                (placed MainlineOrdering.mainline (fun graph mainline id ->
                    path graph id
                    |> List.choose (fun levels -> List.tryFindIndex ((=) levels) mainline)
                    |> pick))

        let below = MainlineOrdering.levelsBelow

        let first without indexes =
            indexes |> List.tryHead |> Option.defaultValue without

        [
            by "the last one in the mainline" below (fun indexes ->
                List.tryLast indexes |> Option.defaultValue sentinel)
            by "the nearest power levels alone" (fun graph id -> List.truncate 1 (below graph id)) (first sentinel)
            by
                "from the power levels after the nearest"
                (fun graph id -> List.skip (min 1 (below graph id).Length) (below graph id))
                (first sentinel)
            by "from the event itself" (fun graph id -> id :: below graph id) (first sentinel)
            by "without one, before all others" below (first -1)
            by "without one, that of the power levels" below (first 0)
        ]

    let private mainlineKeys change (steps: Version2.Steps) = {
        steps with
            MainlineOrder =
                fun graph levels events ->
                    let position =
                        MainlineOrdering.mainlinePosition graph (MainlineOrdering.mainline graph levels)

                    events
                    |> List.ofSeq
                    |> List.sortWith (EventOrder.byKeys (change (MainlineOrdering.positionKeys graph position)))
    }

    let private mainlineOrdering: StepsChange list =
        let row = "state.mainline-ordering"

        let by what order =
            plain row what (fun steps -> { steps with MainlineOrder = order })

        [
            by "dropped" (fun _ _ events -> Set.toList events)
            by "power ordering for mainline ordering" (fun graph _ events ->
                PowerOrdering.powerOrder graph (chainIn graph events) events)
            yield! ofKeys [ row + ".first"; row + ".time"; row + ".id" ] mainlineKeys
            plain (row + ".id") "type and state key for event id" (fun steps -> {
                steps with
                    MainlineOrder =
                        fun graph levels events ->
                            let position =
                                MainlineOrdering.mainlinePosition graph (MainlineOrdering.mainline graph levels)

                            let keys = MainlineOrdering.positionKeys graph position

                            events
                            |> List.ofSeq
                            |> List.sortWith (EventOrder.byKeys (lastOf keys (byEntry graph)))
            })
        ]

    let private levels: StepsChange list =
        let key = "m.room.power_levels", ""

        [
            plain "state.resolve.others" "by the unconflicted power levels" (fun steps -> {
                steps with
                    Levels = fun unconflicted _ -> unconflicted.TryFind key
            })
            given "state.resolve.others" "by the power levels of the first state" (fun _ states steps -> {
                steps with
                    Levels = fun _ _ -> states.Head.TryFind key
            })
        ]

    /// All of them.
    let all: StepsChange list =
        List.concat [
            powerEvents
            joined
            powerOrdering
            mainline
            position
            mainlineOrdering
            levels
        ]
