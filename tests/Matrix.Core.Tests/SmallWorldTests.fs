/// The small worlds: their size, and that the cases they leave out are equivalent to others.
module Matrix.Core.Tests.SmallWorldTests

open FsCheck
open NUnit.Framework
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Json
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Properties
open Matrix.Properties.SmallWorlds

let private oneOfEach: RoomVersion list =
    Worlds.groups Versions.all |> List.map List.head

let private properties =
    oneOfEach
    |> List.collect SmallWorldProperties.ofWorlds
    |> List.map (fun p -> TestCaseData(p).SetName p.Name)

[<TestCaseSource(nameof properties)>]
let Property (property: Property) =
    property.Run(Config.QuickThrowOnFailure.WithMaxTest 1000)

/// A world with an axis that is wrongly declared idle.
let private misjudged (name: string) (world: World) : World =
    let place = world.Axes |> Array.findIndex (fun axis -> axis.Name = name)

    {
        world with
            Idle = world.Idle |> Array.updateAt place (Some(fun _ _ -> true))
    }

[<Test>]
let ``An axis that is wrongly declared idle is noticed`` () =
    let isNoticed name world decide =
        let property =
            SmallWorldProperties.idleAxes Versions.v12 (misjudged name world) decide

        Assert.That((Checking.run 1000 1UL property).Fault.IsSome, name)

    for name in [ "sender's level"; "users_default"; "redact" ] do
        isNoticed name RedactingWorld.world SmallWorldProperties.ofRedaction

    isNoticed "sender's level" RemovalWorld.world SmallWorldProperties.decide

[<Test>]
let ``Rules that handle redactions may be nested`` () =
    let nested =
        scope "redaction.applied.of-state" "" Condition.HasStateKey [ Authorization.Handling.byPower ]

    let version = {
        Versions.v12 with
            Handling = [
                nested
                Authorization.Handling.bySameServer
                Authorization.Handling.notOtherwise
            ]
    }

    let counts = Survey.ofRedactions version
    Assert.That(counts.ContainsKey "redaction.applied.of-state", Is.False)
    Assert.That(Survey.undecidedOf version.Handling counts, Is.Empty)

let private invariants =
    (oneOfEach @ Versions.unstable)
    |> List.collect SmallWorldProperties.ofDecisions
    |> List.map (fun p -> TestCaseData(p).SetName p.Name)

[<TestCaseSource(nameof invariants)>]
let Invariant (property: Property) = property.Run Config.QuickThrowOnFailure

[<Test>]
let ``There are more than forty invariants, each with a name of its own`` () =
    let names = Invariants.all |> List.map _.Name
    Assert.That(names, Is.Unique)
    Assert.That(names.Length, Is.GreaterThan 40)

[<Test>]
let ``Versions with the same authorization share a run`` () =
    let groups =
        Worlds.groups Versions.all
        |> List.map (List.map _.Id >> String.concat " ")
        |> String.concat ", "

    Assert.That(groups, Is.EqualTo "1 2, 3 4 5, 6, 7, 8 9, 10, 11, 12")

[<Test>]
let ``One world alone has more than ten million decisions after the reduction`` () =
    let world = Worlds.tryFind "power levels" |> Option.get

    let struct (counted, _) =
        Enumeration.run world [ Versions.v1 ] Enumeration.whole ignore

    Assert.That(counted, Is.GreaterThan 10_000_000L)
    Assert.That(counted, Is.LessThan(World.rawCount world / 2L))

[<Test>]
let ``The shares of a slice make up the slice`` () =
    let world = Worlds.tryFind "removals" |> Option.get

    let visits portion =
        let struct (_, visited) = Enumeration.run world [ Versions.v12 ] portion ignore
        visited

    let slice = Enumeration.slice 7L

    Assert.That(
        visits { slice with Shares = 2 } + visits { slice with Shares = 2; Share = 1 },
        Is.EqualTo(visits slice)
    )

