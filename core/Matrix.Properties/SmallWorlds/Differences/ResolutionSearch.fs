namespace Matrix.Properties.SmallWorlds

open Matrix.Rules

/// The smallest rooms of which two servers hold states that two versions resolve differently.
[<RequireQualifiedAccess>]
module internal ResolutionSearch =

    /// How many acts a room may have in which two algorithms of state resolution are looked for that differ.
    let private mostActs = 3

    let private named ((eventType, key): string * string) =
        if key = "" then eventType else $"{eventType} [{key}]"

    /// A room of which two servers hold different states, in words.
    let private told (fork: Forks.Fork) : string =
        let opening = List.truncate (fork.Order.Length - fork.Acts.Length) fork.Order
        let openingNames = String.concat ", " opening

        let acts =
            List.zip fork.Acts (List.skip opening.Length fork.Order)
            |> List.map (fun (act, id) -> $"; {act} ({id})")
            |> String.concat ""

        let held =
            match fork.States[1].TryFind fork.At with
            | Some id -> $"{id} as"
            | None -> "no"

        $"a room that @alice:one makes ({openingNames}){acts}. One server holds the state at the end; another, which is behind, has {held} {named fork.At}"

    /// What stands at a key of a resolved state, in words.
    let private outcome (key: string * string) (state: Map<string * string, string>) =
        match state.TryFind key with
        | Some id -> $"{named key} resolves to {id}"
        | None -> $"{named key} resolves to nothing"

    /// The smallest room, and the states that two of its servers hold, which the two versions resolve to different states.
    let resolved (a: RoomVersion) (b: RoomVersion) : Shown option =
        Forks.difference mostActs b a.Settings.StateResolution b.Settings.StateResolution
        |> Option.bind (fun (fork, first, second) ->
            fork.States
            |> List.collect (Map.keys >> List.ofSeq)
            |> List.distinct
            |> List.tryFind (fun key -> first.TryFind key <> second.TryFind key)
            |> Option.map (fun key ->
                Shown.Resolved {
                    Fork = fork
                    Key = key
                    First = first.TryFind key
                    Second = second.TryFind key
                    Words = told fork, outcome key first, outcome key second
                }))

    /// The smallest room in which it matters how auth chains are read, of two versions of which one knows none.
    let readAlong (a: RoomVersion) (b: RoomVersion) : Shown option =
        let stands (version: RoomVersion) (fork: Forks.Fork) right other =
            if version.Settings.StateResolution = StateResolutionAlgorithm.V1 then
                let first = Forks.resolve version.Settings.StateResolution fork
                first.TryFind fork.At, outcome fork.At first + "; auth chains are not asked"
            else
                Map.tryFind fork.At right,
                outcome fork.At right
                + $"; if auth chains were followed among events in conflict only, {outcome fork.At other}"

        Forks.beyondTheConflict a
        |> Option.orElseWith (fun () -> Forks.beyondTheConflict b)
        |> Option.map (fun (fork, right, other) ->
            let first, inFirst = stands a fork right other
            let second, inSecond = stands b fork right other

            Shown.Resolved {
                Fork = fork
                Key = fork.At
                First = first
                Second = second
                Words = told fork, inFirst, inSecond
            })
