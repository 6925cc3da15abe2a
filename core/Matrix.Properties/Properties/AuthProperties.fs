namespace Matrix.Properties.Properties

open FsCheck
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.SmallWorlds
open Matrix.Properties.Reference.Authorization

/// Properties of authorization in every room version.
[<RequireQualifiedAccess>]
module AuthProperties =

    /// A property of the drawn cases that meet its premise.
    let private ofCasesIf
        (draw: RoomVersion -> Gen<AuthCase>)
        name
        meaning
        (version: RoomVersion)
        (holds: AuthRules -> AuthCase -> bool option)
        : Property =
        let rules = AuthRules version
        Property.forAllIf $"{name}.{version.Id}" meaning (draw version) AuthGen.shrink (holds rules)

    let private ofCases name meaning (version: RoomVersion) (holds: AuthRules -> AuthCase -> bool) : Property =
        ofCasesIf AuthGen.case name meaning version (fun rules case -> Some(holds rules case))

    /// The compiled evaluator agrees with the literal one.
    let evaluatorsAgree (version: RoomVersion) : Property =
        ofCases
            "auth.evaluators-agree"
            "The evaluator that the host runs decides as the literal one does, by the same clause and with the same \
             failure."
            version
            (fun rules case -> AuthCase.decide rules case = AuthReference.decide case)

    /// Traces agree with decisions.
    let tracesAgree (version: RoomVersion) : Property =
        ofCases
            "auth.traces-agree"
            "The trace of a decision ends with the decision of the evaluator that the host runs, made by the same rule."
            version
            (fun rules case ->
                let trace = AuthTrace.ofCase case

                let rec last (tried: AuthTrace.EvaluatedRule) =
                    match List.tryLast tried.Inside with
                    | Some inner -> last inner
                    | None -> Rule.name tried.Rule

                trace.Decision = AuthCase.decide rules case
                && last (List.last trace.Evaluated) = trace.Decision.Clause)

    /// The compiled selection of auth events agrees with the literal one.
    let selectionsAgree (version: RoomVersion) : Property =
        ofCases
            "auth.selections-agree"
            "The compiled auth events selection returns the same events as the literal one, in the same order."
            version
            (fun rules case ->
                let event = case.Event

                let compiled = [
                    for struct (eventType, key) in
                        rules.SelectionOf(event.Type, event.Sender, event.StateKey, event.Content) -> eventType, key
                ]

                compiled = AuthReference.selection version event)

    /// The selection as the specification's page words it.
    let private wordedSelection (version: RoomVersion) (event: Pdu) : Set<string * string> =
        let textAt (path: string list) : string option =
            let rec down (path: string list) (json: Json) =
                match path, json with
                | [], Json.String s -> Some s
                | key :: rest, Json.Object o ->
                    match o.TryFind key with
                    | ValueSome inner -> down rest inner
                    | ValueNone -> None
                | _ -> None

            down path (Json.Object event.Content)

        let membership = textAt [ "membership" ] |> Option.defaultValue ""

        set [
            if event.Type <> "m.room.create" then
                if until 11 version then
                    "m.room.create", ""

                "m.room.power_levels", ""
                "m.room.member", event.Sender

                if event.Type = "m.room.member" then
                    match event.StateKey with
                    | null -> ()
                    | target -> "m.room.member", target

                    if List.contains membership [ "join"; "invite"; "knock" ] then
                        "m.room.join_rules", ""

                    if membership = "invite" then
                        match textAt [ "third_party_invite"; "signed"; "token" ] with
                        | Some token -> "m.room.third_party_invite", token
                        | None -> ()

                    if membership = "join" && since 8 version then
                        match textAt [ "join_authorised_via_users_server" ] with
                        | Some user -> "m.room.member", user
                        | None -> ()
        ]

    /// The selection of auth events agrees with the specification's page. This check uses neither tables nor settings.
    let selectionAsWorded (version: RoomVersion) : Property =
        ofCases
            "auth.selection-as-worded"
            "An event names in `auth_events` the power levels, its sender's membership and, before version 12, the \
             create event; a member event also names its target's membership; a join, an invitation \
             and a knock also name the join rules, a third-party invitation and an authorising user their events."
            version
            (fun rules case ->
                let event = case.Event

                let selected = [
                    for struct (eventType, key) in
                        rules.SelectionOf(event.Type, event.Sender, event.StateKey, event.Content) -> eventType, key
                ]

                set selected = wordedSelection version event
                && List.distinct selected = selected)

    /// The selected auth events suffice for a decision.
    let selectionSuffices (version: RoomVersion) : Property =
        ofCases
            "auth.selection-suffices"
            "Deciding an event on the selected auth events and the create event alone gives the same decision as \
             deciding it on the whole state."
            version
            (fun rules case ->
                let selected =
                    ("m.room.create", "")
                    :: [
                        for struct (eventType, key) in
                            rules.SelectionOf(
                                case.Event.Type,
                                case.Event.Sender,
                                case.Event.StateKey,
                                case.Event.Content
                            ) -> eventType, key
                    ]

                let less = {
                    case with
                        State = case.State |> Map.filter (fun key _ -> List.contains key selected)
                }

                AuthCase.decide rules less = AuthCase.decide rules case)

    /// A room without a create event accepts no other event.
    let nothingWithoutCreate (version: RoomVersion) : Property =
        ofCasesIf
            AuthGen.case
            "auth.nothing-without-create"
            "Where the state and the auth events have no create event, only a create event is accepted."
            version
            (fun rules case ->
                let without = {
                    case with
                        State = case.State.Remove("m.room.create", "")
                        Facts.AuthEvents =
                            case.Facts.AuthEvents |> Array.filter (fun c -> c.Event.Type <> "m.room.create")
                }

                if case.Event.Type = "m.room.create" then
                    None
                else
                    Some(not (AuthCase.decide rules without).IsOk))

    /// A user cannot lower the power of an equal.
    let powerIsKeptFromEquals (version: RoomVersion) : Property =
        ofCasesIf
            AuthGen.levelsCase
            "auth.power-kept-from-equals"
            "If a room already has power levels, an accepted power levels event lowers no other user who has an entry \
             and at least the sender's power."
            version
            (fun rules case ->
                if
                    case.Event.Type <> "m.room.power_levels"
                    || not (case.State.ContainsKey("m.room.power_levels", ""))
                    || not (AuthCase.decide rules case).IsOk
                then
                    None
                else
                    let before = StatedPowers(version, case.State)

                    let after =
                        StatedPowers(version, case.State.Add(("m.room.power_levels", ""), case.Event))

                    let sender = before.Of case.Event.Sender

                    [ "@alice:one"; "@bob:one"; "@carol:two" ]
                    |> List.filter (fun user -> user <> case.Event.Sender)
                    |> List.forall (fun user ->
                        // Users without an entry follow the default, which may be lowered if it is at most the
                        // sender's power, and may be given an entry below it.
                        before.Of user < sender
                        || (before.Levels.Entry("users", user)).IsNone
                        || after.Of user >= before.Of user)
                    |> Some)

    /// Possible senders of the redacted event.
    let private redacted = [ "@alice:one"; "@bob:one"; "@carol:two"; "@dave:three" ]

    /// Both evaluators agree on redactions.
    let redactionsAgree (version: RoomVersion) : Property =
        ofCases
            "auth.redactions-agree"
            "For each question about a redaction, both evaluators decide by the same clause and with the same failure."
            version
            (fun rules case ->
                let state = MapState(rules, case.State)

                let literally table =
                    AuthReference.askOfRedaction table (AuthReference.inputOf case)

                redacted
                |> List.forall (fun sender ->
                    rules.Applies(case.Event, sender, state) = literally version.Handling sender
                    && rules.MayRedact(case.Event, sender, state) = literally Authorization.Handling.ofClients sender))

    /// Redactions are decided as the specification's page says.
    let redactionsAsWorded (version: RoomVersion) : Property =
        ofCases
            "auth.redactions-as-worded"
            "Since version 3, a redaction is applied if its sender's power reaches the redact level or both senders \
             are of one server; before, always. A redaction that a client may request is also applied."
            version
            (fun rules case ->
                let state = MapState(rules, case.State)

                let powers = StatedPowers(version, case.State)

                let serverOf (user: string) = user.Substring(user.IndexOf ':' + 1)

                redacted
                |> List.forall (fun sender ->
                    let expected =
                        until 2 version
                        || powers.Of case.Event.Sender >= powers.Levels.Redact
                        || serverOf case.Event.Sender = serverOf sender

                    rules.Applies(case.Event, sender, state).IsOk = expected
                    && (expected || not (rules.MayRedact(case.Event, sender, state).IsOk))))

    /// All of them, for a version.
    let all (version: RoomVersion) : Property list = [
        evaluatorsAgree version
        tracesAgree version
        selectionsAgree version
        selectionAsWorded version
        selectionSuffices version
        nothingWithoutCreate version
        powerIsKeptFromEquals version
        redactionsAgree version
        redactionsAsWorded version
    ]
