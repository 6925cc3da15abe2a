/// The authorization rules read literally from their tables. Slow: it caches nothing, and every condition reads the
/// events anew. It shares no code with the evaluator that the host runs.
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.Authorization.AuthReference

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Properties.Generators

let rec private decideBy (context: Context) (rules: Rule list) : Decision option =
    rules |> List.tryPick (decideOne context)

and private decideOne (context: Context) (rule: Rule) : Decision option =
    match rule with
    | Rule.Scope(_, condition, inside) ->
        if Conditions.holds context condition then
            decideBy context inside
        else
            None
    | Rule.Clause(head, condition, outcome, _) ->
        if Conditions.holds context condition then
            match outcome with
            | Outcome.Allow -> Some(Decision.Allowed head.Name)
            | Outcome.Reject reason -> Some(Rejection.reject context head.Name reason)
        else
            None
    | Rule.Iff(head, applies, condition, reason) ->
        if not (Conditions.holds context applies) then
            None
        elif Conditions.holds context condition then
            Some(Decision.Allowed head.Name)
        else
            Some(Rejection.reject context head.Name reason)
    | Rule.ForEach(_, alterations, entries, where, inside) ->
        AlteredEntries.entriesOf context entries
        |> List.filter (fun entry ->
            AlteredEntries.alteration entry
            |> Option.exists (fun a -> List.contains a alterations))
        |> List.map (fun entry -> { context with Entry = Some entry })
        |> List.filter (fun context -> Conditions.holds context where)
        |> List.tryPick (fun context -> decideBy context inside)

let private decideWhole (context: Context) (table: Rule list) : Decision =
    match decideBy context table with
    | Some decision -> decision
    | None -> invalidOp "The table leaves an event undecided, which the lint does not allow."

/// The decision of the rules of the question's version.
let ask (input: DecisionInput) : Decision =
    decideWhole
        {
            Case = input
            Entry = None
            Redacted = None
        }
        input.Version.Authorization

/// The decision of a table on a redaction of an event that this user sent.
let askOfRedaction (table: Rule list) (input: DecisionInput) (redactedSender: string) : Decision =
    decideWhole
        {
            Case = input
            Entry = None
            Redacted = Some redactedSender
        }
        table

/// The case as a question.
let inputOf (case: AuthCase) : DecisionInput = {
    Version = case.Version
    Event = case.Event
    Find = fun eventType key -> case.State.TryFind(eventType, key)
    Facts = case.Facts
}

/// The decision of the rules of the case's version.
let decide (case: AuthCase) : Decision = ask (inputOf case)

let private withoutEntry (input: DecisionInput) : Context = {
    Case = input
    Entry = None
    Redacted = None
}

/// The power of an event's sender in a state.
let powerOfSender (version: RoomVersion) (event: Pdu) (state: Map<string * string, Pdu>) : PowerOf =
    let context =
        withoutEntry {
            Version = version
            Event = event
            Find = fun eventType key -> state.TryFind(eventType, key)
            Facts = AuthFacts.OfAccepted [||]
        }

    Levels.powerOf context event.Sender

/// The public keys of a third-party invitation.
let publicKeysOf (invitation: Pdu) : string[] =
    [ KeyPlace.Single; KeyPlace.Listed ]
    |> List.collect (fun place -> Terms.publicKeys place invitation)
    |> Array.ofList

/// The types and state keys of the events that an event must have in `auth_events`.
let selection (version: RoomVersion) (event: Pdu) : (string * string) list =
    let context =
        withoutEntry {
            Version = version
            Event = event
            Find = fun _ _ -> None
            Facts = AuthFacts.OfAccepted [||]
        }

    if event.Type = "m.room.create" then
        []
    else
        [
            for row in version.Selections do
                let key =
                    match row.Key with
                    | SelectionKey.Empty -> Some ""
                    | SelectionKey.User u -> Terms.user context u
                    | SelectionKey.ThirdPartyToken -> Lookup.textAt [ "third_party_invite"; "signed"; "token" ] event

                match key with
                | Some key when Conditions.holds context row.When -> row.Type, key
                | _ -> ()
        ]
        |> List.distinct
