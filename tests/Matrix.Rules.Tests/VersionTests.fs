module Matrix.Rules.Tests.VersionTests

open NUnit.Framework
open Matrix.Rules
open Matrix.Rules.Tests.Check

let private version id =
    match Versions.tryFind id with
    | Some v -> v
    | None -> failwith $"there is no room version {id}"

let private paths keys =
    KeptContent.Paths(keys |> List.map (fun (k: string) -> k.Split '.' |> List.ofArray) |> List.sort)

[<Test>]
let ``There are twelve versions, each based on the one before`` () =
    Versions.all |> List.map _.Id |> equal [ for n in 1..12 -> string n ]

    for v in List.tail Versions.all do
        v.Parent |> equal (Some(string (int v.Id - 1)))

[<Test>]
let ``There are five redaction tables, shared by versions 1 to 5, 6 and 7, 8, 9 and 10, 11 and 12`` () =
    Versions.all
    |> List.groupBy _.Redaction
    |> List.map (snd >> List.map _.Id)
    |> equal [
        [ "1"; "2"; "3"; "4"; "5" ]
        [ "6"; "7" ]
        [ "8" ]
        [ "9"; "10" ]
        [ "11"; "12" ]
    ]

[<TestCase("1", "aliases")>]
[<TestCase("5", "aliases")>]
[<TestCase("6", "")>]
[<TestCase("12", "")>]
let ``Aliases survive redaction until version 5`` (id: string, kept: string) =
    let expected = if kept = "" then KeptContent.Paths [] else paths [ kept ]
    Redaction.keptOf (version id).Redaction "m.room.aliases" |> equal expected

[<Test>]
let ``A member event keeps what each version's page lists`` () =
    let kept id =
        Redaction.keptOf (version id).Redaction "m.room.member"

    kept "8" |> equal (paths [ "membership" ])
    kept "9" |> equal (paths [ "membership"; "join_authorised_via_users_server" ])

    kept "11"
    |> equal (
        paths [
            "membership"
            "join_authorised_via_users_server"
            "third_party_invite.signed"
        ]
    )

[<Test>]
let ``Join rules keep their conditions since version 8`` () =
    Redaction.keptOf (version "7").Redaction "m.room.join_rules"
    |> equal (paths [ "join_rule" ])

    Redaction.keptOf (version "8").Redaction "m.room.join_rules"
    |> equal (paths [ "allow"; "join_rule" ])

[<Test>]
let ``Version 11 keeps the whole create event, the invite level and the id in a redaction`` () =
    let v10, v11 = (version "10").Redaction, (version "11").Redaction

    Redaction.keptOf v10 "m.room.create" |> equal (paths [ "creator" ])
    Redaction.keptOf v11 "m.room.create" |> equal KeptContent.Whole
    Redaction.keptOf v10 "m.room.redaction" |> equal (KeptContent.Paths [])
    Redaction.keptOf v11 "m.room.redaction" |> equal (paths [ "redacts" ])

    let levels = [
        "ban"
        "events"
        "events_default"
        "kick"
        "redact"
        "state_default"
        "users"
        "users_default"
    ]

    Redaction.keptOf v10 "m.room.power_levels" |> equal (paths levels)
    Redaction.keptOf v11 "m.room.power_levels" |> equal (paths ("invite" :: levels))

    v10.TopLevel - v11.TopLevel
    |> equal (set [ "membership"; "origin"; "prev_state" ])

[<Test>]
let ``Event identifiers have three forms`` () =
    Versions.all
    |> List.map _.Settings.EventIds
    |> equal (
        List.replicate 2 EventIdForm.Assigned
        @ [ EventIdForm.Hash ]
        @ List.replicate 9 EventIdForm.UrlSafeHash
    )

[<Test>]
let ``There are three state resolutions`` () =
    Versions.all
    |> List.countBy _.Settings.StateResolution
    |> equal [
        StateResolutionAlgorithm.V1, 1
        StateResolutionAlgorithm.V2, 10
        StateResolutionAlgorithm.V2_1, 1
    ]

[<TestCase("1", "IntegersFloatsAndStrings")>]
[<TestCase("5", "IntegersFloatsAndStrings")>]
[<TestCase("6", "IntegersAndStrings")>]
[<TestCase("9", "IntegersAndStrings")>]
[<TestCase("10", "Integers")>]
let ``Fewer values count as power levels in later versions`` (id: string, expected: string) =
    $"%A{(version id).Settings.PowerLevelValues}" |> equal expected

[<TestCase("4", "NotEnforced")>]
[<TestCase("5", "Enforced")>]
let ``Keys must have been valid since version 5`` (id: string, expected: string) =
    $"%A{(version id).Settings.KeyValidity}" |> equal expected

[<Test>]
let ``The unstable version can be found by name, and no server uses it by default`` () =
    let id = "org.example.owned-state"
    Versions.tryFindUnstable id |> Option.bind _.Parent |> equal (Some "11")
    Versions.tryFind id |> equal None
    Versions.isKnown id |> equal false

[<Test>]
let ``Every setting is shown in words`` () =
    for v in Versions.withUnstable do
        for name, words in Settings.rows v.Settings do
            for case in [ "Ids"; "Hash"; "Domain"; "Enforced"; "And"; "Level"; "Server"; "V2" ] do
                if words.Contains(case, System.StringComparison.Ordinal) then
                    Assert.Fail $"{name} of version {v.Id} reads {words}"
