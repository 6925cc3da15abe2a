/// Version 1 of state resolution, each time with one defect.
module Matrix.Core.Tests.BrokenPasses

open Matrix.Rules
open Matrix.Core.Tests.BrokenResolutions
open Matrix.Properties.Reference.StateResolution


/// Version 1 with other steps.
let private first steps =
    broken Versions.v1 (Version1.resolveBy steps)

let private firstUsual = Version1.steps

let private authorises t =
    List.contains t [ "m.room.power_levels"; "m.room.join_rules"; "m.room.member" ]

/// All defects.
let all: Broken list = [
    first
        {
            firstUsual with
                DepthOrder = fun graph ids -> List.rev (Version1.depthOrder graph ids)
        }
        "the depth order is reversed" [ definition; "first.depth-order" ] [
            "ban-by-one-who-left"
            "join-rules-of-one-who-left"
            "joined-again"
            "left-twice"
            "topic-of-one-demoted"
            "unban-without-the-ban"
        ]
    first
        {
            firstUsual with
                DepthOrder =
                    fun graph ids ->
                        Version1.depthOrder graph ids
                        |> List.rev
                        |> List.sortBy (fun id -> graph.Events[id].Depth)
        }
        "at the same depth, the lesser SHA-1 comes first" [ definition; "first.depth-order" ] []
    first
        {
            firstUsual with
                DepthOrder = fun graph ids -> List.sortBy (time graph) ids
        }
        "events are ordered by timestamp instead of depth" [ definition; "any-order"; "first.depth-order" ] []
    first
        {
            firstUsual with
                Passes = [
                    (fun t -> t = "m.room.member"), true
                    (fun t -> t = "m.room.join_rules"), true
                    (fun t -> t = "m.room.power_levels"), true
                    (authorises >> not), false
                ]
        }
        "members are resolved before join rules, and join rules before power levels" [
            definition
            "first.passes-in-order"
        ] []
    first
        {
            firstUsual with
                Passes = [ authorises, true; (authorises >> not), false ]
        }
        "power levels, join rules and members are resolved in one pass" [ definition; "first.passes-in-order" ] []
    first { firstUsual with SeesItsPass = true } "a conflict sees the results of other conflicts in the same pass" [
        definition
    ] []
    first
        {
            firstUsual with
                Climb =
                    fun allowed order ->
                        (order.Head, order.Tail)
                        ||> List.fold (fun resolved next -> if allowed resolved next then next else resolved)
        }
        "events after a rejected event are tried too" [ definition; "first.refused-do-not-stand" ] []
    first
        {
            firstUsual with
                Climb = fun _ order -> List.last order
        }
        "for power levels, join rules and members the deepest event wins unchecked" [ definition ] [
            "a-team-loses-its-levels"
            "ban-by-one-who-left"
            "join-rules-of-one-who-left"
            "left-twice"
            "promoted-by-promoted"
        ]
    first
        {
            firstUsual with
                Pick = fun _ order -> order.Head
        }
        "for all other events the deepest wins unchecked" [ definition ] [ "topic-of-one-demoted" ]
    first
        {
            firstUsual with
                Uncontested = fun states -> fst (ConflictedState.split states)
        }
        "entries that some states lack are left out" [ definition; "first.missing-is-no-conflict" ] [
            "invited-by-former-moderator"
            "members-with-the-join-rules"
            "topic-before-the-kick"
        ]
    first
        {
            firstUsual with
                Uncontested =
                    fun states ->
                        (states.Head, states.Tail)
                        ||> List.fold (fun all state -> (all, state) ||> Map.fold (fun all key id -> all.Add(key, id)))
                Passes = []
        }
        "the last state wins" [ definition; "any-order"; "first.passes-in-order" ] [ "unban-without-the-ban" ]
]
