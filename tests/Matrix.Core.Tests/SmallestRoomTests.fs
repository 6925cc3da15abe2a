/// The smallest rooms of what is said about state resolution in docs/verification.md and decision 48.
module Matrix.Core.Tests.SmallestRoomTests

open Expecto
open Matrix.Testing
open Matrix.Rules
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds

let private words (actions: Forks.Action list) = actions |> List.map string

let private resolved (fork: Forks.Fork) =
    Forks.resolve fork.Version.Settings.StateResolution fork

/// The room in which counting the events of a state among its auth chain changes this type of entry alone.
let private apart actions most clock (version: RoomVersion) (eventType: string) =
    match (CountedAuthChains.smallest actions most clock version).TryFind eventType with
    | None -> failwith $"no room of version {version.Id} shows {eventType}"
    | Some(fork, apart) ->
        Expect.equal (resolved fork) apart.Stated "the server's resolver follows the specification"
        fork, apart

let tests =
    testList "SmallestRoomTests" [
        testTheory "By Synapse's auth chains join rules end differently in a line of four acts" [ "2"; "10"; "11" ]
        <| fun id ->
            let version = Versions.tryFind id |> Option.get

            let fork, apart =
                apart CountedAuthChains.ofTwo 4 Forks.Clock.Rising version "m.room.join_rules"

            Expect.equal
                (words fork.Actions)
                ([
                    "@bob:one joins"
                    "@alice:one gives @bob:one power 100"
                    "@bob:one sets the join rule to public"
                    "@alice:one sets the join rule to invite"
                ])
                "words"

            let ruleOf (state: StateMap) =
                fork.Graph.Events[state["m.room.join_rules", ""]].Content.Text "join_rule"

            Expect.equal (ruleOf apart.Stated, ruleOf apart.Counted) ("public", "invite") "rule of"

        testTheory "By Synapse's auth chains a membership ends differently in a line of one user's three acts" [
            "2"
            "10"
        ]
        <| fun id ->
            let version = Versions.tryFind id |> Option.get

            let fork, apart =
                apart CountedAuthChains.ofOne 3 Forks.Clock.Falling version "m.room.member"

            Expect.equal
                (words fork.Actions)
                ([
                    "@alice:one joins"
                    "@alice:one sets the join rule to invite"
                    "@alice:one joins"
                ])
                "words"

            let key = "m.room.member", DrawnRoom.alice
            Expect.equal apart.Stated[key] (fork.Graph.Events[List.last fork.Order].EventId) "stated"
            Expect.notEqual apart.Counted[key] apart.Stated[key] "counted"

        test "In version 12 the same rooms end alike" {
            for actions, most, clock in
                [
                    CountedAuthChains.ofTwo, 4, Forks.Clock.Rising
                    CountedAuthChains.ofOne, 3, Forks.Clock.Falling
                ] do
                Expect.isEmpty (CountedAuthChains.smallest actions most clock Versions.v12) "smallest"
        }

        // The smallest room in which a topic disappears that no state contradicts, because its sender was removed after
        // it.
        testTheory "A topic set before a kick is lost in a line of four acts" [ "2"; "11"; "12" ]
        <| fun id ->
            let version = Versions.tryFind id |> Option.get
            let alice, bob = DrawnRoom.alice, DrawnRoom.bob

            let place: Forks.RoomSearch = {
                Actions = [
                    Forks.Action.Joins bob
                    Forks.Action.GivesPower(alice, bob, 50)
                    Forks.Action.SetsTopic bob
                    Forks.Action.Removes(alice, bob)
                ]
                MaxActions = 4
                Clock = Forks.Clock.Rising
                Twice = true
            }

            let key = "m.room.topic", ""

            let isLost (fork: Forks.Fork) =
                match fork.States |> List.choose (Map.tryFind key) |> List.distinct with
                | [ _ ] -> (resolved fork).TryFind key = None
                | _ -> false

            let fork = Forks.at place version |> Seq.find isLost

            Expect.equal
                (words fork.Actions)
                ([
                    "@bob:one joins"
                    "@alice:one gives @bob:one power 50"
                    "@bob:one sets the topic"
                    "@alice:one removes @bob:one"
                ])
                "words"
    ]
