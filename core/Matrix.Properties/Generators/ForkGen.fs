/// Rooms whose history forks. A room is made of drawn attempts: each is a draft of some user on some branch.
[<RequireQualifiedAccess>]
module Matrix.Properties.Generators.ForkGen

open FsCheck
open FsCheck.FSharp
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Generators

/// One attempt. Numbers are taken modulo the number of choices.
type Attempt = {
    Actor: int
    Act: int
    Target: int
    Level: int
    Branch: int
    /// Whether a new branch begins here.
    Forks: bool
    Time: int
}

/// A room with its history, and the state at the end of each branch.
[<StructuredFormatDisplay("{Display}")>]
type Room = {
    Graph: RoomGraph
    /// In the order in which they were made.
    Order: string list
    Tips: StateMap list
} with

    /// The room as a failed property shows it.
    member this.Display: string =
        let lines = [
            for id in this.Order do
                let e = this.Graph.Events[id]

                let content =
                    [ for struct (k, v) in e.Content.Members -> $"{k}: %A{v}" ]
                    |> String.concat ", "

                let cited = String.concat " " e.AuthEvents
                $"{id} @{e.OriginServerTs} {e.Sender} {e.Type}[{e.StateKey}] {{ {content} }} auth events {cited}"
            for tip in this.Tips do
                "tip "
                + (tip
                   |> Map.toSeq
                   |> Seq.map (fun ((t, k), id) -> $"{t}[{k}]={id}")
                   |> String.concat " ")
        ]

        String.concat "\n" lines

let private users = [| "@alice:one"; "@bob:one"; "@carol:two"; "@dave:two" |]
let private levels = [| 0; 25; 50; 75; 100 |]

/// One attempt.
let attempt: Gen<Attempt> =
    gen {
        let! actor =
            Gen.frequency [ 4, Gen.constant 0; 3, Gen.constant 1; 4, Gen.choose (0, 3) ]

        let! act = Gen.choose (0, 19)
        let! target = Gen.choose (0, 3)
        let! level = Gen.choose (0, 4)
        let! branch = Gen.choose (0, 3)
        let! forks = Gen.frequency [ 4, Gen.constant false; 1, Gen.constant true ]
        let! time = Gen.choose (0, 5)

        return {
            Actor = actor
            Act = act
            Target = target
            Level = level
            Branch = branch
            Forks = forks
            Time = time
        }
    }

/// The attempts of one room.
let attempts: Gen<Attempt list> =
    Gen.sized (fun size ->
        gen {
            let! count = Gen.choose (0, min 30 (5 + size))
            return! Gen.listOfLength count attempt
        })

/// Shorter histories.
let shrink (attempts: Attempt list) : seq<Attempt list> =
    seq {
        let length = attempts.Length

        if length > 3 then
            yield List.truncate (length / 2) attempts
            yield List.skip (length / 2) attempts

        for i in 0 .. length - 1 do
            yield List.removeAt i attempts
    }

/// The draft of an attempt, given the state.
let draftOf (state: Map<string * string, Pdu>) (a: Attempt) : Draft =
    let actor, target = users[a.Actor], users[a.Target]

    let membership whose word =
        Draft.state actor "m.room.member" whose [ "membership", text word ]

    match a.Act with
    | 0
    | 1
    | 2 -> membership actor "join"
    | 3 -> membership actor "leave"
    | 4
    | 5 -> membership target "invite"
    | 6
    | 7 -> membership target "leave"
    | 8
    | 9 -> membership target "ban"
    | 10 -> membership actor "knock"
    | 11
    | 12
    | 13
    | 14 ->
        let current =
            match state.TryFind("m.room.power_levels", "") with
            | Some event -> [ for struct (k, v) in event.Content.Members -> k, v ]
            | None -> []

        let given =
            match current |> List.tryFind (fun (k, _) -> k = "users") with
            | Some(_, Json.Object o) -> [ for struct (k, v) in o.Members -> k, v ]
            | _ -> []

        Draft.state
            actor
            "m.room.power_levels"
            ""
            (current @ [ "users", nested (given @ [ target, number levels[a.Level] ]) ])
    | 15
    | 16 ->
        let rule = [| "public"; "invite"; "knock"; "restricted"; "public" |][a.Level]
        Draft.state actor "m.room.join_rules" "" [ "join_rule", text rule ]
    | 17 ->
        Draft.state actor "m.room.member" actor [
            "membership", text "join"
            "join_authorised_via_users_server", text target
        ]
    | _ -> Draft.state actor "m.room.topic" "" [ "topic", text $"{a.Level}" ]

/// The room while it is played: its graph and its events, the newest first.
type private Played = {
    Rules: AuthRules
    RoomId: string
    Graph: RoomGraph
    Order: string list
}

let private full (graph: RoomGraph) (state: StateMap) : Map<string * string, Pdu> =
    state |> Map.map (fun _ id -> graph.Events[id])

// The order of identifiers is not the order of time.
let private idOf (n: int) : string = $"${(n * 7919) % 10007}e"

