namespace Matrix.Cli.Rules

open System
open System.Text.Json
open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Cli.Output.Traces
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Vectors
open Matrix.Rules
open Matrix.Rules.Printing
open Matrix.Properties.Reference.Authorization

type ExplainArguments =
    | [<Unique>] Room_Version of V: string
    | [<Unique>] Event of FILE: string
    | Auth of FILE: string
    | State of FILE: string
    | [<Unique>] All_Versions
    | [<Unique>] Full
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room_Version _ -> "the room's version. Exits with 1 if it rejects the event."
            | Event _ -> "the event to decide."
            | Auth _ -> "its auth events: one event, a list, or one event per line. May be repeated."
            | State _ -> "the state before it, in the same forms. Default: the auth events and the create event."
            | All_Versions ->
                "prints one line per room version. The room gets the id that it would have in that version. \
                 Exits with 0."
            | Full -> "prints every rule that was tried, not only those that lead to the verdict."
            | Format _ -> OutputFormat.TextByDefault

module internal ExplainCommand =

    let private one
        (format: OutputFormat)
        (isFull: bool)
        (version: RoomVersion)
        (input: ExplainInput.ExplainInput)
        : Ending =
        let number = numbering version
        let case = ExplainInput.inVersion version false input
        let event = case.Event
        let trace = AuthTrace.ofCase case
        let tried = if isFull then trace.Evaluated else path trace.Evaluated
        let lines = tried |> List.collect (ofTried event number 0)

        match format with
        | Text ->
            Printing.plain (
                Terminal.bold (Ending.printable (sentence number version event trace.Decision))
                :: ""
                :: List.map asText lines
            )
        | Json ->
            Printing.json (fun json ->
                writeDecision json number version event trace.Decision
                Printing.listOf json "trace" tried (writeTried json number))
        | Markdown ->
            Printing.plain (
                "**" + Ending.printable (sentence number version event trace.Decision) + "**"
                :: ""
                :: List.map asMarkdown lines
            )

        if trace.Decision.IsOk then Done else Finding

    let private all (format: OutputFormat) (input: ExplainInput.ExplainInput) : Ending =
        let decisions = [
            for version in Versions.withUnstable ->
                version, (AuthTrace.ofCase (ExplainInput.inVersion version true input)).Decision
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
        | None -> Misused "--event: expected a file with the event to decide"
        | Some event ->
            match
                ExplainInput.read
                    event
                    (arguments.GetResults ExplainArguments.Auth)
                    (arguments.GetResults ExplainArguments.State)
            with
            | Error ending -> ending
            | Ok input when isOfAll -> all format input
            | Ok input ->
                if
                    (arguments.GetResults ExplainArguments.Auth).IsEmpty
                    && input.Event.Type <> "m.room.create"
                then
                    Misused "--auth: expected files with the auth events (only a create event has none)"
                else
                    match arguments.TryGetResult ExplainArguments.Room_Version with
                    | None -> Misused "--room-version: expected the room's version (or --all-versions)"
                    | Some id ->
                        match RoomVersions.find id with
                        | Error ending -> ending
                        | Ok version -> one format (arguments.Contains ExplainArguments.Full) version input