/// The portion that counts what it does not visit has the same cases as the one that looks at all.
[<TestCase("joins", "1", 97)>]
[<TestCase("joins", "12", 97)>]
[<TestCase("removals", "12", 97)>]
[<TestCase("creating", "11", 97)>]
[<TestCase("sending", "3", 97)>]
[<TestCase("power levels", "10", 9973)>]
let ``A slice is each n-th case of the whole`` (name: string, versionId: string, every: int64) =
    let world = Worlds.tryFind name |> Option.get
    let versions = [ Versions.tryFind versionId |> Option.get; Versions.v10 ]
    let all = ResizeArray<int[]>()
    let mutable ordinal = 0L

    let struct (counted, _) =
        Enumeration.run world versions Enumeration.whole (fun case ->
            if ordinal % every = 0L then
                all.Add(Array.copy case)

            ordinal <- ordinal + 1L)

    for shares in 1..2 do
        for share in 0 .. shares - 1 do
            let sliced = ResizeArray<int[]>()

            let portion = {
                Every = every
                Share = share
                Shares = shares
            }

            let struct (ofSlice, visited) =
                Enumeration.run world versions portion (Array.copy >> sliced.Add)

            Assert.That(ofSlice, Is.EqualTo counted)
            Assert.That(visited, Is.EqualTo(int64 sliced.Count))

            let wanted = [ for i in share..shares .. all.Count - 1 -> all[i] ]
            Assert.That(sliced, Is.EqualTo(box wanted))

[<Test>]
let ``The cases of each weight are all cases`` () =
    let world = Worlds.tryFind "creating" |> Option.get
    let mutable byWeight = 0L

    for weight in 0..30 do
        Enumeration.ofWeight world [ Versions.v12 ] weight (fun case ->
            Assert.That(World.weight world case, Is.EqualTo weight)
            byWeight <- byWeight + 1L
            false)
        |> ignore

    let struct (counted, _) =
        Enumeration.run world [ Versions.v12 ] Enumeration.whole ignore

    Assert.That(byWeight, Is.EqualTo counted)

[<Test>]
let ``The smallest witness of a ban in a room is a ban by the creator, without a power levels event`` () =
    let version = Versions.v12

    let stages =
        Worlds.all |> List.map (fun w -> w.Name, lazy Stage(Ground(w, version))) |> dict

    let witness =
        Enumeration.smallest Worlds.all [ version ] 12 (fun world case ->
            let stage = stages[world.Name].Value
            stage.Load case
            let decision = stage.Decide stage.Ground.Rules
            decision.IsOk && stage.Event.Content.Text "membership" = "ban")

    match witness with
    | Some(world, case) ->
        let stage = stages[world.Name].Value
        stage.Load case
        Assert.That(stage.Event.Sender, Is.EqualTo Universe.alice)
        Assert.That(stage.Case.State.Count, Is.EqualTo 2)
    | None -> Assert.Fail "There is none."

/// Version 11 with one edit of its authorization.
let private amended (edit: Edit) : RoomVersion = {
    Versions.v11 with
        Id = "org.example.amended"
        Parent = Some "11"
        Stability = Stability.Unstable
        Authorization = Rule.edit edit Versions.v11.Authorization
}

let private senderHas level =
    Condition.Compare(Power.Of User.Sender, Relation.AtLeast, level)

let private bansAlsoNeed (condition: Condition) =
    Edit.Reword(
        "member.ban.power",
        "",
        Condition.And [
            senderHas (Power.Level NamedLevel.Ban)
            Condition.Compare(Power.Of User.StateKey, Relation.Below, Power.Of User.Sender)
            condition
        ]
    )

let private allowedIf (before: string) (condition: Condition) =
    Edit.InsertBefore(before, clause $"{before}-if" "" condition Outcome.Allow)

