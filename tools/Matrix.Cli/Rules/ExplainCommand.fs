namespace Matrix.Cli.Rules

open System
open System.Text.Json
open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Core.Auth
open Matrix.Properties.Reference
open Matrix.Rules
open Matrix.Rules.Printing

type ExplainArguments =
    | [<Unique>] Room_Version of V: string
    | [<Unique>] Event of FILE: string
    | Auth of FILE: string
    | State of FILE: string
    | [<Unique>] All_Versions
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room_Version _ -> "the version of the room; 1 if it rejects the event."
            | Event _ -> "the event in question."
            | Auth _ -> "its auth events: an event, a list, or one event a line; may be given several times."
            | State _ -> "the state before it, in the same forms; the auth events and the create event unless said."
            | All_Versions ->
                "a line for each room version instead: the room gets the name that it would have there; 0 whatever they decide."
            | Format _ -> OutputFormat.TextUnlessSaid

module internal ExplainCommand =

    /// The numbers that a version has for rules; "" of what has none.
    let private numbering (version: RoomVersion) : string -> string =
        let known = Map [ for item in Flatten.numbered version -> item.Name, item.Number ]
        fun name -> known |> Map.tryFind name |> Option.defaultValue ""

    let private sentence (number: string -> string) (version: RoomVersion) (decision: Decision) : string =
        let clause = decision.Clause
        let at = number clause

        match decision with
        | Decision.Allowed _ -> $"version {version.Id}: accepted, by {at} {clause}"
        | Decision.Rejected failure -> $"version {version.Id}: rejected, by {at} {Failures.render failure}"

    let private yesOrNo (found: AuthTrace.Found) = if found.Holds then "yes" else "no"

    /// What a line of an explanation says.
    type private Said =
        | Tried of number: string * name: string * entry: string * text: string * isDeciding: bool
        | Asked of string
        | Accepted
        | Rejected of string

    /// A line: how deep its rule is nested, and how deep it stands below the rule.
    type private Line = { Depth: int; Below: int; Said: Said }

    let rec private ofFound (depth: int) (below: int) (found: AuthTrace.Found) : Line list =
        {
            Depth = depth
            Below = below
            Said = Asked $"{yesOrNo found}: {Words.condition found.Condition}"
        }
        :: (found.Parts |> List.collect (ofFound depth (below + 1)))

    /// A rule, what it asks and what is inside, in lines.
    let rec private ofTried (number: string -> string) (depth: int) (tried: AuthTrace.Tried) : Line list =
        let head = Rule.head tried.Rule
        let isDeciding = tried.Inside.IsEmpty && tried.Decision.IsSome

        let line below said = {
            Depth = depth
            Below = below
            Said = said
        }

        [
            line 0 (Tried(number head.Name, head.Name, tried.Entry, head.Text, isDeciding))
            for found in tried.Asked do
                yield! ofFound depth 1 found
            for inner in tried.Inside do
                yield! ofTried number (depth + 1) inner
            match tried.Decision with
            | Some(Decision.Allowed _) when isDeciding -> line 1 Accepted
            | Some(Decision.Rejected failure) when isDeciding -> line 1 (Rejected(Failures.render failure))
            | _ -> ()
        ]

    let private entryOf (entry: string) =
        if entry = "" then "" else $" [{entry}]"

    let private asText (line: Line) : string =
        let indent =
            String(' ', 3 * line.Depth + (if line.Below = 0 then 0 else 3 + 2 * line.Below))

        match line.Said with
        | Tried(number, name, entry, text, isDeciding) ->
            let title = Ending.printable $"{indent}{number} {name}{entryOf entry}: {text}"
            if isDeciding then Terminal.bold title else title
        | Asked text -> Terminal.faint (Ending.printable $"{indent}{text}")
        | Accepted -> indent + Terminal.green "accepted"
        | Rejected why -> indent + Terminal.red "rejected" + ": " + Ending.printable why

    let private asMarkdown (line: Line) : string =
        let text =
            match line.Said with
            | Tried(number, name, entry, text, _) -> $"{number} `{name}`{entryOf entry}: {text}"
            | Asked text -> text
            | Accepted -> "**accepted**"
            | Rejected why -> $"**rejected**: {why}"

        String(' ', 2 * (line.Depth + line.Below)) + "- " + Ending.printable text

    let private writeDecision (json: Utf8JsonWriter) (number: string -> string) (version: RoomVersion) (decision: Decision) =
        let clause = decision.Clause
        json.WriteString("version", version.Id)
        json.WriteBoolean("allowed", decision.IsOk)
        json.WriteString("clause", clause)
        json.WriteString("number", number clause)

        match decision with
        | Decision.Allowed _ -> ()
        | Decision.Rejected failure ->
            json.WriteString("reason", Failures.words failure.Reason)
            Printing.textOrNull json "supplied" (Failures.shown failure.Supplied)
            Printing.textOrNull json "required" (Failures.shown failure.Required)
            Printing.textOrNull json "entry" failure.Entry

    let rec private writeFound (json: Utf8JsonWriter) (found: AuthTrace.Found) =
        json.WriteStartObject()
        json.WriteString("when", Words.condition found.Condition)
        json.WriteBoolean("holds", found.Holds)

        if not found.Parts.IsEmpty then
            Printing.listOf json "parts" found.Parts (writeFound json)

        json.WriteEndObject()

    let rec private writeTried (json: Utf8JsonWriter) (number: string -> string) (tried: AuthTrace.Tried) =
        let head = Rule.head tried.Rule
        json.WriteStartObject()
        json.WriteString("id", head.Name)
        json.WriteString("number", number head.Name)
        json.WriteString("text", head.Text)
        Printing.textOrNull json "entry" tried.Entry
        Printing.listOf json "asked" tried.Asked (writeFound json)
        Printing.listOf json "inside" tried.Inside (writeTried json number)

        match tried.Decision with
        | Some decision when tried.Inside.IsEmpty -> json.WriteString("decision", (if decision.IsOk then "allow" else "reject"))
        | _ -> json.WriteNull "decision"

        json.WriteEndObject()

    let private one (format: OutputFormat) (version: RoomVersion) (question: Question.Question) : Ending =
        let number = numbering version
        let trace = AuthTrace.ofCase (Question.inVersion version false question)
        let lines = trace.Tried |> List.collect (ofTried number 0)

        match format with
        | Text ->
            Printing.plain (
                Terminal.bold (Ending.printable (sentence number version trace.Decision))
                :: ""
                :: List.map asText lines
            )
        | Json ->
            Printing.json (fun json ->
                writeDecision json number version trace.Decision
                Printing.listOf json "trace" trace.Tried (writeTried json number))
        | Markdown ->
            Printing.plain (
                "**" + Ending.printable (sentence number version trace.Decision) + "**"
                :: ""
                :: List.map asMarkdown lines
            )

        if trace.Decision.IsOk then Done else Finding

    let private all (format: OutputFormat) (question: Question.Question) : Ending =
        let decisions = [
            for version in Versions.withUnstable ->
                version, (AuthTrace.ofCase (Question.inVersion version true question)).Decision
        ]

        Report.print format {
            Facts = []
            Tables = [
                {
                    Name = "versions"
                    Columns = [ "version"; "allowed"; "number"; "clause"; "why" ]
                    Rows = [
                        for version, decision in decisions ->
                            let clause = decision.Clause

                            [
                                Word version.Id
                                Truth decision.IsOk
                                Word(numbering version clause)
                                Word clause
                                Word(
                                    match decision with
                                    | Decision.Allowed _ -> ""
                                    | Decision.Rejected failure -> Failures.render failure
                                )
                            ]
                    ]
                }
            ]
        }

        Done

    let run (arguments: ParseResults<ExplainArguments>) : Ending =
        let format = arguments.GetResult(ExplainArguments.Format, Text)

        let isOfAll = arguments.Contains ExplainArguments.All_Versions

        match arguments.TryGetResult ExplainArguments.Event with
        | _ when isOfAll && arguments.Contains ExplainArguments.Room_Version ->
            Misused "--all-versions, --room-version: expected one of them"
        | None -> Misused "--event: expected a file with the event in question"
        | Some event ->
            match
                Question.read event (arguments.GetResults ExplainArguments.Auth) (arguments.GetResults ExplainArguments.State)
            with
            | Error ending -> ending
            | Ok question when isOfAll -> all format question
            | Ok question ->
                if question.Auth.IsEmpty && question.Event.Type <> "m.room.create" then
                    Misused "--auth: expected files with the auth events: only a create event has none"
                else
                    match arguments.TryGetResult ExplainArguments.Room_Version with
                    | None -> Misused "--room-version: expected the version of the room (or --all-versions)"
                    | Some id ->
                        match RoomVersions.find id with
                        | Error ending -> ending
                        | Ok version -> one format version question
