module Matrix.Rules.Tests.LintTests

open NUnit.Framework
open Matrix.Rules
open Matrix.Rules.Tests.Check

[<Test>]
let ``Nothing is wrong with the tables`` () =
    Lint.all Versions.withUnstable |> equal []

[<Test>]
let ``There are eight authorization tables`` () =
    Versions.all
    |> List.groupBy _.Authorization
    |> List.map (snd >> List.map _.Id)
    |> equal [
        [ "1"; "2" ]
        [ "3"; "4"; "5" ]
        [ "6" ]
        [ "7" ]
        [ "8"; "9" ]
        [ "10" ]
        [ "11" ]
        [ "12" ]
    ]

let private whats (findings: Finding list) =
    findings |> List.map (fun f -> f.Name, f.What)

[<Test>]
let ``An amendment that touches a rule in passing is found out`` () =
    let careless = {
        Msc2403.knocking with
            Changes = Change.Authorization(Edit.Remove "member.ban.power") :: Msc2403.knocking.Changes
    }

    Lint.amendment Versions.v6 careless
    |> whats
    |> equal [ "authorization/member.ban.power", "is touched and not declared" ]

[<Test>]
let ``An amendment that moves a rule is found out`` () =
    let ban =
        Versions.v6.Authorization
        |> Rule.all
        |> List.find (fun r -> Rule.name r = "member.ban")

    let moving = {
        Msc2403.knocking with
            Changes =
                Change.Authorization(Edit.Remove "member.ban")
                :: Change.Authorization(Edit.InsertBefore("member.join", ban))
                :: Msc2403.knocking.Changes
    }

    Lint.amendment Versions.v6 moving
    |> whats
    |> equal [ "authorization/member", "is touched and not declared" ]

[<Test>]
let ``An amendment that declares what it leaves alone is found out`` () =
    let boastful = {
        Msc1884.urlSafeEventIds with
            Touches = "authorization/otherwise" :: Msc1884.urlSafeEventIds.Touches
    }

    Lint.amendment Versions.v3 boastful
    |> whats
    |> equal [ "authorization/otherwise", "is declared and not touched" ]

[<Test>]
let ``A rule behind one that always decides is found out`` () =
    let hidden = {
        Versions.v12 with
            Authorization = otherwise "early" Outcome.Allow :: Versions.v12.Authorization
    }

    Lint.version hidden |> whats |> equal [ "early", "hides the rules after it" ]

[<Test>]
let ``Two rules of one name are found out`` () =
    let twice = {
        Versions.v12 with
            Authorization = Rule.edit (Edit.InsertBefore("otherwise", Authorization.Creating.federate)) Versions.v12.Authorization
    }

    Lint.version twice
    |> whats
    |> equal [ "federate", "is the name of several rules" ]
