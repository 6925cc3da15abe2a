/// The claims about the rules: how they are written, that they hold, and what they notice.
module Matrix.Core.Tests.ClaimTests

open System
open System.Text
open Expecto
open Matrix.Core.Json
open Matrix.Rules
open Matrix.Testing
open Matrix.Properties.Claims
open Matrix.Properties.Mutation
open Matrix.Properties.Properties
open Matrix.Properties.SmallWorlds
open Matrix.Properties.Vectors

let private groups = Worlds.groups Versions.withUnstable |> List.map List.head

let private files =
    lazy
        (VectorFiles.ofKinds [ "authorization"; "power-level" ]
         |> Array.map (fun file -> file, VectorFiles.parse file)
         |> List.ofArray)

let private unnoticed (portions: int64 list) (version: RoomVersion) : string list =
    Mutation.byStatements InvariantRun.claims files.Value portions version
    |> List.choose (fun (mutant, noticed) ->
        match noticed with
        | Noticed.Nowhere case -> Some $"{mutant.Id}: {case}"
        | _ -> None)

/// A claim that says this.
let private saying (when': Statement) : Claim = {
    (List.head Claims.all) with
        Name = "a-claim-of-a-test"
        When = Statement.All [ Statement.Allowed; when' ]
        Then = Statement.Says Condition.Always
        Exceptions = []
}

let private creators = Statement.Says(Condition.KeysNameACreator [ "users" ])

let private levels =
    Statement.Says(Condition.ContentIs([ "users" ], Shape.UsersTo(Shape.Level PowerLevelValues.Integers)))

let private powers =
    Statement.Says(Condition.Compare(Power.Of User.Sender, Relation.AtLeast, Power.Required))

let private reworded (rule: string) (condition: Condition) = {
    Versions.v12 with
        Authorization = Rule.edit (Edit.Reword(rule, "", condition)) Versions.v12.Authorization
}

let private withSetting (setting: Setting) = {
    Versions.v12 with
        Settings = Settings.apply setting Versions.v12.Settings
}

let private sender = Power.Of User.Sender
let private target = Power.Of User.StateKey

/// Bans where the sender has these levels, and power that compares like this with the target's.
let private bansWith (levels: NamedLevel list) (relation: Relation) =
    Condition.And [
        for level in levels do
            Condition.Compare(sender, Relation.AtLeast, Power.Level level)

        Condition.Compare(target, relation, sender)
    ]

let private wrongChanges: (string * RoomVersion) list = [
    "equals may be banned", reworded "member.ban.power" (bansWith [ NamedLevel.Ban ] Relation.AtMost)
    "bans need the kick level",
    reworded "member.ban.power" (bansWith [ NamedLevel.Ban; NamedLevel.Kick ] Relation.Below)
    "bans need the invite level",
    reworded "member.ban.power" (bansWith [ NamedLevel.Ban; NamedLevel.Invite ] Relation.Below)
    "a flag in the content bans",
    reworded
        "member.ban.power"
        (Condition.Or [
            bansWith [ NamedLevel.Ban ] Relation.Below
            Condition.ContentHas [ "org.example.anyone" ]
        ])
    "a type needs no power",
    reworded
        "required-power"
        (Condition.And [
            Condition.Compare(Power.Required, Relation.Above, sender)
            Condition.Not(Condition.TypeIs "m.room.topic")
        ])
    "additional creators are ignored", withSetting (Setting.Creators Creators.Sender)
    "creators have 100 at first", withSetting (Setting.CreatorPower CreatorPower.HundredAtFirst)
    "strings are levels", withSetting (Setting.PowerLevelValues PowerLevelValues.IntegersAndStrings)
]

/// The claims that a wrong version's decisions break, in drawn cases and in the smallest that the right one decides in
/// another way.
let private broken (right: RoomVersion) (wrong: RoomVersion) : string list =
    let scope = ClaimScope.OfVersion wrong
    let survey = ClaimSurvey.sample scope DecisionLaws.few 1UL
    survey.Add(ClaimLaws.differing right scope)

    [
        for f in survey.Findings do
            if f.Broken.Count > 0L then
                f.Claim.Name
    ]

let private reread (json: Json) : Result<Claim list, VectorFault> =
    ClaimJson.read (ReadOnlySpan<byte>(CanonicalJson.bytes json))

/// A file with one claim: some members, its premise and its conclusion.
let private written (members: string) (premise: string) (conclusion: string) : string =
    """{"claims":[{MEMBERS"name":"my-claim","sentence":"It.","section":"an intent","reason":"A test.","""
        .Replace("MEMBERS", members)
    + $"\"when\":{premise},\"then\":{conclusion}}}]}}"

let tests =
    testList "ClaimTests" [
        test "Claims are written as claims" {
            for version in Versions.withUnstable do
                Expect.isEmpty (ClaimLint.faults (Claims.of' version)) version.Id

            Expect.isEmpty (ClaimLint.faults Claims.all) "all"
        }

        testTheory "A claim has no words whose meaning settings decide" [
            "creators", creators
            "levels", levels
            "powers", powers
            "inside a list", Statement.EveryEntry(Entries.Inside [ "users" ], Statement.Not powers)
        ]
        <| fun (name, when') -> Expect.equal (ClaimLint.faults [ saying when' ]).Length 1 name

        test "A claim without a reason, or whose exception reads the verdict, is found" {
            let claim = saying (Statement.Says Condition.HasStateKey)

            let excused = {
                claim with
                    Exceptions = [
                        {
                            Name = "verdict"
                            Why = "a test"
                            Since = 1
                            Until = 11
                            Is = Statement.Allowed
                        }
                    ]
            }

            Expect.isEmpty (ClaimLint.faults [ claim ]) "as it is"
            Expect.isNonEmpty (ClaimLint.faults [ { claim with Reason = "" } ]) "without a reason"
            Expect.isNonEmpty (ClaimLint.faults [ { claim with Name = "member.join" } ]) "named as a clause"
            Expect.isNonEmpty (ClaimLint.faults [ { claim with Since = 4 } ]) "since a version within an era"
            Expect.isNonEmpty (ClaimLint.faults [ excused ]) "an exception that reads the verdict"
            Expect.isNonEmpty (ClaimLint.faults [ claim; claim ]) "twice"
        }

        testList "Claims are read back from their JSON" [
            for name, claims in
                ("all", Claims.all)
                :: [ for version in Versions.withUnstable -> version.Id, Claims.of' version ] do
                test name { Expect.equal (claims |> ClaimJson.write |> reread) (Ok claims) "read back" }
        ]

        testTheory "What is no claim is refused with its place" [
            "{}", "the file: 'claims' is missing"
            """{"claims":[]}""", "claims: expected a claim"
            written "" "\"allowed\"" "\"allowed\"" |> _.Replace("\"reason\"", "\"raison\""),
            "claims[0].raison: expected one of"
            written "" "{\"says\":\"no-such-condition\"}" "\"allowed\"",
            "claims[0].when.says: expected a Condition, found \"no-such-condition\""
            written "" "{\"says\":\"has-state-key\"}" "{\"not\":{\"creator\":\"nobody\"}}",
            "claims[0].then.not.creator: expected a User, found \"nobody\""
            written "" "{\"all\":[\"allowed\",{\"says\":\"new-is-no-level\"}]}" "\"allowed\"",
            "claims[0].when.all[1].says: my-claim: it has words of conditions"
            written "" "\"allowed\"" "{\"entry\":\"after\"}", "claims[0].then: my-claim: it reads an entry outside"
            written "" "{\"says\":\"has-state-key\"}" "{\"says\":\"has-room-id\"}",
            "claims[0]: my-claim: it says nothing of the verdict"
            written "\"since\":4," "\"allowed\"" "\"allowed\"", "claims[0].since: my-claim: its versions do not begin"
            written "\"until\":0," "\"allowed\"" "\"allowed\"", "claims[0].until: expected the number of a room version"
        ]
        <| fun (text, expected) ->
            match ClaimJson.read (ReadOnlySpan<byte>(Encoding.UTF8.GetBytes text)) with
            | Ok _ -> failtest "read"
            | Error fault -> Expect.stringContains (string fault) expected text

        test "Worlds vary the types and fields that somebody's own claims read" {
            let own =
                saying (
                    Statement.All [
                        Statement.Says(Condition.TypeIs "org.example.vote")
                        Statement.Says(Condition.ContentHas [ "org.example.weight" ])
                    ]
                )

            let judged (scope: ClaimScope) =
                (ClaimSurvey.sample scope 2_000 1UL).Findings |> List.map _.Applied.Count

            let scope = ClaimScope.OfOwn [ own ] Versions.v12

            Expect.allEqual (judged { scope with Worlds = Worlds.all }) 0L "the worlds as they are"
            Expect.all (judged scope) (fun count -> count > 0L) "the worlds for the claim"
        }

        test "Different claims of a version read differently" {
            for version in Versions.withUnstable do
                let read =
                    Claims.of' version
                    |> List.map (fun claim -> ClaimText.statement claim.When, ClaimText.statement claim.Then)

                Expect.isDistinct read version.Id
        }

        test "A version that lacks a rule has all its claims" {
            let names (version: RoomVersion) = Claims.of' version |> List.map _.Name

            let lacking = {
                Versions.v12 with
                    Authorization = Rule.edit (Edit.Remove "member.knock") Versions.v12.Authorization
            }

            Expect.equal (names lacking) (names Versions.v12) "names"
        }

        testProperties 200 (groups |> List.collect ClaimProperties.ofDrawn)

        testList "Claims hold of the decisions in small worlds, need their exceptions and leave no verdict open" [
            for version in groups do
                test version.Id {
                    let survey =
                        let scope = ClaimScope.OfVersion version

                        ClaimSurvey.sample scope DecisionLaws.few 1UL
                        |> ClaimLaws.surveyed scope ClaimLaws.heaviest

                    let faults = [
                        for law in ClaimLaws.all do
                            if law.In version then
                                match law.Fault survey with
                                | Some fault -> $"{law.Name}: {fault}"
                                | None -> ()
                    ]

                    Expect.isEmpty faults "faults"
                    Expect.isGreaterThan survey.Judged 200_000L "judged"
                }
        ]

        testList "Claims hold of the decisions about vectors, and leave no verdict open" [
            for version in Versions.withUnstable do
                test version.Id {
                    let broken = ClaimProperties.breaking version
                    let cases = Mutation.casesOf files.Value version

                    let faults = [
                        for name, case in cases do
                            match broken case id with
                            | null -> ()
                            | claim -> $"{name}: {claim} does not hold"

                            if isNull (broken case not) then
                                $"{name}: its verdict is open"
                    ]

                    Expect.isEmpty faults "faults"
                    Expect.isNonEmpty cases "cases"
                }
        ]

        testList "No mutant passes the claims alone where a vector shows another verdict" [
            for version in groups do
                test version.Id { Expect.isEmpty (unnoticed [] version) "unnoticed" }
        ]

        // The claims are those of the version's page: whatever a wrong version says of itself, it breaks one.
        testList "A wrong change breaks a claim" [
            for name, wrong in wrongChanges do
                test name { Expect.isNonEmpty (broken Versions.v12 wrong) "broken" }
        ]

        test "The decisions of a version without a row of the selection break a claim about the right one" {
            let noticed =
                Mutation.byStatements InvariantRun.claims files.Value [] Versions.v12
                |> List.choose (fun (mutant, noticed) ->
                    match noticed with
                    | Noticed.By _ when mutant.Subject = Subject.Selection -> Some mutant.Id
                    | _ -> None)

            for row in Versions.v12.Selections do
                Expect.contains noticed $"selection/{row.Name}: dropped" row.Name
        }
    ]

let slow =
    testList "ClaimTests" [
        testList "No mutant passes the claims alone where a small world shows another verdict" [
            for version in groups do
                test version.Id { Expect.isEmpty (unnoticed [ 4999L; 97L ] version) "unnoticed" }
        ]

        testList "A wrong rule breaks a claim, whatever it reads" [
            for name, edit in SmallWorldTests.wrongRules do
                test name {
                    let wrong = SmallWorldTests.amended edit
                    Expect.isNonEmpty (broken Versions.v11 wrong) "broken"
                }
        ]
    ]
