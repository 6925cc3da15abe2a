namespace Matrix.Cli.Rules

open System
open System.Text.Json
open Argu
open Matrix.Cli
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
            | Room_Version _ -> "the version of the room."
            | Event _ -> "the event in question."
            | Auth _ -> "its auth events: an event, a list, or one event a line; may be given several times."
            | State _ -> "the state before it, in the same forms; the auth events and the create event unless said."
            | All_Versions -> "a line for each room version instead: the room gets the name that it would have there."
            | Format _ -> OutputFormat.TextUnlessSaid

module internal ExplainCommand =

    let private numbers (version: RoomVersion) =
        Map [ for item in Flatten.numbered version -> item.Name, item.Number ]

    let private number (version: RoomVersion) =
        let known = numbers version
        fun name -> known |> Map.tryFind name |> Option.defaultValue ""

    let private sentence (version: RoomVersion) (decision: Decision) : string =
        let clause = decision.Clause
        let at = number version clause

        match decision with
        | Decision.Allowed _ -> $"version {version.Id}: accepted, by {at} {clause}"
        | Decision.Rejected failure -> $"version {version.Id}: rejected, by {at} {Failures.render failure}"

    let private yesOrNo (found: AuthTrace.Found) = if found.Holds then "yes" else "no"

    let rec private foundLines (indent: string) (found: AuthTrace.Found) : string list =
        $"{indent}{yesOrNo found}: {Words.condition found.Condition}"
        :: (found.Parts |> List.collect (foundLines (indent + "  ")))

    let rec private lines (version: RoomVersion) (depth: int) (tried: AuthTrace.Tried) : string list =
        let head = Rule.head tried.Rule
        let indent = String(' ', depth * 3)
        let at = number version head.Name
        let entry = if tried.Entry = "" then "" else $" [{tried.Entry}]"
        let title = Ending.printable $"{indent}{at} {head.Name}{entry}: {head.Text}"

        let isDeciding = tried.Inside.IsEmpty && tried.Decision.IsSome

        [
            if isDeciding then Terminal.bold title else title
            for found in tried.Asked do
                yield! foundLines (indent + "     ") found |> List.map Terminal.faint
            for inner in tried.Inside do
                yield! lines version (depth + 1) inner
            match tried.Decision with
            | Some(Decision.Allowed _) when isDeciding -> indent + "     " + Terminal.green "accepted"
            | Some(Decision.Rejected failure) when isDeciding ->
                indent
                + "     "
                + Terminal.red "rejected"
                + ": "
                + Ending.printable (Failures.render failure)
            | _ -> ()
        ]

    let private writeDecision (json: Utf8JsonWriter) (version: RoomVersion) (decision: Decision) =
        let clause = decision.Clause
        json.WriteString("version", version.Id)
        json.WriteBoolean("allowed", decision.IsOk)
        json.WriteString("clause", clause)
        json.WriteString("number", number version clause)

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

    let rec private writeTried (json: Utf8JsonWriter) (version: RoomVersion) (tried: AuthTrace.Tried) =
        let head = Rule.head tried.Rule
        json.WriteStartObject()
        json.WriteString("id", head.Name)
        json.WriteString("number", number version head.Name)
        json.WriteString("text", head.Text)
        Printing.textOrNull json "entry" tried.Entry
        Printing.listOf json "asked" tried.Asked (writeFound json)
        Printing.listOf json "inside" tried.Inside (writeTried json version)

        match tried.Decision with
        | Some decision when tried.Inside.IsEmpty -> json.WriteString("decision", (if decision.IsOk then "allow" else "reject"))
        | _ -> json.WriteNull "decision"

        json.WriteEndObject()

    let private one (format: OutputFormat) (version: RoomVersion) (question: Question.Question) : Ending =
        let trace = AuthTrace.ofCase (Question.inVersion version false question)

        match format with
        | Text ->
            Console.Out.WriteLine(Terminal.bold (Ending.printable (sentence version trace.Decision)))
            Console.Out.WriteLine()

            for tried in trace.Tried do
                for line in lines version 0 tried do
                    Console.Out.WriteLine line
        | Json ->
            Printing.json (fun json ->
                writeDecision json version trace.Decision
                Printing.listOf json "trace" trace.Tried (writeTried json version))
        | Markdown ->
            let rec items depth (tried: AuthTrace.Tried) =
                let head = Rule.head tried.Rule
                let indent = String(' ', depth * 2)
                let at = number version head.Name

                $"{indent}- {at} `{head.Name}`: {head.Text}"
                :: [
                    for found in tried.Asked -> $"{indent}  - {yesOrNo found}: {Words.condition found.Condition}"
                ]
                @ (tried.Inside |> List.collect (items (depth + 1)))

            Printing.plain (
                ("**" + sentence version trace.Decision + "**")
                :: ""
                :: (trace.Tried |> List.collect (items 0))
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
                                Word(number version clause)
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

        match arguments.TryGetResult ExplainArguments.Event with
        | None -> Misused "--event: expected a file with the event in question"
        | Some event ->
            match
                Question.read event (arguments.GetResults ExplainArguments.Auth) (arguments.GetResults ExplainArguments.State)
            with
            | Error ending -> ending
            | Ok question when arguments.Contains ExplainArguments.All_Versions -> all format question
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
