namespace Matrix.Properties.SmallWorlds

open System.Collections.Concurrent
open Matrix.Rules
open Matrix.Properties.Generators

/// The smallest rooms with two states that two versions resolve differently.
[<RequireQualifiedAccess>]
module internal ResolutionSearch =

    /// The number of actions of the largest rooms in which two algorithms are compared.
    let private maxActions = 3

    /// The number of rooms searched for one that shows both a row and a difference between the versions.
    let private mostCompared = 800

    let private alice, bob, carol = DrawnRoom.alice, DrawnRoom.bob, DrawnRoom.carol

    let private any: Forks.RoomSearch = {
        Actions = Forks.actions
        MaxActions = maxActions
        Clock = Forks.Clock.Rising
        Twice = false
    }

    let private of' (clock: Forks.Clock) (maxActions: int) (actions: Forks.Action list) : Forks.RoomSearch = {
        Actions = actions
        MaxActions = maxActions
        Clock = clock
        Twice = false
    }

    /// The rooms in which a row is searched for: those in which its step has something to decide.
    let private placeOf (row: string) : Forks.RoomSearch =
        match row with
        // Events sent at the same time, or with times in another order.
        | "state.v1.power-levels.next"
        | "state.power-ordering.id"
        | "state.mainline-ordering.id"
        | "state.resolve.power-events" -> of' Forks.Clock.Still 2 Forks.actions
        | "state.v1.members"
        | "state.v1.others"
        | "state.power-ordering.time"
        | "state.mainline-ordering.time"
        | "state.resolve.check-others" -> of' Forks.Clock.Falling 2 Forks.actions
        | "state.auth-chain" -> of' Forks.Clock.Falling 3 [ Forks.Action.Joins bob; Forks.Action.Leaves bob ]
        | "state.power-ordering" ->
            of' Forks.Clock.Still 3 [
                Forks.Action.Joins bob
                Forks.Action.GivesPower(alice, bob, 50)
                Forks.Action.GivesPower(bob, carol, 50)
            ]
        // Two senders of different power, neither of whose events is in the other's auth chain.
        | "state.power-ordering.first" ->
            of' Forks.Clock.Rising 4 [
                Forks.Action.GivesPower(alice, bob, 50)
                Forks.Action.Joins bob
                Forks.Action.SetsJoinRule(bob, "invite")
                Forks.Action.SetsJoinRule(alice, "public")
            ]
        // Topics whose auth chains have different power levels.
        | "state.mainline"
        | "state.mainline-position"
        | "state.mainline-ordering"
        | "state.mainline-ordering.first"
        | "state.resolve.others" -> {
            of' Forks.Clock.Falling 4 [
                Forks.Action.SetsTopic alice
                Forks.Action.GivesPower(alice, bob, 50)
                Forks.Action.GivesPower(alice, bob, 0)
            ] with
                Twice = (row <> "state.mainline-ordering" && row <> "state.mainline-ordering.first")
          }
        | "state.v1.power-levels" ->
            of' Forks.Clock.Rising 3 [
                Forks.Action.Joins bob
                Forks.Action.GivesPower(alice, bob, 50)
                Forks.Action.GivesPower(bob, carol, 50)
            ]
        // Conflicts at two keys, one of which affects the other.
        | "state.v1.join-rules" -> {
            of' Forks.Clock.Rising 4 [
                Forks.Action.Joins bob
                Forks.Action.Leaves bob
                Forks.Action.SetsJoinRule(alice, "public")
            ] with
                Twice = true
          }
        | "state.power-events" -> {
            of' Forks.Clock.Rising 4 [
                Forks.Action.Joins bob
                Forks.Action.Removes(alice, bob)
                Forks.Action.SetsTopic bob
                Forks.Action.GivesPower(alice, bob, 50)
            ] with
                Twice = true
          }
        | _ -> any

    let private named ((eventType, key): string * string) =
        if key = "" then eventType else $"{eventType} [{key}]"

    /// A room and its two states, in words.
    let private describe (fork: Forks.Fork) : string =
        let opening = List.truncate (fork.Order.Length - fork.Actions.Length) fork.Order
        let openingNames = String.concat ", " opening

        let actions =
            List.zip fork.Actions (List.skip opening.Length fork.Order)
            |> List.map (fun (action, id) -> $"; {action} ({id})")
            |> String.concat ""

        let held =
            fork.Behind
            |> List.map (fun (key, id) ->
                match id with
                | Some id -> $"{id} as {named key}"
                | None -> $"no {named key}")
            |> String.concat " and "

        $"a room that @alice:one creates ({openingNames}){actions}. One server holds the state at the end; another, \
         which is behind, has {held}"

    /// The event at a key of a resolved state, in words.
    let private outcome (key: string * string) (state: Map<string * string, string>) =
        match state.TryFind key with
        | Some id -> $"{named key} resolves to {id}"
        | None -> $"{named key} resolves to nothing"

    let private own (fork: Forks.Fork) : StateMap =
        Forks.resolve fork.Version.Settings.StateResolution fork

    let private keys (fork: Forks.Fork) : (string * string) list =
        fork.States |> List.collect (Map.keys >> List.ofSeq) |> List.distinct

    /// The smallest room with two states that the two versions resolve differently.
    let resolved (a: RoomVersion) (b: RoomVersion) : ShownCase option =
        Forks.at any b
        |> Seq.tryPick (fun fork ->
            match Forks.inVersion a fork with
            | None -> None
            | Some inFirst ->
                let first, second = own inFirst, own fork

                keys fork
                |> List.tryFind (fun key -> first.TryFind key <> second.TryFind key)
                |> Option.map (fun key ->
                    ShownCase.Resolved {
                        FirstFork = inFirst
                        Fork = fork
                        Key = key
                        First = first.TryFind key
                        Second = second.TryFind key
                        Words = describe fork, outcome key first, outcome key second
                    }))

    /// A room that shows a row of the version that has it, in both versions.
    type private Showing = {
        Fork: Forks.Fork
        InOther: Forks.Fork
        Key: string * string
        /// The resolved state without the row.
        Without: StateMap
    }

    let private showing
        (without: ResolutionRows.Resolve)
        (other: RoomVersion)
        (differ: bool)
        (fork: Forks.Fork)
        : Showing option =
        let wrong = lazy without fork.Graph fork.States
        let right = own fork

        if right = wrong.Value then
            None
        else
            match Forks.inVersion other fork with
            | None -> None
            | Some inOther ->
                let others = own inOther

                keys fork
                |> List.tryFind (fun key ->
                    right.TryFind key <> wrong.Value.TryFind key
                    && (not differ || right.TryFind key <> others.TryFind key))
                |> Option.map (fun key -> {
                    Fork = fork
                    InOther = inOther
                    Key = key
                    Without = wrong.Value
                })

    /// Rooms that were found, by the row and both algorithms. They are tried first for other versions with the same
    /// algorithms.
    let private found =
        ConcurrentDictionary<struct (string * StateResolutionAlgorithm * StateResolutionAlgorithm), Showing option>()

    let private search (has: RoomVersion) (other: RoomVersion) (row: string) : Showing option =
        match ResolutionRows.without has other row with
        | None -> None
        | Some without ->
            let key = struct (row, has.Settings.StateResolution, other.Settings.StateResolution)

            let anew () =
                let rooms = Forks.at (placeOf row) has |> Seq.cache
                // A room in which the two versions also differ is preferred, if a small one exists.
                rooms
                |> Seq.truncate mostCompared
                |> Seq.tryPick (showing without other true)
                |> Option.orElseWith (fun () -> rooms |> Seq.tryPick (showing without other false))

            match found.GetOrAdd(key, (fun _ -> anew ())) with
            | Some known when known.Fork.Version.Id = has.Id && known.InOther.Version.Id = other.Id -> Some known
            | Some known ->
                Forks.inVersion has known.Fork
                |> Option.bind (showing without other false)
                |> Option.orElseWith anew
            | None -> None

    /// The smallest room that shows the purpose of a row: its states resolve differently without the row, or with the
    /// other version's row. `isOfFirst` says that the first version has the row and the second has not.
    let ofRow (a: RoomVersion) (b: RoomVersion) (row: string) (isOfFirst: bool) (isChanged: bool) : ShownCase option =
        let has, other = if isOfFirst then a, b else b, a

        search has other row
        |> Option.map (fun showing ->
            let key = showing.Key

            let inFirst, inSecond =
                if isOfFirst then
                    showing.Fork, showing.InOther
                else
                    showing.InOther, showing.Fork

            let first, second = own inFirst, own inSecond

            let words =
                if isChanged then
                    $"; with this row as in {other.Id}, {outcome key showing.Without}"
                else
                    $"; without this row, {outcome key showing.Without}"

            let outcomeIn isOfThis state =
                outcome key state + (if isOfThis then words else "")

            ShownCase.Resolved {
                FirstFork = inFirst
                Fork = inSecond
                Key = key
                First = first.TryFind key
                Second = second.TryFind key
                Words = describe inSecond, outcomeIn isOfFirst first, outcomeIn (not isOfFirst) second
            })

    /// A room in which the versions differ, for a row that no room of a few actions shows by itself.
    let showingNotAlone (shown: ShownCase) : ShownCase =
        match shown with
        | ShownCase.Resolved({ Words = given, first, second } as apart) ->
            ShownCase.Resolved {
                apart with
                    Words = $"no room of few acts shows this row alone; the algorithms differ in {given}", first, second
            }
        | other -> other

    /// The smallest room in which the reading of auth chains matters, for two versions of which one does not use them.
    let readAlong (a: RoomVersion) (b: RoomVersion) : ShownCase option =
        let keyOf (fork: Forks.Fork) = fst fork.Behind.Head

        let drawnIn (version: RoomVersion) (fork: Forks.Fork) =
            if fork.Version.Id = version.Id then
                Some fork
            else
                Forks.inVersion version fork

        let stands (version: RoomVersion) (fork: Forks.Fork) other =
            let key = keyOf fork
            let right = own fork

            if version.Settings.StateResolution.IsByType then
                right.TryFind key, outcome key right + "; auth chains are not used"
            else
                right.TryFind key,
                outcome key right
                + $"; if auth chains followed conflicted events only, {outcome key other}"

        Forks.beyondTheConflict a
        |> Option.orElseWith (fun () -> Forks.beyondTheConflict b)
        |> Option.bind (fun (fork, _, other) ->
            match drawnIn a fork, drawnIn b fork with
            | Some inFirst, Some inSecond ->
                let first, firstWords = stands a inFirst other
                let second, secondWords = stands b inSecond other

                Some(
                    ShownCase.Resolved {
                        FirstFork = inFirst
                        Fork = inSecond
                        Key = keyOf fork
                        First = first
                        Second = second
                        Words = describe inSecond, firstWords, secondWords
                    }
                )
            | _ -> None)
