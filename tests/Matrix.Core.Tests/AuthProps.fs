/// The properties of authorization, for every room version.
module Matrix.Core.Tests.AuthProps

open FsCheck
open FsCheck.FSharp
open Expecto
open Matrix.Testing
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Properties
open Matrix.Properties.Reference.Authorization

let private sample (version: RoomVersion) (count: int) : AuthCase[] =
    Gen.sampleWithSeed (Rnd(20260708UL)) 50 count (AuthGen.case version)

/// The names of rules that can decide.
let private deciding (version: RoomVersion) : Set<string> =
    version.Authorization
    |> Rule.all
    |> List.filter (Rule.outcome >> Option.isSome)
    |> List.map Rule.name
    |> set

/// Every way of breaking one rule by a slip of the pen: left out, negated, or with another outcome.
let private broken (version: RoomVersion) : (string * RoomVersion) list =
    let dropped = [
        for rule in Rule.all version.Authorization -> $"without {Rule.name rule}", Edit.Remove(Rule.name rule)
    ]

    let negated = [
        for rule in Rule.all version.Authorization do
            match rule with
            | Rule.Scope(head, condition, inside) ->
                $"{head.Name} negated", Edit.Replace(head.Name, Rule.Scope(head, Condition.Not condition, inside))
            | Rule.Clause(head, condition, outcome, parts) when condition <> Condition.Always ->
                $"{head.Name} negated",
                Edit.Replace(head.Name, Rule.Clause(head, Condition.Not condition, outcome, parts))
            | Rule.Iff(head, applies, holds, reason) ->
                $"{head.Name} negated", Edit.Replace(head.Name, Rule.Iff(head, applies, Condition.Not holds, reason))
            | _ -> ()
    ]

    // The last rule may be left out only in a table that decides without it.
    [
        for name, edit in dropped @ negated do
            if edit <> Edit.Remove "otherwise" then
                name,
                {
                    version with
                        Authorization = Rule.edit edit version.Authorization
                }
    ]

let tests =
    testList "AuthProps" [
        testProperties 400 (Versions.withUnstable |> List.collect AuthProperties.all)

        testTheory "Generated questions reach every rule that decides" [
            "1"
            "6"
            "10"
            "11"
            "12"
            "org.example.owned-state"
        ]
        <| fun id ->
            let version = Versions.tryFindUnstable id |> Option.get
            let rules = AuthRules version

            let reached =
                sample version 40_000 |> Seq.map (AuthCase.decide rules >> _.Clause) |> set

            Expect.isEmpty (deciding version - reached) "deciding"

        testTheory "A table with one broken rule decides some question differently" [
            "10"
            "11"
            "12"
            "org.example.owned-state"
        ]
        <| fun id ->
            let version = Versions.tryFindUnstable id |> Option.get
            let rules = AuthRules version
            let cases = sample version 25_000
            let expected = cases |> Array.map (AuthCase.decide rules)

            let undetected = [
                for name, table in broken version do
                    let mutant = AuthRules table

                    if Seq.forall2 (fun case right -> AuthCase.decide mutant case = right) cases expected then
                        name
            ]

            Expect.isEmpty undetected "undetected"

        test "The evaluators disagree when one of them runs a broken table" {
            let version = Versions.v12

            let slip = {
                version with
                    Authorization = Rule.edit (Edit.Remove "member.join.banned") version.Authorization
            }

            let mutant = AuthRules slip

            let disagreement =
                sample version 20_000
                |> Array.tryFind (fun case -> AuthCase.decide mutant case <> AuthReference.decide case)

            Expect.isTrue disagreement.IsSome "disagreement"
        }
    ]