/// Wrong rules that read what no version reads of such an event.
let private wrongRules =
    [
        "bans also need the kick level", bansAlsoNeed (senderHas (Power.Level NamedLevel.Kick))
        "bans also need the invite level", bansAlsoNeed (senderHas (Power.Level NamedLevel.Invite))
        "bans also need a level of 60", bansAlsoNeed (senderHas (Power.Constant 60L))
        "moderators below 50 cannot ban", bansAlsoNeed (senderHas (Power.Constant 50L))
        "bans also need the state default", bansAlsoNeed (senderHas Power.Required)
        "bans only where the room is public", bansAlsoNeed (Condition.JoinRuleIn [ JoinRule.Public ])
        "anyone may ban, if the content says so",
        allowedIf "member.ban.sender-joined" (Condition.ContentHas [ "org.example.anyone" ])
        "anyone may knock, if the join rules say so",
        allowedIf
            "member.knock.rule"
            (Condition.StateContentIs("m.room.join_rules", [ "org.example.anyone" ], Shape.Integer))
        "invitations need more power than the target",
        Edit.Reword(
            "member.invite.power",
            "",
            Condition.And [
                senderHas (Power.Level NamedLevel.Invite)
                Condition.Compare(Power.Of User.StateKey, Relation.Below, Power.Of User.Sender)
            ]
        )
        "invitations need the target's server's signature",
        Edit.Reword(
            "member.invite.power",
            "",
            Condition.And [
                senderHas (Power.Level NamedLevel.Invite)
                Condition.SignedByServerOf User.StateKey
            ]
        )
        "state of a user who is banned",
        allowedIf "sender-joined" (Condition.MembershipIn(User.StateKeyOwner, [ Membership.Ban ]))
    ]
    |> List.map (fun (name, edit) -> TestCaseData(edit).SetArgDisplayNames name)

[<TestCaseSource(nameof wrongRules)>]
[<Category "Slow">]
let ``A wrong rule breaks an invariant, whatever it reads`` (edit: Edit) =
    let version = amended edit

    let surveyed =
        DecisionLaws.sample version DecisionLaws.few 1UL
        |> DecisionLaws.surveyed version

    let faults = [
        for law in DecisionLaws.ofVersion version do
            match law.Fault surveyed with
            | Some fault -> law.Name, fault
            | None -> ()
    ]

    for name, fault in faults do
        TestContext.Out.WriteLine $"{name}: {fault}"

    Assert.That(surveyed.Unshown, Is.Empty)

    Assert.That(
        faults
        |> List.filter (fun (name, _) -> not (name.StartsWith("worlds.", System.StringComparison.Ordinal))),
        Is.Not.Empty
    )

[<Test>]
let ``An axis that is declared idle is compared in the cases of each run`` () =
    let world = Worlds.tryFind "removals" |> Option.get |> misjudged "sender's level"
    let survey = Survey.sample Versions.v11 [ world ] 3000 1UL
    Assert.That(survey.NotIdle.Count, Is.Positive)

    match survey.NotIdle.Lightest with
    | Some witness -> Assert.That(Witnesses.notIdle Versions.v11 witness, Does.Contain "sender's level (sender has")
    | None -> Assert.Fail()

    let right =
        Survey.sample Versions.v11 [ (Worlds.tryFind "removals").Value ] 3000 1UL

    Assert.That(right.Compared, Is.GreaterThan 1000L)
    Assert.That(right.NotIdle.Count, Is.Zero)

[<Test>]
let ``A case that cannot be decided is a fault, and hides no other`` () =
    let world = Worlds.tryFind "removals" |> Option.get
    let usual = Array.zeroCreate world.Axes.Length

    let broken = {
        world with
            Name = "broken"
            Event = {
                world.Event with
                    Build = fun _ _ -> invalidOp "It has no events."
            }
    }

    let survey = Survey.cases Versions.v11 [ broken, usual; world, usual ]
    Assert.That(survey.Undecided.Seen.Count, Is.EqualTo 1L)
    Assert.That(survey.Undecided.Words, Does.StartWith "throws InvalidOperationException")
    Assert.That(survey.Findings |> List.exists (fun f -> f.Applied.Count > 0L), Is.True)

