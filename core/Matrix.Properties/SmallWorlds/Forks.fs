/// A small family of rooms whose servers hold different states, the simplest first. Some of them show differences
/// between the versions of state resolution.
///
/// A room is a line of a few actions. One state is that at the end of the line. The other has an older event, or none,
/// at one key: another server that lacks later events may return such a state.
[<RequireQualifiedAccess>]
module Matrix.Properties.SmallWorlds.Forks

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.StateRes
open Matrix.Properties.Generators
open Matrix.Properties.Reference.StateResolution
open Matrix.Properties.Scenarios

/// An action of a user.
[<RequireQualifiedAccess>]
type Action =
    | Joins of user: string
    | Leaves of user: string
    | Bans of by: string * user: string
    | Invites of by: string * user: string
    /// Sets the power levels to the current ones with one user's level changed.
    | GivesPower of by: string * user: string * level: int
    | SetsJoinRule of by: string * rule: string
    | SetsTopic of by: string
    /// A leave that another user sends: a kick, or the lifting of a ban.
    | Removes of by: string * user: string

    /// The action in words.
    override this.ToString() =
        match this with
        | Joins user -> $"{user} joins"
        | Leaves user -> $"{user} leaves"
        | Bans(by, user) -> $"{by} bans {user}"
        | Invites(by, user) -> $"{by} invites {user}"
        | GivesPower(by, user, level) -> $"{by} gives {user} power {level}"
        | SetsJoinRule(by, rule) -> $"{by} sets the join rule to {rule}"
        | SetsTopic by -> $"{by} sets the topic"
        | Removes(by, user) -> $"{by} removes {user}"

let private alice, bob, carol = DrawnRoom.alice, DrawnRoom.bob, DrawnRoom.carol

/// All actions, the most ordinary first.
let actions: Action list = [
    Action.SetsTopic alice
    Action.Joins bob
    Action.SetsJoinRule(alice, "invite")
    Action.GivesPower(alice, bob, 50)
    Action.Leaves alice
    Action.SetsTopic bob
    Action.Joins carol
    Action.GivesPower(alice, bob, 0)
    Action.GivesPower(bob, carol, 50)
    Action.Bans(bob, carol)
    Action.Invites(bob, carol)
    Action.Leaves bob
    Action.SetsJoinRule(bob, "public")
    Action.SetsTopic carol
]

/// The `origin_server_ts` of the actions: in their order, all equal, or in the opposite order. Servers choose it
/// freely.
[<RequireQualifiedAccess>]
type Clock =
    | Rising
    | Still
    | Falling

/// A room, and the states of two of its servers.
type Fork = {
    Version: RoomVersion
    Clock: Clock
    Actions: Action list
    Graph: RoomGraph
    /// Ids of the events, in order. The first four set up the room.
    Order: string list
    /// The state at the end of the line, and the older state of the other server.
    States: StateMap list
    /// The keys at which the older state differs, and its events there.
    Behind: ((string * string) * string option) list
}

/// A line of actions under construction.
type private Line = {
    Rules: AuthRules
    Clock: Clock
    Graph: RoomGraph
    Order: string list
    State: StateMap
}

let private draftOf (line: Line) (action: Action) : Draft =
    let levels =
        match line.State.TryFind("m.room.power_levels", "") with
        | Some id -> line.Graph.Events[id].Content
        | None -> Matrix.Core.Json.JsonObject.Empty

    let name = $"$e{line.Order.Length}"

    match action with
    | Action.Joins user -> DrawnRoom.joins name user []
    | Action.Leaves user -> DrawnRoom.leaves name user []
    | Action.Bans(by, user) -> DrawnRoom.membership name by user "ban" []
    | Action.Invites(by, user) -> DrawnRoom.membership name by user "invite" []
    | Action.GivesPower(by, user, level) ->
        let users =
            match levels.TryFind "users" with
            | ValueSome(Matrix.Core.Json.Json.Object users) -> [ for struct (u, l) in users.Members -> u, l ]
            | _ -> []

        DrawnRoom.event name by "m.room.power_levels" "" [ "users", nested (users @ [ user, number level ]) ] []
    | Action.SetsJoinRule(by, rule) -> DrawnRoom.joinRules name by rule []
    | Action.SetsTopic by -> DrawnRoom.topic name by name []
    | Action.Removes(by, user) -> DrawnRoom.membership name by user "leave" []

