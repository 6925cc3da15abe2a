/// Rules of policy lists.
module Matrix.Core.Tests.Policy.PolicyRulesTests

open System
open System.Text
open Expecto
open Matrix.Testing
open Matrix.Core.Json
open Matrix.Core.Policy

let private content (json: string) =
    match JsonReader.ParseObject(ReadOnlySpan<byte>(Encoding.UTF8.GetBytes json), Reading.Client, JsonLimits.event) with
    | Ok content -> content
    | Error e -> failwith $"{e}"

let private ban (eventType: string) (entity: string) : PolicyRule =
    let json =
        $$"""{"entity":"{{entity}}","recommendation":"m.ban","reason":"why {{entity}}"}"""

    match PolicyRule.Of(eventType, content json) with
    | null -> failwith $"{entity} is no rule"
    | rule -> rule

let private rules =
    PolicyRules.Of [|
        ban "m.policy.rule.user" "@mallory:example.org"
        ban "m.policy.rule.user" "@spam*:*"
        ban "m.policy.rule.room" "!a?c:example.org"
        ban "m.policy.rule.server" "evil.example"
        ban "m.policy.rule.server" "*.bad.org"
    |]

let private entity (rule: PolicyRule | null) =
    match rule with
    | null -> ""
    | rule -> rule.Entity

let tests =
    testList "Policy.PolicyRulesTests" [
        testTheory "A user is found by name or pattern" [
            "@mallory:example.org", "@mallory:example.org"
            "@MALLORY:example.org", "@mallory:example.org"
            "@mallory:example.org.uk", ""
            "@spam:x", "@spam*:*"
            "@spammer1:evil.example", "@spam*:*"
            "@alice:evil.example", ""
        ]
        <| fun (userId, found) -> Expect.equal (entity (rules.FindUser userId)) found "entity"

        testTheory "A server is found with or without its port" [
            "evil.example", "evil.example"
            "evil.example:8448", "evil.example"
            "a.evil.example", ""
            "a.bad.org:1", "*.bad.org"
            "bad.org", ""
        ]
        <| fun (name, found) -> Expect.equal (entity (rules.FindServer name)) found "entity"

        testTheory "A room is found by rules about rooms alone" [
            "!abc:example.org", "!a?c:example.org"
            "!ac:example.org", ""
            "evil.example", ""
        ]
        <| fun (room, found) -> Expect.equal (entity (rules.FindRoom room)) found "entity"

        testTheory "What recommends no ban is no rule" [
            "m.policy.rule.user", """{"entity":"@a:b"}"""
            "m.policy.rule.user", """{"entity":"","recommendation":"m.ban"}"""
            "m.policy.rule.user", """{"entity":7,"recommendation":"m.ban"}"""
            "m.policy.rule.user", """{"entity":"@a:b","recommendation":"org.example.mute"}"""
            "m.policy.rule.user", "{}"
            "m.policy.rule.other", """{"entity":"@a:b","recommendation":"m.ban"}"""
        ]
        <| fun (eventType, json) -> Expect.isNull (PolicyRule.Of(eventType, content json)) "policy rule"

        test "An entity that is longer than any pattern is no rule" {
            let json = $$"""{"entity":"{{String('*', 513)}}","recommendation":"m.ban"}"""
            Expect.isNull (PolicyRule.Of("m.policy.rule.user", content json)) "policy rule"
        }

        test "Of equal rules the first counts, and the number is that of all" {
            let twice =
                PolicyRules.Of [| ban "m.policy.rule.user" "@a:b"; ban "m.policy.rule.user" "@A:b" |]

            Expect.equal twice.Count 2 "number of twice"
            Expect.equal (entity (twice.FindUser "@a:b")) "@a:b" "entity"
            Expect.equal PolicyRules.Empty.Count 0 "number of empty"
            Expect.isNull (PolicyRules.Empty.FindUser "@a:b") "find user"
        }
    ]
