/// Prints the path to a decision: the rules that were tried, and what their conditions found.
module internal Matrix.Cli.Output.Traces

open System
open System.Text.Json
open Matrix.Rules
open Matrix.Rules.Printing
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Reference.Authorization
open Matrix.Properties.Vectors

/// The number of each rule in a version; "" if it has none.
let numbering (version: RoomVersion) : string -> string =
    let known = Map [ for item in Flatten.numbered version -> item.Name, item.Number ]
    fun name -> known |> Map.tryFind name |> Option.defaultValue ""

/// A clause with its number, if it has one.
let private clauseOf (number: string -> string) (clause: string) : string =
    match number clause with
    | "" -> clause
    | at -> at + " " + clause

/// The user whose membership, power or id is the reason of a rejection, if any.
let private offender (event: Pdu) (failure: Failure) : string option =
    let rec text (path: string list) (json: Json voption) : string option =
        match path, json with
        | [], ValueSome(Json.String text) -> Some text
        | key :: rest, ValueSome(Json.Object o) -> text rest (o.TryFind key)
        | _ -> None

    let text path =
        text path (ValueSome(Json.Object event.Content))

    let named (user: User) : string option =
        match user with
        | User.Sender -> Some event.Sender
        | User.StateKey -> Option.ofObj event.StateKey
        | User.Authorising -> text [ "join_authorised_via_users_server" ]
        | User.ThirdPartyMxid -> text [ "third_party_invite"; "signed"; "mxid" ]
        | _ -> None

    let struct (supplied, _) = Failures.evidence failure.Reason

    match supplied with
    | Evidence.User user
    | Evidence.Membership user
    | Evidence.Power(Power.Of user) -> named user
    | Evidence.JoinRule -> Some event.Sender
    | _ -> None

let private rendered (event: Pdu) (failure: Failure) : string =
    match offender event failure with
    | Some user -> user + ": " + Failures.render failure
    | None -> Failures.render failure

let sentence (number: string -> string) (version: RoomVersion) (event: Pdu) (decision: Decision) : string =
    match decision with
    | Decision.Allowed clause -> $"version {version.Id}: accepted, by {clauseOf number clause}"
    | Decision.Rejected failure ->
        $"version {version.Id}: rejected, by {clauseOf number failure.Clause}: {rendered event failure}"

/// A condition as a true statement: if it does not hold, its negation.
let private fact (found: AuthTrace.Found) : string =
    let opposite relation =
        match relation with
        | Relation.Below -> Relation.AtLeast
        | Relation.AtMost -> Relation.Above
        | Relation.AtLeast -> Relation.Below
        | Relation.Above -> Relation.AtMost

    let isThere power =
        power <> Power.Old && power <> Power.New

    let rec plainly (condition: Condition) : Condition =
        match condition with
        | Condition.Not(Condition.Not inner) -> plainly inner
        | Condition.Not(Condition.Compare(a, relation, b)) when isThere a && isThere b ->
            Condition.Compare(a, opposite relation, b)
        | Condition.Not(Condition.And parts) -> Condition.Or(parts |> List.map (Condition.Not >> plainly))
        | Condition.Not(Condition.Or parts) -> Condition.And(parts |> List.map (Condition.Not >> plainly))
        | Condition.And parts -> Condition.And(parts |> List.map plainly)
        | Condition.Or parts -> Condition.Or(parts |> List.map plainly)
        | condition -> condition

    let isSo =
        if found.Holds then
            found.Condition
        else
            Condition.Not found.Condition

    Words.condition (plainly isSo)

/// The parts of a condition that decide it, if not all of them are needed.
let private whyOf (found: AuthTrace.Found) : AuthTrace.Found list =
    let condition, holds =
        match found.Condition with
        | Condition.Not inner -> inner, not found.Holds
        | condition -> condition, found.Holds

    match condition with
    | Condition.And _ when not holds -> found.Parts |> List.filter (fun part -> not part.Holds)
    | Condition.Or _ when holds -> found.Parts |> List.filter _.Holds
    | _ -> []

/// The rules that lead to the verdict: those that decide, and those that contain them.
let rec path (tried: AuthTrace.EvaluatedRule list) : AuthTrace.EvaluatedRule list =
    tried
    |> List.filter _.Decision.IsSome
    |> List.map (fun rule -> { rule with Inside = path rule.Inside })

/// The content of a line of an explanation.
type Said =
    | Tried of number: string * name: string * entry: string * text: string * isDeciding: bool
    | Asked of string
    | Accepted
    | Rejected of string