/// The line with one more event, if the rules allow it at the end of the line.
let private extend (line: Line) (action: Action) : Line option =
    let version = line.Graph.Version
    let state = line.State |> Map.map (fun _ id -> line.Graph.Events[id])

    let draft = {
        draftOf line action with
            Room = Draft.roomOf version "$create"
            Prev = [ List.last line.Order ]
            Time =
                match line.Clock with
                | Clock.Rising -> int64 line.Order.Length
                | Clock.Still -> 0L
                | Clock.Falling -> -(int64 line.Order.Length)
            Depth = int64 line.Order.Length + 1L
    }

    let cited = AuthCase.selected line.Rules (Draft.toPdu version draft) state

    let event =
        Draft.toPdu version {
            draft with
                Auth = cited |> List.map _.EventId
        }

    let decision =
        line.Rules.Decide(event, MapState(line.Rules, state), AuthFacts.OfAccepted(Array.ofList cited))

    if decision.IsOk then
        Some {
            line with
                Graph = {
                    line.Graph with
                        Events = line.Graph.Events.Add(event.EventId, event)
                }
                Order = line.Order @ [ event.EventId ]
                State = line.State.Add((event.Type, string event.StateKey), event.EventId)
        }
    else
        None

let private start (clock: Clock) (version: RoomVersion) : Line =
    let opening = [
        DrawnRoom.create
        DrawnRoom.joins "$alice" alice [ "$create" ]
        DrawnRoom.levels "$levels" alice (DrawnRoom.creatorsLevel version) [] [ "$create"; "$alice" ]
        DrawnRoom.joinRules "$rules" alice "public" [ "$create"; "$levels"; "$alice" ]
    ]

    let graph = DrawnRoom.room version opening
    let names = opening |> List.map _.Id

    {
        Rules = AuthRules version
        Clock = clock
        Graph = graph
        Order = names
        State = DrawnRoom.stateOf graph names
    }

let private isKnownToAll (eventType: string, _: string) = eventType = "m.room.create"

/// The possible older states that differ at one key: each older event of a key, the newest first. The create event is
/// always known.
let private behind (line: Line) : ((string * string) * string option) list list = [
    for KeyValue(key, current) in line.State do
        if not (isKnownToAll key) then
            for id in List.rev line.Order do
                let event = line.Graph.Events[id]

                if id <> current && (event.Type, string event.StateKey) = key then
                    [ key, Some id ]
]

/// The possible older states that lack one key.
let private missing (line: Line) : ((string * string) * string option) list list = [
    for KeyValue(key, _) in line.State do
        if not (isKnownToAll key) then
            [ key, None ]
]

/// The possible older states that differ at two keys.
let private behindTwice (line: Line) : ((string * string) * string option) list list =
    let single = behind line @ missing line |> List.concat

    List.allPairs single single
    |> List.filter (fun ((a, _), (b, _)) -> a < b)
    |> List.map (fun (a, b) -> [ a; b ])

let private statesOf (line: Line) (behind: ((string * string) * string option) list) : StateMap list =
    let other =
        (line.State, behind)
        ||> List.fold (fun state (key, id) ->
            match id with
            | Some id -> state.Add(key, id)
            | None -> state.Remove key)

    [ line.State; other ]

let private forkOf (taken: Action list) (line: Line) (behind: ((string * string) * string option) list) : Fork = {
    Version = line.Graph.Version
    Clock = line.Clock
    Actions = taken
    Graph = line.Graph
    Order = line.Order
    States = statesOf line behind
    Behind = behind
}

/// The lines of each length up to a number of actions. Each extends a line that is one shorter.
let private linesOf
    (actions: Action list)
    (maxActions: int)
    (clock: Clock)
    (version: RoomVersion)
    : seq<(Action list * Line) list> =
    Seq.unfold
        (fun (length, lines: (Action list * Line) list) ->
            if length > maxActions then
                None
            else
                let longer =
                    lazy
                        [
                            for taken, line in lines do
                                for action in actions do
                                    match extend line action with
                                    | Some next -> taken @ [ action ], next
                                    | None -> ()
                        ]

                Some(lines, (length + 1, (if length = maxActions then [] else longer.Value))))
        (0, [ [], start clock version ])
    |> Seq.cache

/// The rooms of a version with up to this many of these actions, the smallest first. Among rooms of one size, those
/// whose second state has an older event come before those whose second state has none.
let private ofActions (actions: Action list) (maxActions: int) (clock: Clock) (version: RoomVersion) : seq<Fork> =
    let lines = linesOf actions maxActions clock version

    let forks others (taken, line) =
        others line |> Seq.map (forkOf taken line)

    seq {
        for size in 0..maxActions do
            yield! Seq.item size lines |> Seq.collect (forks behind)

            if size > 0 then
                yield! Seq.item (size - 1) lines |> Seq.collect (forks missing)
    }

