/// Rules of policy lists.
module Matrix.Core.Tests.Policy.PolicyRulesTests

open System
open System.Text
open NUnit.Framework
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

[<TestCase("@mallory:example.org", "@mallory:example.org")>]
[<TestCase("@MALLORY:example.org", "@mallory:example.org")>]
[<TestCase("@mallory:example.org.uk", "")>]
[<TestCase("@spam:x", "@spam*:*")>]
[<TestCase("@spammer1:evil.example", "@spam*:*")>]
[<TestCase("@alice:evil.example", "")>]
let ``A user is found by name or pattern`` (userId: string, found: string) =
    Assert.That(entity (rules.FindUser userId), Is.EqualTo found)

[<TestCase("evil.example", "evil.example")>]
[<TestCase("evil.example:8448", "evil.example")>]
[<TestCase("a.evil.example", "")>]
[<TestCase("a.bad.org:1", "*.bad.org")>]
[<TestCase("bad.org", "")>]
let ``A server is found with or without its port`` (name: string, found: string) =
    Assert.That(entity (rules.FindServer name), Is.EqualTo found)

[<TestCase("!abc:example.org", "!a?c:example.org")>]
[<TestCase("!ac:example.org", "")>]
[<TestCase("evil.example", "")>]
let ``A room is found by rules about rooms alone`` (room: string, found: string) =
    Assert.That(entity (rules.FindRoom room), Is.EqualTo found)

[<TestCase("m.policy.rule.user", """{"entity":"@a:b"}""")>]
[<TestCase("m.policy.rule.user", """{"entity":"","recommendation":"m.ban"}""")>]
[<TestCase("m.policy.rule.user", """{"entity":7,"recommendation":"m.ban"}""")>]
[<TestCase("m.policy.rule.user", """{"entity":"@a:b","recommendation":"org.example.mute"}""")>]
[<TestCase("m.policy.rule.user", "{}")>]
[<TestCase("m.policy.rule.other", """{"entity":"@a:b","recommendation":"m.ban"}""")>]
let ``What recommends no ban is no rule`` (eventType: string, json: string) =
    Assert.That(PolicyRule.Of(eventType, content json), Is.Null)

[<Test>]
let ``An entity that is longer than any pattern is no rule`` () =
    let json = $$"""{"entity":"{{String('*', 513)}}","recommendation":"m.ban"}"""
    Assert.That(PolicyRule.Of("m.policy.rule.user", content json), Is.Null)

[<Test>]
let ``Of equal rules the first counts, and the number is that of all`` () =
    let twice =
        PolicyRules.Of [| ban "m.policy.rule.user" "@a:b"; ban "m.policy.rule.user" "@A:b" |]

    Assert.That(twice.Count, Is.EqualTo 2)
    Assert.That(entity (twice.FindUser "@a:b"), Is.EqualTo "@a:b")
    Assert.That(PolicyRules.Empty.Count, Is.EqualTo 0)
    Assert.That(PolicyRules.Empty.FindUser "@a:b", Is.Null)
