module Matrix.Rules.Tests.VersionTests

open Expecto
open Matrix.Testing
open Matrix.Rules
open Matrix.Rules.Tests.Check

let private version id =
    match Versions.tryFind id with
    | Some v -> v
    | None -> failwith $"there is no room version {id}"

let private paths keys =
    KeptContent.Paths(keys |> List.map (fun (k: string) -> k.Split '.' |> List.ofArray) |> List.sort)

let tests =
    testList "VersionTests" [
        test "There are twelve versions, each based on the one before" {
            Versions.all |> List.map _.Id |> equal [ for n in 1..12 -> string n ]

            for v in List.tail Versions.all do
                v.Parent |> equal (Some(string (int v.Id - 1)))
        }

        test "There are five redaction tables, shared by versions 1 to 5, 6 and 7, 8, 9 and 10, 11 and 12" {
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
        }

        testTheory "Aliases survive redaction until version 5" [ "1", "aliases"; "5", "aliases"; "6", ""; "12", "" ]
        <| fun (id, kept) ->
            let expected = if kept = "" then KeptContent.Paths [] else paths [ kept ]
            Redaction.keptOf (version id).Redaction "m.room.aliases" |> equal expected

        test "A member event keeps what each version's page lists" {
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
        }

        test "Join rules keep their conditions since version 8" {
            Redaction.keptOf (version "7").Redaction "m.room.join_rules"
            |> equal (paths [ "join_rule" ])

            Redaction.keptOf (version "8").Redaction "m.room.join_rules"
            |> equal (paths [ "allow"; "join_rule" ])
        }

        test "Version 11 keeps the whole create event, the invite level and the id in a redaction" {
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
        }

        test "Event identifiers have three forms" {
            Versions.all
            |> List.map _.Settings.EventIds
            |> equal (
                List.replicate 2 EventIdForm.Assigned
                @ [ EventIdForm.Hash ]
                @ List.replicate 9 EventIdForm.UrlSafeHash
            )
        }

        test "There are three state resolutions" {
            Versions.all
            |> List.countBy _.Settings.StateResolution
            |> equal [
                StateResolutionAlgorithm.V1, 1
                StateResolutionAlgorithm.V2, 10
                StateResolutionAlgorithm.V2_1, 1
            ]
        }

        testTheory "Fewer values count as power levels in later versions" [
            "1", "IntegersFloatsAndStrings"
            "5", "IntegersFloatsAndStrings"
            "6", "IntegersAndStrings"
            "9", "IntegersAndStrings"
            "10", "Integers"
        ]
        <| fun (id, expected) -> $"%A{(version id).Settings.PowerLevelValues}" |> equal expected

        testTheory "Keys must have been valid since version 5" [ "4", "NotEnforced"; "5", "Enforced" ]
        <| fun (id, expected) -> $"%A{(version id).Settings.KeyValidity}" |> equal expected

        test "The unstable version can be found by name, and no server uses it by default" {
            let id = "org.example.owned-state"
            Versions.tryFindUnstable id |> Option.bind _.Parent |> equal (Some "11")
            Versions.tryFind id |> equal None
            Versions.isKnown id |> equal false
        }

        test "Every setting is shown in words" {
            for v in Versions.withUnstable do
                for name, words in Settings.rows v.Settings do
                    for case in [ "Ids"; "Hash"; "Domain"; "Enforced"; "And"; "Level"; "Server"; "V2" ] do
                        if words.Contains(case, System.StringComparison.Ordinal) then
                            failtest $"{name} of version {v.Id} reads {words}"
        }
    ]
