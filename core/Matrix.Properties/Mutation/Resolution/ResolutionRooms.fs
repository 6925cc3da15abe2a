namespace Matrix.Properties.Mutation

open FsCheck
open FsCheck.FSharp
open Matrix.Core.Event
open Matrix.Rules
open Matrix.Properties.Generators
open Matrix.Properties.Reference
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Scenarios
open Matrix.Properties.SmallWorlds

/// A room, and states of it to resolve.
type ResolutionRoom = {
    Graph: RoomGraph
    States: StateMap list
} with

    /// The number of its events.
    member this.Size: int = this.Graph.Events.Count

/// Rooms in which mutants of state resolution are tried.
[<RequireQualifiedAccess>]
module ResolutionRooms =

    let private createKey = "m.room.create", ""

    /// The room with those events only that are in a state or in the auth chain of one, and the create event.
    let private trimmed (graph: RoomGraph) (states: StateMap list) : ResolutionRoom =
        let held = states |> List.map ConflictedState.values |> Set.unionMany
        let kept = held + AuthChains.chains graph held

        let isKept id (event: Pdu) =
            kept.Contains id || event.Type = "m.room.create"

        {
            Graph = {
                graph with
                    Events = graph.Events |> Map.filter isKept
                    Rejected = Set.intersect graph.Rejected kept
            }
            States = states
        }

    let private seed = Rnd 20261201UL

    /// Numbers that choose rejected events of a room.
    let private rejections: Gen<int list> =
        Gen.frequency [ 3, Gen.constant []; 1, Gen.listOf (Gen.choose (0, 1000)) ]

    /// Rooms whose history forks; some have a state with older events, some have rejected events.
    let private forked (count: int) (version: RoomVersion) : ResolutionRoom list = [
        for (attempts, stale), rejections in Gen.sampleWithSeed seed 40 count (Gen.zip ForkGen.forked rejections) do
            let played = ForkGen.play version attempts
            // Each number whose remainder by 5 is 0 chooses an event.
            let rejected = List.truncate 8 rejections |> List.map (fun n -> 5 * n)
            let room = ForkGen.rejecting played (stale @ rejected)
            trimmed room.Graph (ForkGen.statesOf room stale)
    ]

    /// The states that meet where a history merges, with the events that were rejected by then.
    let private merged (count: int) (version: RoomVersion) : ResolutionRoom list = [
        for steps in Gen.sampleWithSeed seed 40 count DagGen.steps do
            let events = DagGen.play version steps
            let replayed = ReplayReference.replay ReplayReference.literal version events
            let after = Map [ for event in replayed.Events -> event.Id, event.After ]

            let graph = {
                Version = version
                Events = Map [ for event in events -> event.EventId, event ]
                Rejected =
                    set [
                        for event in replayed.Events do
                            if event.IsRejected then
                                event.Id
                    ]
            }

            for event in events do
                match
                    event.PrevEvents
                    |> Array.map (fun id -> after[id])
                    |> Array.distinct
                    |> List.ofArray
                with
                | _ :: _ :: _ as states -> trimmed graph states
                | _ -> ()
    ]

    let private small (version: RoomVersion) : ResolutionRoom list = [
        for clock in [ Forks.Clock.Rising; Forks.Clock.Still; Forks.Clock.Falling ] do
            for fork in Forks.upTo 2 clock version do
                trimmed fork.Graph fork.States
    ]

    let private scenarios (version: RoomVersion) : ResolutionRoom list = [
        for scenario in StateResets.all @ StepsShown.all -> StateResets.drawn version scenario ||> trimmed
    ]

    // Bob set $p2 with the power that the rejected $p1 gives him. His power decides whether it is tried before Carol's
    // join rules, and with it the join rules that Alice set after $p2.
    //
    //   $create ── $alice ── $p0 ──┬── $p1 (rejected) ── $p2 (by Bob, 60) ── $j2 (by Alice)
    //                              └── $j1 (by Carol, 50)
    //
    //   { $j2 }  +  { $j1 }
    //
    /// A room with an event whose sender has power by rejected power levels.
    let private powerByRejected (version: RoomVersion) : ResolutionRoom =
        let alice, bob, carol = DrawnRoom.alice, DrawnRoom.bob, DrawnRoom.carol

        let levels name sender =
            DrawnRoom.levels name sender (DrawnRoom.creatorsLevel version @ [ bob, 60; carol, 50 ]) []

        let graph =
            DrawnRoom.room version [
                DrawnRoom.create
                DrawnRoom.joins "$alice" alice [ "$create" ]
                levels "$p0" alice [ "$create"; "$alice" ]
                DrawnRoom.joinRules "$public" alice "public" [ "$create"; "$p0"; "$alice" ]
                DrawnRoom.joins "$bob" bob [ "$create"; "$p0"; "$public" ]
                DrawnRoom.joins "$carol" carol [ "$create"; "$p0"; "$public" ]
                levels "$p1" alice [ "$create"; "$p0"; "$alice" ]
                levels "$p2" bob [ "$create"; "$p1"; "$bob" ]
                DrawnRoom.joinRules "$j2" alice "invite" [ "$create"; "$p2"; "$alice" ]
                DrawnRoom.joinRules "$j1" carol "knock" [ "$create"; "$p0"; "$carol" ]
            ]

        let others = [ "$create"; "$alice"; "$p0"; "$bob"; "$carol" ]

        trimmed { graph with Rejected = set [ "$p1" ] } [
            DrawnRoom.stateOf graph ("$j2" :: others)
            DrawnRoom.stateOf graph ("$j1" :: others)
        ]

    /// The rooms of a version in which states differ, the smallest first. `drawn` says how many are drawn, beside small
    /// ones and scenarios.
    let ofVersion (drawn: int) (version: RoomVersion) : ResolutionRoom[] =
        List.concat [
            [ powerByRejected version ]
            scenarios version
            small version
            forked drawn version
            merged (drawn / 10) version
        ]
        |> List.filter (fun room -> (List.distinct room.States).Length > 1)
        |> List.sortBy _.Size
        |> Array.ofList

    /// Rooms that are a little smaller: a state less, an entry less, an entry as another state has it, or a rejected
    /// event accepted.
    let private smaller (room: ResolutionRoom) : seq<ResolutionRoom> =
        let states = room.States
        let change i state = List.updateAt i state states

        seq {
            if states.Length > 2 then
                for i in 0 .. states.Length - 1 do
                    yield List.removeAt i states

            for key in states |> Seq.collect _.Keys |> Set.ofSeq |> Set.remove createKey do
                yield states |> List.map (Map.remove key)

            for i, state in List.indexed states do
                for key in state.Keys do
                    if key <> createKey then
                        yield change i (state.Remove key)

                for other in states do
                    for KeyValue(key, id) in other do
                        if state.TryFind key <> Some id then
                            yield change i (state.Add(key, id))
        }
        |> Seq.map (trimmed room.Graph)
        |> Seq.append (
            room.Graph.Rejected
            |> Seq.map (fun id -> {
                room with
                    Graph.Rejected = room.Graph.Rejected.Remove id
            })
        )

    /// How large a room is: the number of its events first.
    let private measure (room: ResolutionRoom) =
        let entries = room.States |> List.sumBy _.Count

        // Entries in which states differ count, so that a room whose states agree in more is smaller.
        let different = room.States |> Seq.collect Map.toSeq |> Seq.distinct |> Seq.length

        room.Size, room.States.Length, room.Graph.Rejected.Count, different, entries

    /// A smallest room that still shows something: no smaller one does.
    let rec shrink (shows: ResolutionRoom -> bool) (room: ResolutionRoom) : ResolutionRoom =
        let size = measure room

        match smaller room |> Seq.tryFind (fun next -> measure next < size && shows next) with
        | Some next -> shrink shows next
        | None -> room

    let private entry ((eventType, key): string * string) =
        if key = "" then eventType else $"{eventType} [{key}]"

    /// The room and its states in words.
    let describe (room: ResolutionRoom) : string =
        let events =
            room.Graph.Events.Values
            |> Seq.sortBy _.Depth
            |> Seq.map (fun event ->
                let membership =
                    match event.Content.Text "membership" with
                    | null -> ""
                    | word -> $" {word}"

                let rejected =
                    if room.Graph.Rejected.Contains event.EventId then
                        " rejected"
                    else
                        ""

                $"{event.EventId} {event.Sender} {entry (event.Type, string event.StateKey)}{membership}{rejected}")
            |> String.concat ", "

        let states =
            room.States
            |> List.map (fun state -> state.Values |> String.concat " " |> sprintf "{%s}")
            |> String.concat " "

        $"{events}; states {states}"

    /// What two resolutions of a room differ in, in words.
    let difference (right: StateMap) (wrong: StateMap) : string =
        let words id = id |> Option.defaultValue "nothing"

        right
        |> Map.toSeq
        |> Seq.append (Map.toSeq wrong)
        |> Seq.map fst
        |> Seq.distinct
        |> Seq.tryFind (fun key -> right.TryFind key <> wrong.TryFind key)
        |> function
            | Some key -> $"{entry key} resolves to {words (right.TryFind key)}, not {words (wrong.TryFind key)}"
            | None -> "no difference"