/// The rooms of these actions whose second state differs at two keys, the smallest first.
let private ofActionsTwice (actions: Action list) (maxActions: int) (clock: Clock) (version: RoomVersion) : seq<Fork> =
    linesOf actions maxActions clock version
    |> Seq.concat
    |> Seq.collect (fun (taken, line) -> behindTwice line |> Seq.map (forkOf taken line))

/// The rooms of a version with up to this many of all actions.
let upTo (maxActions: int) (clock: Clock) (version: RoomVersion) : seq<Fork> =
    ofActions actions maxActions clock version

/// The same actions in a room of another version, with the same older state; none if that version's rules refuse one of
/// the actions.
let inVersion (version: RoomVersion) (fork: Fork) : Fork option =
    (Some(start fork.Clock version), fork.Actions)
    ||> List.fold (fun line action -> line |> Option.bind (fun line -> extend line action))
    |> Option.map (fun line -> {
        fork with
            Version = version
            Graph = line.Graph
            Order = line.Order
            States = statesOf line fork.Behind
    })

/// The resolved state of a fork.
let resolve (algorithm: StateResolutionAlgorithm) (fork: Fork) : StateMap =
    let rules = AuthRules(StateResets.resolvingBy algorithm fork.Version)

    match StatesAsSource.resolve rules fork.Graph fork.States with
    | Ok answer -> StatesAsSource.whole fork.States answer
    | Error error -> failwith $"a small room cannot be resolved: %A{error}"

/// Which rooms to search for one whose resolution depends on a row of the algorithm. Some rows need particular actions,
/// more of them, or another clock.
type RoomSearch = {
    Actions: Action list
    MaxActions: int
    Clock: Clock
    /// Whether the older state differs at two keys.
    Twice: bool
}

/// The rooms that a `RoomSearch` describes, the smallest first.
let at (place: RoomSearch) (version: RoomVersion) : seq<Fork> =
    (if place.Twice then ofActionsTwice else ofActions) place.Actions place.MaxActions place.Clock version

/// The smallest room of a version that two versions of the algorithm resolve differently, with both resolved states;
/// none if no room has so few actions.
let difference
    (maxActions: int)
    (version: RoomVersion)
    (a: StateResolutionAlgorithm)
    (b: StateResolutionAlgorithm)
    : (Fork * StateMap * StateMap) option =
    upTo maxActions Clock.Rising version
    |> Seq.tryPick (fun fork ->
        let x, y = resolve a fork, resolve b fork
        if x <> y then Some(fork, x, y) else None)

/// Actions after which a user's join rules are in the auth chain of later join rules while no event between them is in
/// conflict: a stronger user joins under the first rules, and sets others.
let private joiningAgain: Action list = [
    Action.SetsTopic alice
    Action.Joins alice
    Action.Joins bob
    Action.GivesPower(alice, bob, 50)
    Action.SetsJoinRule(bob, "public")
    Action.SetsJoinRule(alice, "invite")
]

/// The state to which version 2 of the algorithm resolves a fork, and the state to which it would if auth chains
/// followed conflicted events only; none if they are equal.
let private byReading (fork: Fork) : (StateMap * StateMap) option =
    let graph, states = fork.Graph, fork.States

    let full =
        Set.union (snd (ConflictedState.split states)) (AuthDifference.ofStates graph states)

    let leaves id =
        AuthChains.chainWithin graph full id
        <> Set.intersect full (AuthChains.chain graph id)

    if Set.exists leaves full then
        let within = {
            Version2.steps with
                Below = AuthChains.chainWithin
        }

        let right = (Version2.resolveBy Version2.steps graph states).Resolved

        let other = (Version2.resolveBy within graph states).Resolved
        if right = other then None else Some(right, other)
    else
        None

let private smallestByReading =
    lazy
        (ofActions joiningAgain joiningAgain.Length Clock.Rising Versions.v2
         |> Seq.tryFind (byReading >> Option.isSome))

/// The smallest room of these actions in which it matters that auth chains lead beyond the conflicted events, with the
/// state that each reading resolves to. For algorithms without the conflicted subgraph: events between two conflicted
/// ones are in it, so that it makes no difference.
let beyondTheConflict (version: RoomVersion) : (Fork * StateMap * StateMap) option =
    let algorithm = version.Settings.StateResolution

    match smallestByReading.Value with
    | Some smallest when
        not algorithm.IsByType
        && not (algorithm.Has(ResolutionStep.Gather ConflictedPart.Subgraph))
        ->
        inVersion version smallest
        |> Option.bind (fun fork -> byReading fork |> Option.map (fun (right, other) -> fork, right, other))
    | _ -> None
