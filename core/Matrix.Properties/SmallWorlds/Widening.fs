/// Worlds with further axes, for versions whose clauses read more than those of the specification's versions.
[<RequireQualifiedAccess>]
module internal Matrix.Properties.SmallWorlds.Widening

open System.Collections.Generic
open Matrix.Rules
open Matrix.Core.Json
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds.Universe

/// A world whose axes and parts grow.
[<Sealed>]
type private Wider(world: World) =

    let axes = List<Axis>(world.Axes)
    let mutable state = world.State
    let mutable event = world.Event
    let mutable facts = world.Facts
    let mutable kinds = world.Kinds

    /// Adds types of its events that are not member events.
    member _.Types(types: string list) =
        kinds <- kinds @ [ for name in types -> { Type = name; Membership = "" } ]

    member _.Axis(name: string, choices: (string * int * 'a) list) : AxisOf<'a> =
        let axis = {
            Name = name
            Choices = [| for words, weight, _ in choices -> { Words = words; Weight = weight } |]
        }

        axes.Add axis
        AxisOf<'a>(axes.Count - 1, axis, [| for _, _, value in choices -> value |])

    /// Changes the event in a slot by the choice on an axis.
    member _.Slot(slot: Slot, axis: AxisOf<'a>, change: 'a -> Draft option -> Draft option) =
        let before =
            state
            |> List.tryFind (fun (at, _) -> at = slot)
            |> Option.map snd
            |> Option.defaultValue { Axes = []; Build = fun _ _ -> None }

        let after = {
            Axes = (axis :> IAxis) :: before.Axes
            Build = fun version at -> before.Build version at |> change (at.At axis)
        }

        state <- List.filter (fun (at, _) -> at <> slot) state @ [ slot, after ]

    member _.Has(slot: Slot) : bool =
        state |> List.exists (fun (at, _) -> at = slot)

    /// Changes the event in question.
    member _.Event(axis: AxisOf<'a>, change: 'a -> Draft -> Draft) =
        let before = event

        event <- {
            Axes = (axis :> IAxis) :: before.Axes
            Build = fun version at -> before.Build version at |> change (at.At axis)
        }

    /// Changes the facts about the event.
    member _.Facts(axis: AxisOf<'a>, change: 'a -> Said -> Said) =
        let before = facts

        facts <- {
            Axes = (axis :> IAxis) :: before.Axes
            Build = fun version at -> before.Build version at |> change (at.At axis)
        }

    /// The finished world. Its base stays: a slot that had no event before has one in some cases only.
    member _.World: World =
        let added = axes.Count - world.Axes.Length
        let places = [| world.Axes.Length .. axes.Count - 1 |]

        {
            world with
                Kinds = kinds
                Axes = axes.ToArray()
                Idle = Array.append world.Idle (Array.create added None)
                Lightest = [|
                    yield! world.Lightest

                    for place in places do
                        let weights = axes[place].Choices |> Array.map _.Weight
                        System.Array.IndexOf(weights, Array.min weights)
                |]
                Swap =
                    world.Swap
                    |> Option.map (fun swap -> {
                        Source = Array.append swap.Source places
                        Renamed =
                            Array.append swap.Renamed [|
                                for place in places -> Array.init axes[place].Choices.Length id
                            |]
                    })
                State = state
                Event = event
                Facts = facts
        }

/// An object with a value at a path, unless something is there.
let rec private filled (path: Path) (value: Json) (members: (string * Json) list) : (string * Json) list =
    match path with
    | [] -> members
    | [ key ] when members |> List.exists (fun (k, _) -> k = key) -> members
    | [ key ] -> members @ [ key, value ]
    | key :: rest ->
        match members |> List.tryFind (fun (k, _) -> k = key) with
        | None -> members @ [ key, nested (filled rest value []) ]
        | Some(_, Json.Object inside) ->
            let inside = filled rest value [ for struct (k, v) in inside.Members -> k, v ]

            [ for k, v in members -> k, (if k = key then nested inside else v) ]
        | Some _ -> members

let private withFields (paths: Path list) (value: Json option) (draft: Draft) : Draft =
    match value with
    | None -> draft
    | Some value -> {
        draft with
            Content =
                (draft.Content, paths)
                ||> List.fold (fun content path -> filled path value content)
      }

/// The values of fields that no version of the specification reads.
let private values (what: string) : (string * int * Json option) list = [
    "", 0, None
    $"{what} true", 1, Some(Json.Bool true)
    $"{what} 50", 1, Some(number 50)
    $"{what} \"x\"", 1, Some(text "x")
    $"{what} bob", 1, Some(text bob)
]

let private slotOf (eventType: string) : Slot option =
    match eventType with
    | "m.room.create" -> Some Slot.Create
    | "m.room.power_levels" -> Some Slot.Levels
    | "m.room.join_rules" -> Some Slot.JoinRules
    | "m.room.third_party_invite" -> Some Slot.Invitation
    | _ -> None

let private members = [ Slot.Alice, alice; Slot.Bob, bob; Slot.Carol, carol ]

/// The levels, and entries of users, that the power levels do not have yet.
let private withLevels (names: string list) (hasUsers: bool) (level: int option) (draft: Draft option) : Draft option =
    match level, draft with
    | None, _
    | _, None -> draft
    | Some level, Some draft ->
        let paths = [
            for name in names -> [ name ]
            if hasUsers then
                for user in users -> [ "users"; user ]
        ]

        Some(withFields paths (Some(number level)) draft)

/// The world with axes for what is read besides.
let of' (besides: Set<Read>) (world: World) : World =
    let wider = Wider world

    let levels = [
        for read in besides do
            match read with
            | Read.Level name -> name
            | _ -> ()
    ]

    let constants = [
        for read in besides do
            match read with
            | Read.Constant level -> int level
            | _ -> ()
    ]

    let hasUsers =
        besides
        |> Set.exists (function
            | Read.PowerOf _
            | Read.Constant _ -> true
            | _ -> false)

    if hasUsers || not levels.IsEmpty then
        let axis =
            wider.Axis(
                "other levels",
                [
                    "", 0, None

                    for level in
                        [
                            for around in 50 :: constants do
                                for level in around - 1 .. around + 1 -> level
                        ]
                        |> List.distinct do
                        $"other levels are {level}", 1, Some level
                ]
            )

        let isThere = wider.Has Slot.Levels

        wider.Slot(
            Slot.Levels,
            axis,
            fun level draft ->
                if isThere || level.IsNone then
                    withLevels levels hasUsers level draft
                else
                    withLevels levels hasUsers level (levelsOf [])
        )

    let fields = [
        for read in besides do
            match read with
            | Read.Field path -> path
            | _ -> ()
    ]

    if not fields.IsEmpty then
        wider.Event(wider.Axis("other fields", values "other fields are"), withFields fields)

    let stateFields = [
        for read in besides do
            match read with
            | Read.StateField(eventType, path) ->
                match slotOf eventType with
                | Some slot -> slot, path
                | None -> ()
            | _ -> ()
    ]

    if not stateFields.IsEmpty then
        let axis =
            wider.Axis("other fields of the state", values "other fields of the state are")

        for slot, fields in List.groupBy fst stateFields do
            wider.Slot(slot, axis, (fun value -> Option.map (withFields (List.map snd fields) value)))

    if besides.Contains Read.JoinRule && not (wider.Has Slot.JoinRules) then
        let axis =
            wider.Axis("join rules", [ for words, weight, rule in joinRules -> words, weight, rule ])

        wider.Slot(Slot.JoinRules, axis, (fun rule _ -> joinRulesOf rule))

    if
        besides
        |> Set.exists (function
            | Read.MembershipOf _ -> true
            | _ -> false)
    then
        let axis =
            wider.Axis(
                "other memberships",
                [
                    "", 0, Membership.Absent
                    for membership in List.except [ Membership.Absent ] Membership.all do
                        $"others: {Settings.membershipWord membership}", 1, membership
                ]
            )

        for slot, user in members do
            wider.Slot(slot, axis, (fun membership draft -> draft |> Option.orElse (memberOf user membership)))

    let types = [
        for read in besides do
            match read with
            | Read.Type name -> name
            | _ -> ()
    ]

    if not types.IsEmpty then
        let axis =
            wider.Axis(
                "other types",
                [
                    "", 0, None
                    for name in types do
                        $"its type is {name}", 1, Some name
                ]
            )

        wider.Types types

        // The axes that are idle for these are idle for other types without rules of their own; not so for all.
        wider.Event(
            axis,
            fun name draft ->
                match name with
                | Some name when List.contains draft.Type [ "m.room.message"; "m.room.name"; "org.example.own" ] -> {
                    draft with
                        Type = name
                  }
                | _ -> draft
        )

    if
        besides
        |> Set.exists (function
            | Read.SignatureOf _ -> true
            | _ -> false)
    then
        let axis =
            wider.Axis(
                "other signatures",
                [
                    "", 0, None
                    "signed by server one only", 1, Some "one"
                    "signed by server two only", 1, Some "two"
                ]
            )

        wider.Facts(
            axis,
            fun server said ->
                match server with
                | None -> said
                | Some server -> {
                    said with
                        Signers = said.Signers |> Array.filter ((=) server)
                  }
        )

    wider.World
