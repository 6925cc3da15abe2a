/// Rooms that show the purpose of a step of state resolution: without it they resolve differently.
[<RequireQualifiedAccess>]
module Matrix.Properties.Scenarios.StepsShown

open Matrix.Rules
open Matrix.Properties.Generators.DrawnRoom

// Alice changed the levels twice, on two branches; both servers hold $p1. One also has Bob's topic, whose auth events
// include $p2.
//
//   $create ── $alice ── $p0 ──┬── $p1
//                              └── $p2 (Bob 50) ── $topic (by Bob)
//
//   { $p1, $topic }  +  { $p1 }
//
// $p2 is in the auth difference, is tried, and passes: while the topic is decided it replaces $p1.
//
/// Levels on which the states agree.
let levelsOfAnotherBranch: StateResets.Scenario = {
    Name = "levels-of-another-branch"
    Meaning =
        "The power levels that a topic's auth events name are tried with it and pass; at the end the power levels \
         that all states share replace them."
    Seen = "the purpose of the algorithm's last step"
    Events =
        fun version ->
            let creator = creatorsLevel version

            [
                create
                joins "$alice" alice [ "$create" ]
                levels "$p0" alice creator [] [ "$create"; "$alice" ]
                joinRules "$public" alice "public" [ "$create"; "$p0"; "$alice" ]
                joins "$bob" bob [ "$create"; "$p0"; "$public" ]
                levels "$p1" alice creator [] [ "$create"; "$p0"; "$alice" ]
                levels "$p2" alice (creator @ [ bob, 50 ]) [] [ "$create"; "$p0"; "$alice" ]
                topic "$topic" bob "ours" [ "$create"; "$p2"; "$bob" ]
            ]
    States = [
        [ "$create"; "$alice"; "$public"; "$bob"; "$p1"; "$topic" ]
        [ "$create"; "$alice"; "$public"; "$bob"; "$p1" ]
    ]
    At = ("m.room.power_levels", "")
    Leaves =
        Map [
            for algorithm in
                [
                    StateResolutionAlgorithm.V1
                    StateResolutionAlgorithm.V2
                    StateResolutionAlgorithm.V2_1
                ] -> algorithm, Some "$p1"
        ]
}

/// All of them.
let all: StateResets.Scenario list = [ levelsOfAnotherBranch ]