/// The value of what a clause reads in a case, in words.
let private valueOf (version: RoomVersion) (case: AuthCase) (read: Read) : string option =
    let event = case.Event

    let rec down (path: string list) (json: Json) : string =
        match path, json with
        | [], json -> $"%A{json}"
        | key :: rest, Json.Object o ->
            match o.TryFind key with
            | ValueSome inside -> down rest inside
            | ValueNone -> "none"
        | _ -> "none"

    let content eventType path =
        match case.State.TryFind(eventType, "") with
        | Some event -> down path (Json.Object event.Content)
        | None -> "no event"

    let userOf (user: User) : string option =
        match user with
        | User.Sender -> Some event.Sender
        | User.StateKey
        | User.StateKeyOwner -> Option.ofObj event.StateKey
        | User.Authorising -> Option.ofObj (event.Content.Text "join_authorised_via_users_server")
        | _ -> None

    match read with
    | Read.Level name -> Some(content "m.room.power_levels" [ name ])
    | Read.Constant _ -> None
    | Read.PowerOf user ->
        userOf user
        |> Option.map (fun user -> string ((StatedPowers(version, case.State)).Of user))
    | Read.Field path -> Some(down path (Json.Object event.Content))
    | Read.StateField(eventType, path) -> Some(content eventType path)
    | Read.JoinRule -> Some(content "m.room.join_rules" [ "join_rule" ])
    | Read.MembershipOf user ->
        userOf user
        |> Option.map (fun user ->
            match case.State.TryFind("m.room.member", user) with
            | Some event -> Option.ofObj (event.Content.Text "membership") |> Option.defaultValue "?"
            | None -> "none")
    | Read.SignatureOf user ->
        userOf user
        |> Option.map (fun user -> string (Array.contains (Universe.serverOf user) case.Facts.Signers))

/// What the worlds do not vary, of what the clauses of a version read.
let private unvaried (version: RoomVersion) : string list =
    let seen =
        System.Collections.Generic.Dictionary<EventKind * Read, System.Collections.Generic.HashSet<string>>()

    for world in Worlds.widened [ version ] Worlds.all do
        let kinds = set world.Kinds
        let stage = Stage(Ground(world, version))

        for kind in kinds do
            for read in Reads.of' version kind do
                seen.TryAdd((kind, read), System.Collections.Generic.HashSet()) |> ignore

        Enumeration.sample world [ version ] 2000 1UL (fun case ->
            stage.Load case

            let kind = {
                Type = stage.Event.Type
                Membership =
                    if stage.Event.Type <> "m.room.member" then
                        ""
                    else
                        match stage.Event.Content.Text "membership" with
                        | null -> ""
                        | word when List.contains word [ "join"; "invite"; "leave"; "ban"; "knock" ] -> word
                        | _ -> ""
            }

            Assert.That(kinds.Contains kind, $"{world.Name} has %A{kind}")

            for read in Reads.of' version kind do
                match valueOf version stage.Case read with
                | Some value -> seen[(kind, read)].Add value |> ignore
                | None -> ())

    [
        for KeyValue((kind, read), values) in seen do
            match read with
            | Read.Constant _
            // The kind says it.
            | Read.Field [ "membership" ] -> ()
            | _ when values.Count < 2 -> $"{kind.Type} {kind.Membership}: %A{read}"
            | _ -> ()
    ]

[<TestCaseSource(nameof oneOfEach)>]
let ``The worlds vary each level and field that a clause reads of its events`` (version: RoomVersion) =
    Assert.That(unvaried version, Is.Empty)

[<Test>]
let ``The clauses that can decide a ban read the ban level, and no other`` () =
    let levels version =
        Reads.of' version {
            Type = "m.room.member"
            Membership = "ban"
        }
        |> Set.filter _.IsLevel

    for version in Versions.all do
        Assert.That(levels version, Is.EqualTo(box (set [ Read.Level "ban" ])), version.Id)

    Assert.That(
        levels (amended (bansAlsoNeed (senderHas (Power.Level NamedLevel.Kick)))),
        Is.EqualTo(box (set [ Read.Level "ban"; Read.Level "kick" ]))
    )
