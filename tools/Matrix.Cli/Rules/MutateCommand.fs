namespace Matrix.Cli.Rules

open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Properties.Mutation
open Matrix.Properties.SmallWorlds
open Matrix.Rules

type MutateArguments =
    | [<Unique>] Room_Version of V: string
    | [<Unique>] Area of AREA: string
    | [<Unique>] Rule of NAME: string
    | [<Unique>] Vectors_Only
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room_Version _ -> RoomVersions.OneOfAll
            | Area _ -> "one area only: power, selection, auth, redaction or state. Default: all of these."
            | Rule _ ->
                "one rule, selection, event type, setting or step, or all whose names begin with NAME and a dot."
            | Vectors_Only ->
                "tries only the vectors, not the small worlds; state resolution in drawn rooms as ever. Takes a minute \
                 instead of many."
            | Format _ -> OutputFormat.TextByDefault + " Text and Markdown leave out killed mutants."

module internal MutateCommand =
    let private statusWord (status: Status) =
        match status with
        | Status.Killed -> "killed"
        | Status.Equivalent -> "equivalent"
        | Status.Survived -> "survived"
        | Status.WronglyListed -> "wrongly-listed"

    /// The area of a version's rules that a subject is in.
    let private areaOf (subject: Subject) : Area =
        match subject with
        | Subject.Authorization -> Area.Authorization
        | Subject.Selection -> Area.Selection
        | Subject.Handling
        | Subject.Redaction -> Area.Redaction
        | Subject.Setting -> Area.PowerLevels
        | Subject.StateResolution -> Area.StateResolution

    /// What is changed in these areas.
    let private subjectsIn (areas: Area list) : Result<Subject list, Ending> =
        match Subject.All |> List.filter (fun subject -> List.contains (areaOf subject) areas) with
        | [] ->
            Error(Misused "--area: nothing is changed there: expected one of power, selection, auth, redaction, state")
        | subjects -> Ok subjects

    /// `stale` are listed ids that are not a mutant of any version; None if only a rule or area was requested.
    let private report (format: OutputFormat) (fates: Fate list) (stale: string list option) : Report =
        let count status =
            fates
            |> List.filter (fun f -> f.Status = status)
            |> List.length
            |> int64
            |> Count

        let isUnnoticed (fate: Fate) =
            match fate.Noticed with
            | Some(Noticed.Nowhere _) -> true
            | _ -> false

        let shown =
            if format = Json then
                fates
            else
                fates |> List.filter (fun f -> f.Status <> Status.Killed || isUnnoticed f)

        {
            Facts = [
                "tried", Count(int64 fates.Length)
                for status in [ Status.Killed; Status.Equivalent; Status.Survived; Status.WronglyListed ] do
                    (statusWord status).Replace('-', '_'), count status
                match stale with
                | Some stale -> "stale", Count(int64 stale.Length)
                | None -> ()
                for origin in
                    [
                        Origin.HandwrittenVector
                        Origin.GeneratedVector
                        Origin.Invariant
                        Origin.Outline
                        Origin.Room
                        Origin.Law
                    ] do
                    let told = fates |> List.filter (fun f -> List.contains origin f.Origins)
                    let word = origin.Words.Replace(' ', '_')
                    $"told_by_{word}", Count(int64 told.Length)
                    $"told_by_{word}_alone", Count(int64 (told |> List.filter (fun f -> f.Origins = [ origin ])).Length)

                "unnoticed_by_invariants", Count(int64 (fates |> List.filter isUnnoticed).Length)
            ]
            Tables = [
                {
                    Name = "mutants"
                    Columns = [
                        if format = Json then
                            "id"

                        yield! [ "rule"; "mutation"; "versions"; "status"; "by" ]

                        if format = Json then
                            yield! [ "origins"; "invariants" ]
                    ]
                    Rows = [
                        for f in shown ->
                            [
                                // In text, the rule and the mutation are enough.
                                if format = Json then
                                    Word f.Id

                                Word f.Rule
                                Word f.Mutation
                                Word(String.concat " " f.Versions)
                                Word(statusWord f.Status)
                                Word f.By

                                if format = Json then
                                    Word(f.Origins |> List.map _.Words |> String.concat ", ")
                                    Word(f.Noticed |> Option.map _.Words |> Option.defaultValue "")
                            ]
                    ]
                }
                match stale with
                | Some(_ :: _ as stale) -> {
                    Name = "listed_and_no_mutant_of_any_version"
                    Columns = [ "id" ]
                    Rows = [ for id in stale -> [ Word id ] ]
                  }
                | _ -> ()
            ]
        }

    /// Runs the mutants, with progress on a terminal.
    let private tried (plan: MutationPlan) (versions: RoomVersion list) : Fate list =
        use progress = new Progress()
        Mutation.run plan progress.Show versions

    /// Changes the tables one rule at a time, and reports what detects each change.
    let run (arguments: ParseResults<MutateArguments>) : Ending =
        let versions =
            RoomVersions.wanted (arguments.TryGetResult MutateArguments.Room_Version)

        let files =
            match VectorFiles.ofCheckout () with
            | Some folder -> VectorFiles.readAll [ folder ]
            | None -> Error(Misused "there is no tests/vectors here: run it in a checkout, which has the vectors")

        let area = arguments.TryGetResult MutateArguments.Area

        match versions, files, RoomVersions.areas area |> Result.bind subjectsIn with
        | Error ending, _, _
        | _, Error ending, _
        | _, _, Error ending -> ending
        | Ok versions, Ok files, Ok subjects ->
            let rule = arguments.TryGetResult Rule

            let fates =
                tried
                    {
                        Files = files
                        IsGenerated = Matrix.Properties.Vectors.Generation.GeneratedVectors.isGenerated
                        Worlds = Worlds.all
                        Search =
                            if arguments.Contains Vectors_Only then
                                Search.Vectors
                            else
                                Search.Worlds 1L
                        Rooms = ResolutionRun.drawn
                        Subjects = subjects
                        IsWanted = RoomVersions.isMeant rule
                        Equivalents = Equivalents.all
                    }
                    versions

            match rule with
            | Some rule when fates.IsEmpty ->
                Misused $"--rule: the tables have nothing called '{rule}' (without --rule, everything is changed)"
            | _ ->
                // A request for one rule or area does not report stale ids of others.
                let stale =
                    if rule.IsSome || area.IsSome then
                        None
                    else
                        Some(Equivalents.stale Equivalents.all Versions.all)

                let format = arguments.GetResult(MutateArguments.Format, Text)
                Report.print format (report format fates stale)

                if fates |> List.exists _.IsFinding || stale |> Option.exists (List.isEmpty >> not) then
                    Finding
                else
                    Done
