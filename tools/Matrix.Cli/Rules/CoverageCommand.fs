namespace Matrix.Cli.Rules

open System
open Argu
open Matrix.Cli
open Matrix.Cli.Output
open Matrix.Properties.Properties
open Matrix.Properties.SmallWorlds
open Matrix.Rules

type CoverageArguments =
    | [<Unique>] Room_Version of V: string
    | [<Unique>] Exhaustive
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room_Version _ -> RoomVersions.OneOfAll
            | Exhaustive -> "counts every case of the small worlds, and not the lightest and some drawn ones only: minutes."
            | Format _ -> "how the answer is written; text unless said."

module internal CoverageCommand =

    /// Everything that was decided in a group of versions that authorization cannot tell apart.
    let private survey (exhaustive: bool) (version: RoomVersion) : Survey =
        let all = Survey.lightest version Worlds.all 12

        if exhaustive then
            Survey.run version Worlds.all 1L Environment.ProcessorCount ignore
        else
            all.Add(Survey.sample version Worlds.all SmallWorldProperties.drawn 1UL)
            all

    let private rows (group: RoomVersion list, survey: Survey) : Cell list list =
        let versions = group |> List.map _.Id |> String.concat ", "

        // What only opens a list is decided by what is inside.
        let rec counts (rule: Rule) : int64 * int64 * Witness option =
            match survey.Clauses.TryGetValue(Rule.name rule) with
            | true, count ->
                count.Accepted.Count, count.Rejected.Count, Option.orElse count.Rejected.Lightest count.Accepted.Lightest
            | _ ->
                let inside = Rule.inside rule |> List.map counts

                inside |> List.sumBy (fun (a, _, _) -> a),
                inside |> List.sumBy (fun (_, r, _) -> r),
                inside |> List.tryPick (fun (_, _, w) -> w)

        [
            for rule in Rule.all survey.Version.Authorization ->
                let accepted, rejected, lightest = counts rule

                [
                    Word versions
                    Word(Rule.name rule)
                    Count accepted
                    Count rejected
                    Word(
                        lightest
                        |> Option.map SmallWorldProperties.nameWitness
                        |> Option.defaultValue ""
                    )
                ]
        ]

    let run (arguments: ParseResults<CoverageArguments>) : Ending =
        match RoomVersions.wanted (arguments.TryGetResult CoverageArguments.Room_Version) with
        | Error ending -> ending
        | Ok versions ->
            let exhaustive = arguments.Contains CoverageArguments.Exhaustive

            let surveys = [
                use progress = new Progress()

                for group in Worlds.groups versions do
                    let ids = group |> List.map _.Id |> String.concat ", "
                    progress.Show $"versions {ids}"
                    group, survey exhaustive (List.head group)
            ]

            let undecided = [
                for group, survey in surveys do
                    for clause, accepting in Survey.undecided survey -> group, clause, accepting
            ]

            Report.print (arguments.GetResult(CoverageArguments.Format, Text)) {
                Facts = [
                    "clauses", Count(surveys |> List.sumBy (fun (_, s) -> int64 s.Clauses.Count))
                    "clauses_undecided", Count(int64 undecided.Length)
                ]
                Tables = [
                    {
                        Name = "coverage"
                        Columns = [ "versions"; "clause"; "accepted"; "rejected"; "smallest" ]
                        Rows = surveys |> List.collect rows
                    }
                    if not undecided.IsEmpty then
                        {
                            Name = "undecided"
                            Columns = [ "versions"; "clause"; "outcome" ]
                            Rows = [
                                for group, clause, accepting in undecided ->
                                    [
                                        Word(group |> List.map _.Id |> String.concat ", ")
                                        Word clause
                                        Word(if accepting then "accepted" else "rejected")
                                    ]
                            ]
                        }
                ]
            }

            if undecided.IsEmpty then Done else Finding
