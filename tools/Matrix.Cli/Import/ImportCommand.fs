namespace Matrix.Cli.Import

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open Argu
open Matrix.Cli.Output
open Matrix.Host.Storage.Commits
open Matrix.Import.Commands
open Matrix.Import.Runs
open Matrix.Import.Sources
open Matrix.Import.Verifying

/// `mx import`: comes from Synapse.
module internal ImportCommand =

    /// Lines on standard error, so that standard output has the result only.
    type private Log(line: Progress) =
        let span (time: TimeSpan) =
            if time.TotalMinutes >= 1.0 then
                $"{int time.TotalMinutes} min"
            else
                $"{int time.TotalSeconds} s"

        interface IImportLog with
            member _.Say text =
                line.Show ""
                eprintfn "%s" (Ending.printable text)

            member _.Progress(title, made, all, left) =
                let rest =
                    match Option.ofNullable left with
                    | Some time -> $", {span time} left"
                    | None -> ""

                line.Show $"{title}: {made} of {max made all}{rest}"

    let private dataFolder (given: string option) =
        given
        |> Option.orElse (Option.ofObj (Environment.GetEnvironmentVariable "MATRIX_DATA_DIR"))
        |> Option.defaultValue "data"
        |> Path.GetFullPath

    /// Folders by the names that Synapse has for them: FROM=TO each.
    let private moved (pairs: string list) : Result<Map<string, string>, Ending> =
        pairs
        |> Ending.all (fun pair ->
            match pair.IndexOf '=' with
            | at when at > 0 && at < pair.Length - 1 -> Ok(pair[.. at - 1], pair[at + 1 ..])
            | _ -> Error(Misused $"--moved {pair}: expected FROM=TO"))
        |> Result.map Map.ofList

    let private options choices (configs: string list) folder (moved: Map<string, string>) data database =
        ImportOptions(
            Moved = moved,
            Choices = choices,
            ConfigPaths = Array.ofList configs,
            SynapseFolder = Path.GetFullPath(defaultArg folder "."),
            DataFolder = dataFolder data,
            DatabaseUrl = defaultArg database "sqlite:homeserver.db"
        )

    /// A reason of several lines: each is printed.
    let private refused (message: string) : Ending =
        let lines = message.Split '\n'

        for line in lines[.. lines.Length - 2] do
            eprintfn "mx: %s" (Ending.printable line)

        Refused lines[lines.Length - 1]

    /// Runs a command until it ends or is interrupted.
    let private run (command: IImportLog -> CancellationToken -> Task<Ending>) : Ending =
        use line = new Progress()
        use stopping = new CancellationTokenSource()

        Console.CancelKeyPress.Add(fun press ->
            press.Cancel <- true
            stopping.Cancel())

        try
            (command (Log line) stopping.Token).GetAwaiter().GetResult()
        with
        | :? ImportException as fault -> refused fault.Message
        | :? SourceException as fault -> refused fault.Message
        | :? StorageException as fault -> Refused $"database: {fault.Message}"
        | :? OperationCanceledException -> Refused "Interrupted. Run the same command again: it goes on where it was."

    let private checkedReport (report: CheckReport) = {
        Facts = [
            "source", Word report.Source
            "about_seconds", Count(int64 report.Time.TotalSeconds)
            "synapse_runs", Truth report.IsRunning
            "users_who_could_not_sign_in", Count report.LockedOutUsers
        ]
        Tables = [
            {
                Name = "carried"
                Columns = [ "what"; "rows" ]
                Rows = [ for count in report.Counts -> [ Word count.What; Count count.Rows ] ]
            }
            {
                Name = "notes"
                Columns = [ "note" ]
                Rows = [ for note in report.Notes -> [ Word note ] ]
            }
            {
                Name = "could_not_sign_in"
                Columns = [ "user_id"; "ways_in_synapse" ]
                Rows = [ for user in report.LockedOut -> [ Word user.UserId; Word user.Ways ] ]
            }
        ]
    }

    let private verifiedReport (report: VerifyReport) = {
        Facts = [ "rooms", Count report.Rooms; "differing_rooms", Count report.DifferingRooms ]
        Tables = [
            {
                Name = "carried"
                Columns = [ "part"; "kind"; "read"; "written"; "left_out" ]
                Rows = [
                    for kind in report.Kinds ->
                        [
                            Word kind.Part
                            Word kind.Kind
                            Count kind.Read
                            Count kind.Written
                            Count kind.LeftOut
                        ]
                ]
            }
            {
                Name = "left_out"
                Columns = [ "kind"; "count"; "reason"; "examples" ]
                Rows = [
                    for left in report.LeftOut ->
                        [
                            Word left.Kind
                            Count left.Count
                            Word left.Reason
                            Word(String.Join(", ", left.Examples))
                        ]
                ]
            }
            {
                Name = "differences"
                Columns = [ "room_id"; "what"; "synapse"; "this_server" ]
                Rows = [
                    for difference in report.Differences ->
                        [
                            Word difference.RoomId
                            Word difference.What
                            Word difference.Synapse
                            Word difference.Ours
                        ]
                ]
            }
        ]
    }

    let private rulesReport (report: RuleCheckReport) = {
        Facts = [ "events_per_second", Count(int64 report.EventsPerSecond) ]
        Tables = [
            {
                Name = "versions"
                Columns = [ "room_version"; "decided"; "differing"; "undecidable" ]
                Rows = [
                    for version in report.Versions ->
                        [
                            Word version.Version
                            Count version.Decided
                            Count version.Differing
                            Count version.Undecidable
                        ]
                ]
            }
            {
                Name = "differing"
                Columns = [
                    "room_id"
                    "event_id"
                    "room_version"
                    "type"
                    "synapse"
                    "this_server"
                    "clause"
                ]
                Rows = [
                    for event in report.Differing ->
                        [
                            Word event.RoomId
                            Word event.EventId
                            Word event.Version
                            Word event.Type
                            Word event.Synapse
                            Word event.Ours
                            Word event.Clause
                        ]
                ]
            }
        ]
    }

    let private import (arguments: ParseResults<SynapseArguments>) folders =
        let choices =
            ImportChoices(
                IsRehearsal = arguments.Contains Rehearse,
                WithoutHistory = arguments.Contains Without_History,
                WithoutEmptyRooms = arguments.Contains Without_Empty_Rooms,
                RemoteMedia = arguments.Contains Remote_Media,
                LinkMedia = not (arguments.Contains Copy_Media),
                Accepted = Array.ofList (arguments.GetResults Accept)
            )

        let options =
            options
                choices
                (arguments.GetResults SynapseArguments.Source)
                (arguments.TryGetResult SynapseArguments.Synapse_Folder)
                folders
                (arguments.TryGetResult SynapseArguments.Data_Dir)
                (arguments.TryGetResult SynapseArguments.Database)

        run (fun log stop ->
            task {
                if arguments.Contains Check then
                    let! report = CheckCommand.RunAsync(options, log, stop)
                    Report.print (arguments.GetResult(SynapseArguments.Format, Text)) (checkedReport report)
                    return (if report.LockedOutUsers = 0 then Done else Finding)
                elif arguments.Contains Media_First then
                    do! MediaFirstCommand.RunAsync(options, log, stop)
                    return Done
                else
                    let! summary = ImportCommand.RunAsync(options, log, stop)
                    Report.print Text (verifiedReport summary.Report)
                    printfn ""
                    printfn "The report: %s" summary.ReportFile

                    for step in summary.NextSteps do
                        printfn "%s" step

                    return (if summary.Report.DifferingRooms = 0 then Done else Finding)
            })

    let private verify (arguments: ParseResults<VerifyImportArguments>) folders =
        let options =
            options
                (ImportChoices())
                (arguments.GetResults VerifyImportArguments.Source)
                (arguments.TryGetResult VerifyImportArguments.Synapse_Folder)
                folders
                (arguments.TryGetResult VerifyImportArguments.Data_Dir)
                (arguments.TryGetResult VerifyImportArguments.Database)

        let format = arguments.GetResult(VerifyImportArguments.Format, Text)

        run (fun log stop ->
            task {
                if arguments.Contains Check_Rules then
                    let! report = VerifyCommand.CheckRulesAsync(options, log, stop)
                    Report.print format (rulesReport report)

                    return
                        if report.Versions |> Seq.forall (fun version -> version.Differing = 0L) then
                            Done
                        else
                            Finding
                else
                    let! report = VerifyCommand.RunAsync(options, log, stop)
                    Report.print format (verifiedReport report)
                    return (if report.DifferingRooms = 0 then Done else Finding)
            })

    let run' (arguments: ParseResults<ImportArguments>) =
        match arguments.GetSubCommand() with
        | Synapse arguments ->
            match moved (arguments.GetResults SynapseArguments.Moved) with
            | Ok folders -> import arguments folders
            | Error ending -> ending
        | Verify arguments ->
            match moved (arguments.GetResults VerifyImportArguments.Moved) with
            | Ok folders -> verify arguments folders
            | Error ending -> ending
