/// The smallest cases that show how room versions differ.
module Matrix.Core.Tests.DifferenceTests

open Expecto
open Matrix.Testing
open Matrix.Rules
open Matrix.Rules.Printing
open Matrix.Core.Auth
open Matrix.Properties.Generators
open Matrix.Properties.Reference.Authorization
open Matrix.Properties.SmallWorlds

let private neighbours =
    Versions.withUnstable
    |> List.choose (fun v ->
        v.Parent
        |> Option.bind Versions.tryFindUnstable
        |> Option.map (fun parent -> parent, v))
    // And distant versions, in both directions.
    |> List.append [
        Versions.v1, Versions.v12
        Versions.v12, Versions.v1
        Versions.v8, Versions.v7
    ]

let private verdicts (a: string) (b: string) (row: string) =
    let version id = Versions.tryFind id |> Option.get

    Differences.search [ Area.Authorization ] (version a) (version b)
    |> List.pick (fun w ->
        match w.Case with
        | Some(ShownCase.Decided apart) when (RowChanges.row w.Change).Id = row ->
            Some(apart.FirstDecision.IsOk, apart.SecondDecision.IsOk)
        | _ -> None)

let tests =
    testList "DifferenceTests" [
        testList "Every row that differs has a case that shows it" [
            for a, b in neighbours do
                test $"{a.Id} to {b.Id}" {
                    let found = Differences.search Areas.all a b

                    let missing =
                        found
                        |> List.filter _.Case.IsNone
                        |> List.map (fun w -> (RowChanges.row w.Change).Id)

                    Expect.isEmpty missing "missing"

                    for w in found do
                        match w.Case with
                        | Some(ShownCase.Decided apart) ->
                            // Both evaluators agree, on each version's own case.
                            Expect.equal (AuthReference.decide apart.First) apart.FirstDecision "decide"
                            Expect.equal (AuthReference.decide apart.Second) apart.SecondDecision "decide"
                            Expect.equal (AuthCase.decide (AuthRules a) apart.First) apart.FirstDecision "decide"
                            Expect.equal (AuthCase.decide (AuthRules b) apart.Second) apart.SecondDecision "decide"
                            Expect.notEqual apart.FirstDecision apart.SecondDecision "first decision"
                        | Some(ShownCase.Redacted(_, first, second)) -> Expect.isFalse (first.Equals second) "equals"
                        | Some(ShownCase.InWords(_, first, second)) -> Expect.notEqual first second "first"
                        | Some(ShownCase.Resolved { Words = _, first, second }) -> Expect.notEqual first second "first"
                        | None -> ()
                }
        ]

        testTheory "A case shows the verdict that a rule changed" [
            "11", "12", "create.additional-creators", true, false
            "11", "12", "power-levels.creators", true, false
            "11", "12", "auth-events.create", false, true
            "6", "7", "member.leave.self", false, true
            "5", "6", "power-levels.entries-before", true, false
            "9", "10", "power-levels.named", true, false
        ]
        <| fun (a, b, row, first, second) -> Expect.equal (verdicts a b row) (first, second) "verdicts"

        test "Each row is shown by a case of its own kind" {
            let given =
                Differences.search [ Area.Signatures ] Versions.v1 Versions.v12
                |> List.choose (fun w ->
                    match w.Case with
                    | Some(ShownCase.InWords(given, _, _)) -> Some((RowChanges.row w.Change).Id, given)
                    | _ -> None)
                |> Map.ofList

            Expect.stringStarts (given["signatures.authorising-user"]) "a join of" "given"
            Expect.isTrue (given.Values |> Seq.exists _.StartsWith("a message of")) "values"
        }

        test "The reading of auth chains is shown by a room in which it matters" {
            for a, b in [ "1", "2"; "1", "11" ] do
                let version id = Versions.tryFind id |> Option.get

                let shown =
                    Differences.search [ Area.StateResolution; Area.Policy ] (version a) (version b)
                    |> List.tryPick (fun w ->
                        if (RowChanges.row w.Change).Id = "policy.resolution.auth-chains" then
                            w.Case
                        else
                            None)

                match shown with
                | Some(ShownCase.Resolved { Words = given, _, second }) ->
                    Expect.stringContains given "@alice:one joins" "given"
                    Expect.stringStarts second "m.room.join_rules resolves to $e9; if" "second"
                    Expect.stringEnds second "m.room.join_rules resolves to $e6" "second"
                | other -> failtest $"%A{other}"
        }

        test "A redaction that two versions handle differently is shown" {
            let shownIn a b =
                Differences.search [ Area.Redaction ] a b
                |> List.choose (fun w ->
                    match w.Case with
                    | Some(ShownCase.InWords(given, first, second)) ->
                        Some((RowChanges.row w.Change).Id, (given, first, second))
                    | _ -> None)
                |> Map.ofList

            let sinceHashes = shownIn Versions.v2 Versions.v3

            // The older version's authorization checks the power, the newer version's handling.
            let _, first, second = sinceHashes["redaction.applied.power"]

            Expect.equal first "it is accepted by redaction.power, and applied by redaction.applied.otherwise" "first"
            Expect.equal second "it is accepted by otherwise, and applied by redaction.applied.power" "second"

            // The older version checks event ids, the newer one senders.
            let given, first, second = sinceHashes["redaction.applied.same-server"]
            Expect.stringContains given "the identifier is of server one" "given"

            Expect.equal
                first
                "it is accepted by redaction.same-server, and applied by redaction.applied.otherwise"
                "first"

            Expect.equal second "it is accepted by otherwise, and applied by redaction.applied.same-server" "second"

            let _, first, second = sinceHashes["redaction.applied.otherwise"]
            Expect.stringStarts first "the redaction itself is rejected" "first"
            Expect.stringContains second "and not applied" "second"

            // A version that differs only in this.
            let handling = Rule.edit (Edit.Remove "redaction.applied.same-server")

            let _, first, second =
                (shownIn Versions.v12 {
                    Versions.v12 with
                        Id = "org.example.by-power"
                        Handling = handling Versions.v12.Handling
                })["redaction.applied.same-server"]

            Expect.stringEnds first "applied by redaction.applied.same-server" "first"
            Expect.stringContains second "and not applied" "second"
        }
    ]