/// The room with the draft's event on a branch, given its state and last event, if it is allowed.
let private send (room: Played) (state: StateMap) (last: string) (time: int) (draft: Draft) =
    let version = room.Graph.Version
    let before = full room.Graph state

    let unsent = {
        draft with
            Id = idOf (List.length room.Order)
            Room = room.RoomId
            Prev = [ last ]
            Depth = room.Graph.Events[last].Depth + 1L
            Time = int64 time
    }

    let cited = AuthCase.selected room.Rules (Draft.toPdu version unsent) before

    let event =
        Draft.toPdu version {
            unsent with
                Auth = cited |> List.map _.EventId
        }

    let facts = {
        AuthFacts.OfAccepted(Array.ofList cited) with
            Signers = [| "one"; "two" |]
    }

    if room.Rules.Decide(event, MapState(room.Rules, before), facts).IsOk then
        let played = {
            room with
                Graph.Events = room.Graph.Events.Add(event.EventId, event)
                Order = event.EventId :: room.Order
        }

        Some(played, state.Add((event.Type, string event.StateKey), event.EventId), event.EventId)
    else
        None

/// The room with its first events, the state after them, and the id of the last of them.
let private opened (version: RoomVersion) : Played * StateMap * string =
    let createId = "$0create"
    let room = Draft.roomOf version createId

    let firstLevels =
        if version.Settings.CreatorPower = CreatorPower.Infinite then
            []
        else
            [ users[0], number 100 ]

    let create =
        {
            Draft.state users[0] "m.room.create" "" [ "creator", text users[0]; "room_version", text version.Id ] with
                Id = createId
                Room = room
                Prev = []
        }
        |> Draft.toPdu version

    let start = {
        Rules = AuthRules version
        RoomId = room
        Graph = {
            Version = version
            Events = Map [ createId, create ]
            Rejected = Set.empty
        }
        Order = [ createId ]
    }

    let opening = [
        Draft.state users[0] "m.room.member" users[0] [ "membership", text "join" ]
        Draft.state users[0] "m.room.power_levels" "" [
            "users", nested firstLevels
            "events", nested [ "m.room.topic", number 0 ]
        ]
        Draft.state users[0] "m.room.join_rules" "" [ "join_rule", text "public" ]
    ]

    ((start, Map [ ("m.room.create", ""), createId ], createId), opening)
    ||> List.fold (fun (room, state, last) draft ->
        match send room state last 0 draft with
        | Some next -> next
        | None -> invalidOp "The opening of a room is always allowed.")

/// Plays the attempts. Allowed events become part of the room; refused ones are dropped.
let play (version: RoomVersion) (attempts: Attempt list) : Room =
    let room, state, last = opened version

    let room, branches =
        ((room, [| state, last |]), attempts)
        ||> List.fold (fun (room, branches) a ->
            let at = a.Branch % branches.Length
            let state, last = branches[at]

            match send room state last a.Time (draftOf (full room.Graph state) a) with
            | Some(room, state, last) when a.Forks && branches.Length < 4 ->
                room, Array.append branches [| state, last |]
            | Some(room, state, last) -> room, Array.updateAt at (state, last) branches
            | None -> room, branches)

    {
        Graph = room.Graph
        Order = List.rev room.Order
        Tips = branches |> Array.map fst |> List.ofArray
    }

/// The attempts of a room and, sometimes, numbers that choose the events of one more state. That state has older
/// events at some keys, as a state from another server may have.
let forked: Gen<Attempt list * int list> =
    gen {
        let! attempts = attempts

        let! stale =
            Gen.frequency [ 2, Gen.constant []; 1, Gen.listOf (Gen.choose (0, 1000)) ]

        return attempts, List.truncate 6 stale
    }

/// The room with some of its events marked as rejected. A server may receive such events as part of a state.
let rejecting (room: Room) (stale: int list) : Room =
    let rejected =
        stale
        |> List.filter (fun n -> n % 5 = 0)
        |> List.map (fun n -> room.Order[n % room.Order.Length])
        |> List.filter (fun id -> room.Graph.Events[id].Type <> "m.room.create")

    {
        room with
            Graph = {
                room.Graph with
                    Rejected = set rejected
            }
    }

/// The states to resolve in the room: those at the ends of its branches and, if there are numbers, the one with older
/// events. There are always at least two.
let statesOf (room: Room) (stale: int list) : StateMap list =
    let events = Array.ofList room.Order |> Array.map (fun id -> room.Graph.Events[id])

    let old =
        (room.Tips.Head, stale)
        ||> List.fold (fun state n ->
            let event = events[n % events.Length]

            if n % 7 = 0 && event.Type <> "m.room.create" then
                state.Remove(event.Type, string event.StateKey)
            else
                state.Add((event.Type, string event.StateKey), event.EventId))

    match stale, room.Tips with
    | [], [ only ] -> [ only; only ]
    | [], tips -> tips
    | _, tips -> old :: tips
