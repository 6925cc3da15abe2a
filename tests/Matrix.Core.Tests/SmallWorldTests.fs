/// The small worlds: their size, and that the cases they leave out are equivalent to others.
module Matrix.Core.Tests.SmallWorldTests

open Expecto
open Matrix.Testing
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Json
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Properties
open Matrix.Properties.SmallWorlds

let private oneOfEach: RoomVersion list =
    Worlds.groups Versions.all |> List.map List.head

/// A world with an axis that is wrongly declared idle.
let private misjudged (name: string) (world: World) : World =
    let place = world.Axes |> Array.findIndex (fun axis -> axis.Name = name)

    {
        world with
            Idle = world.Idle |> Array.updateAt place (Some(fun _ _ -> true))
    }

/// Version 11 with one edit of its authorization.
let internal amended (edit: Edit) : RoomVersion = {
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
let internal wrongRules = [
    "bans also need the kick level", bansAlsoNeed (senderHas (Power.Level NamedLevel.Kick))
    "bans also need the invite level", bansAlsoNeed (senderHas (Power.Level NamedLevel.Invite))
    "bans also need a level of 60", bansAlsoNeed (senderHas (Power.Constant 60L))
    "moderators below 50 cannot ban", bansAlsoNeed (senderHas (Power.Constant 50L))
    "bans also need the state default", bansAlsoNeed (senderHas Power.Required)
    "bans only where the room is public", bansAlsoNeed (Condition.JoinRuleIn [ JoinRule.Public ])
    "anyone may ban, if the content says so",
    allowedIf "member.ban.sender-joined" (Condition.ContentHas [ "org.example.anyone" ])
    "anyone may vote, if the vote says so",
    allowedIf
        "sender-joined"
        (Condition.And [
            Condition.TypeIs "org.example.vote"
            Condition.ContentHas [ "org.example.anyone" ]
        ])
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
    | Read.Constant _
    | Read.Type _ -> None
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
        let loader = CaseLoader(Ground(world, version))

        for kind in kinds do
            for read in Reads.of' version kind do
                seen.TryAdd((kind, read), System.Collections.Generic.HashSet()) |> ignore

        Enumeration.sample world [ version ] 2000 1UL (fun case ->
            loader.Load case

            let kind = {
                Type = loader.Event.Type
                Membership =
                    if loader.Event.Type <> "m.room.member" then
                        ""
                    else
                        match loader.Event.Content.Text "membership" with
                        | null -> ""
                        | word when List.contains word [ "join"; "invite"; "leave"; "ban"; "knock" ] -> word
                        | _ -> ""
            }

            Expect.isTrue (kinds.Contains kind) $"{world.Name} has %A{kind}"

            for read in Reads.of' version kind do
                match valueOf version loader.Case read with
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

let tests =
    testList "SmallWorldTests" [
        testProperties 1000 (oneOfEach |> List.collect SmallWorldProperties.ofWorlds)

        test "An axis that is wrongly declared idle is noticed" {
            let isNoticed name world decide =
                let property =
                    SmallWorldProperties.idleAxes Versions.v12 (misjudged name world) decide

                Expect.isTrue (Checking.run 1000 1UL property).Fault.IsSome name

            for name in [ "sender's level"; "users_default"; "redact" ] do
                isNoticed name RedactingWorld.world SmallWorldProperties.ofRedaction

            isNoticed "sender's level" RemovalWorld.world SmallWorldProperties.decide
        }

        test "Rules that handle redactions may be nested" {
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
            Expect.isFalse (counts.ContainsKey "redaction.applied.of-state") "contains key"
            Expect.isEmpty (Survey.undecidedOf version.Handling counts) "undecided of"
        }

        testProperties 100 (oneOfEach @ Versions.unstable |> List.collect SmallWorldProperties.ofDecisions)

        test "There are more than forty invariants, each with a name of its own" {
            let names = Invariants.all |> List.map _.Name
            Expect.isDistinct names "names"
            Expect.isGreaterThan names.Length 40 "number of names"
        }

        test "Versions with the same authorization share a run" {
            let groups =
                Worlds.groups Versions.all
                |> List.map (List.map _.Id >> String.concat " ")
                |> String.concat ", "

            Expect.equal groups "1 2, 3 4 5, 6, 7, 8 9, 10, 11, 12" "groups"
        }

        test "One world alone has more than ten million decisions after the reduction" {
            let world = Worlds.tryFind "power levels" |> Option.get

            let struct (counted, _) =
                Enumeration.run world [ Versions.v1 ] Enumeration.whole ignore

            Expect.isGreaterThan counted 10_000_000L "counted"
            Expect.isLessThan counted (World.rawCount world / 2L) "counted"
        }

        test "The shares of a slice make up the slice" {
            let world = Worlds.tryFind "removals" |> Option.get

            let visits portion =
                let struct (_, visited) = Enumeration.run world [ Versions.v12 ] portion ignore
                visited

            let slice = Enumeration.slice 7L

            Expect.equal
                (visits { slice with Shares = 2 } + visits { slice with Shares = 2; Share = 1 })
                (visits slice)
                "visits"
        }

        // The portion that counts what it does not visit has the same cases as the one that looks at all.
        testTheory "A slice is each n-th case of the whole" [
            "joins", "1", 97L
            "joins", "12", 97L
            "removals", "12", 97L
            "creating", "11", 97L
            "sending", "3", 97L
            "power levels", "10", 9973L
        ]
        <| fun (name, versionId, every) ->
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

                    Expect.equal ofSlice counted "of slice"
                    Expect.equal visited (int64 sliced.Count) "visited"

                    let wanted = [ for i in share..shares .. all.Count - 1 -> all[i] ]
                    Expect.equal (List.ofSeq sliced) wanted "sliced"

        testCase "The cases of each weight are all cases"
        <| fun () ->
            let world = Worlds.tryFind "creating" |> Option.get
            let mutable byWeight = 0L

            for weight in 0..30 do
                Enumeration.ofWeight world [ Versions.v12 ] weight (fun case ->
                    Expect.equal (World.weight world case) weight "weight"
                    byWeight <- byWeight + 1L
                    false)
                |> ignore

            let struct (counted, _) =
                Enumeration.run world [ Versions.v12 ] Enumeration.whole ignore

            Expect.equal byWeight counted "by weight"

        test "The smallest witness of a ban in a room is a ban by the creator, without a power levels event" {
            let version = Versions.v12

            let loaders =
                Worlds.all
                |> List.map (fun w -> w.Name, lazy CaseLoader(Ground(w, version)))
                |> dict

            let witness =
                Enumeration.smallest Worlds.all [ version ] 12 (fun world case ->
                    let loader = loaders[world.Name].Value
                    loader.Load case
                    let decision = loader.Decide loader.Ground.Rules
                    decision.IsOk && loader.Event.Content.Text "membership" = "ban")

            match witness with
            | Some(world, case) ->
                let loader = loaders[world.Name].Value
                loader.Load case
                Expect.equal loader.Event.Sender Universe.alice "sender"
                Expect.equal loader.Case.State.Count 2 "number of state"
            | None -> failtest "There is none."
        }

        test "An axis that is declared idle is compared in the cases of each run" {
            let world = Worlds.tryFind "removals" |> Option.get |> misjudged "sender's level"
            let survey = Survey.sample Versions.v11 [ world ] 3000 1UL
            Expect.isGreaterThan survey.NotIdle.Count 0L "number of not idle"

            match survey.NotIdle.Lightest with
            | Some witness ->
                Expect.stringContains (Witnesses.notIdle Versions.v11 witness) "sender's level (sender has" "not idle"
            | None -> failtest "nothing was noticed"

            let right =
                Survey.sample Versions.v11 [ (Worlds.tryFind "removals").Value ] 3000 1UL

            Expect.isGreaterThan right.Compared 1000L "compared"
            Expect.equal right.NotIdle.Count 0L "number of not idle"
        }

        test "A case that cannot be decided is a fault, and hides no other" {
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
            Expect.equal survey.Undecided.Seen.Count 1L "number of seen"
            Expect.stringStarts survey.Undecided.Words "throws InvalidOperationException" "words"
            Expect.isTrue (survey.Findings |> List.exists (fun f -> f.Applied.Count > 0L)) "findings"
        }

        testList "The worlds vary each level and field that a clause reads of its events" [
            for version in oneOfEach do
                test version.Id { Expect.isEmpty (unvaried version) "unvaried" }
        ]

        test "The clauses that can decide a ban read the ban level, and no other" {
            let levels version =
                Reads.of' version {
                    Type = "m.room.member"
                    Membership = "ban"
                }
                |> Set.filter _.IsLevel

            for version in Versions.all do
                Expect.equal (levels version) (set [ Read.Level "ban" ]) version.Id

            Expect.equal
                (levels (amended (bansAlsoNeed (senderHas (Power.Level NamedLevel.Kick)))))
                (set [ Read.Level "ban"; Read.Level "kick" ])
                "levels"
        }
    ]

let slow =
    testList "SmallWorldTests" [
        testList "A wrong rule breaks an invariant, whatever it reads" [
            for name, edit in wrongRules do
                test name {
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
                        stdout.WriteLine $"{name}: {fault}"

                    Expect.isEmpty surveyed.Unshown "unshown"

                    Expect.isNonEmpty
                        (faults
                         |> List.filter (fun (name, _) ->
                             not (name.StartsWith("worlds.", System.StringComparison.Ordinal))))
                        "faults"
                }
        ]
    ]
