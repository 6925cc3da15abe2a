namespace Matrix.Cli.Rules

open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Cli.Rules.Verify

type CoverageArguments =
    | [<Unique>] Room_Version of V: string
    | [<Unique>] Exhaustive
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room_Version _ -> RoomVersions.OneOfAll
            | Exhaustive ->
                "counts every case of the small worlds, not only the lightest and a random sample. Takes minutes."
            | Format _ -> OutputFormat.TextByDefault

module internal CoverageCommand =

    let run (arguments: ParseResults<CoverageArguments>) : Ending =
        match RoomVersions.wanted (arguments.TryGetResult CoverageArguments.Room_Version) with
        | Error ending -> ending
        | Ok versions ->
            let counted =
                if arguments.Contains CoverageArguments.Exhaustive then
                    Coverage.Every
                else
                    Coverage.LightestAndDrawn

            let covered = Coverage.cover counted versions
            let undecided = Coverage.undecided covered

            Report.print (arguments.GetResult(CoverageArguments.Format, Text)) {
                Facts = [
                    "clauses", Count(covered |> List.sumBy (fun c -> int64 c.Clauses.Count))
                    "clauses_undecided", Count(int64 undecided.Length)
                ]
                Tables = [
                    {
                        Name = "coverage"
                        Columns = [ "versions"; "clause"; "accepted"; "rejected"; "smallest" ]
                        Rows = covered |> List.collect Coverage.rows
                    }
                    if not undecided.IsEmpty then
                        {
                            Name = "undecided"
                            Columns = [ "versions"; "clause"; "outcome" ]
                            Rows = undecided
                        }
                ]
            }

            if undecided.IsEmpty then Done else Finding
