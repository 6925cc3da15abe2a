namespace Matrix.Cli.Rules

open System
open Argu
open Matrix.Cli
open Matrix.Cli.Output
open Matrix.Cli.Vectors
open Matrix.Properties.Mutation
open Matrix.Properties.SmallWorlds
open Matrix.Rules

type MutateArguments =
    | [<Unique>] Room_Version of V: string
    | [<Unique>] Vectors_Only
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room_Version _ -> "the version whose tables are changed; all unless said."
            | Vectors_Only -> "tries the vectors and not the small worlds: seconds instead of minutes."
            | Format _ -> "how the answer is written; text unless said. Text and Markdown leave out what was killed."

module internal MutateCommand =
    let private statusWord (status: Status) =
        match status with
        | Status.Killed -> "killed"
        | Status.Equivalent -> "equivalent"
        | Status.Survived -> "survived"
        | Status.WronglyListed -> "wrongly-listed"

    let private report (format: OutputFormat) (fates: Fate list) : Report =
        let count status =
            fates
            |> List.filter (fun f -> f.Status = status)
            |> List.length
            |> int64
            |> Count

        let shown =
            if format = Json then
                fates
            else
                fates |> List.filter (fun f -> f.Status <> Status.Killed)

        {
            Facts = [
                "tried", Count(int64 fates.Length)
                for status in [ Status.Killed; Status.Equivalent; Status.Survived; Status.WronglyListed ] do
                    (statusWord status).Replace('-', '_'), count status
            ]
            Tables = [
                {
                    Name = "mutants"
                    Columns = [ "id"; "rule"; "mutation"; "versions"; "status"; "by" ]
                    Rows = [
                        for f in shown ->
                            [
                                Word f.Id
                                Word f.Rule
                                Word f.Mutation
                                Word(String.concat " " f.Versions)
                                Word(statusWord f.Status)
                                Word f.By
                            ]
                    ]
                }
            ]
        }

    let private told (what: string) =
        if not Console.IsErrorRedirected then
            eprintfn "%s" what

    /// Changes the tables one rule at a time, and says of each change whether anything notices.
    let run (arguments: ParseResults<MutateArguments>) : Ending =
        let versions =
            match arguments.TryGetResult MutateArguments.Room_Version with
            | None -> Ok Versions.all
            | Some id -> RoomVersions.find id |> Result.map List.singleton

        match versions, Files.ofCheckout () |> Result.bind Files.readAll with
        | Error ending, _
        | _, Error ending -> ending
        | Ok versions, Ok files ->
            let search =
                if arguments.Contains Vectors_Only then
                    Search.Vectors
                else
                    Search.Worlds 1L

            let fates = Mutation.run files Worlds.all search told versions
            let format = arguments.GetResult(MutateArguments.Format, Text)
            Report.print format (report format fates)
            if fates |> List.exists _.IsFinding then Finding else Done