/// A line, with the depth of its rule and its own depth below the rule.
type TraceLine = { Depth: int; Below: int; Said: Said }

let rec private ofFound (depth: int) (below: int) (found: AuthTrace.Found) : TraceLine list =
    {
        Depth = depth
        Below = below
        Said = Asked(fact found)
    }
    // Only the parts that decide.
    :: (whyOf found |> List.collect (ofFound depth (below + 1)))

/// A rule, its conditions and the rules inside, in lines.
let rec ofTried (event: Pdu) (number: string -> string) (depth: int) (tried: AuthTrace.EvaluatedRule) : TraceLine list =
    let head = Rule.head tried.Rule
    let isDeciding = tried.Inside.IsEmpty && tried.Decision.IsSome

    let line below said = {
        Depth = depth
        Below = below
        Said = said
    }

    [
        line 0 (Tried(number head.Name, head.Name, tried.Entry, head.Text, isDeciding))
        for found in tried.Conditions do
            yield! ofFound depth 1 found
        for inner in tried.Inside do
            yield! ofTried event number (depth + 1) inner
        match tried.Decision with
        | Some(Decision.Allowed _) when isDeciding -> line 1 Accepted
        | Some(Decision.Rejected failure) when isDeciding -> line 1 (Rejected(rendered event failure))
        | _ -> ()
    ]

let private entryOf (entry: string) =
    if entry = "" then "" else $" [{entry}]"

let private numbered (number: string) =
    if number = "" then "" else number + " "

let asText (line: TraceLine) : string =
    let indent =
        String(' ', 3 * line.Depth + (if line.Below = 0 then 0 else 3 + 2 * line.Below))

    match line.Said with
    | Tried(number, name, entry, text, isDeciding) ->
        let title =
            Ending.printable $"{indent}{numbered number}{name}{entryOf entry}: {text}"

        if isDeciding then Terminal.bold title else title
    | Asked text -> Terminal.faint (Ending.printable $"{indent}{text}")
    | Accepted -> indent + Terminal.green "accepted"
    | Rejected why -> indent + Terminal.red "rejected" + ": " + Ending.printable why

let asMarkdown (line: TraceLine) : string =
    let text =
        match line.Said with
        | Tried(number, name, entry, text, _) -> $"{numbered number}`{name}`{entryOf entry}: {text}"
        | Asked text -> text
        | Accepted -> "**accepted**"
        | Rejected why -> $"**rejected**: {why}"

    String(' ', 2 * (line.Depth + line.Below)) + "- " + Ending.printable text

let writeDecision
    (json: Utf8JsonWriter)
    (number: string -> string)
    (version: RoomVersion)
    (event: Pdu)
    (decision: Decision)
    =
    let clause = decision.Clause
    json.WriteString("version", version.Id)
    json.WriteBoolean("allowed", decision.IsOk)
    json.WriteString("clause", clause)
    json.WriteString("number", number clause)

    match decision with
    | Decision.Allowed _ -> ()
    | Decision.Rejected failure ->
        json.WriteString("reason", Failures.words failure.Reason)
        Printing.textOrNull json "user" (offender event failure |> Option.defaultValue "")
        Printing.textOrNull json "supplied" (Failures.shown failure.Supplied)
        Printing.textOrNull json "required" (Failures.shown failure.Required)
        Printing.textOrNull json "entry" failure.Entry

let rec private writeFound (json: Utf8JsonWriter) (found: AuthTrace.Found) =
    json.WriteStartObject()
    json.WriteString("when", Words.condition found.Condition)
    json.WriteBoolean("holds", found.Holds)
    json.WriteString("fact", fact found)
    Printing.raw json "condition" (RuleTrees.condition found.Condition)

    if not found.Parts.IsEmpty then
        Printing.listOf json "parts" found.Parts (writeFound json)

    json.WriteEndObject()

let rec writeTried (json: Utf8JsonWriter) (number: string -> string) (tried: AuthTrace.EvaluatedRule) =
    let head = Rule.head tried.Rule
    json.WriteStartObject()
    json.WriteString("id", head.Name)
    json.WriteString("number", number head.Name)
    json.WriteString("text", head.Text)
    Printing.textOrNull json "entry" tried.Entry
    Printing.listOf json "asked" tried.Conditions (writeFound json)
    Printing.listOf json "inside" tried.Inside (writeTried json number)

    match tried.Decision with
    | Some decision when tried.Inside.IsEmpty ->
        json.WriteString("decision", (if decision.IsOk then "allow" else "reject"))
    | _ -> json.WriteNull "decision"

    json.WriteEndObject()
