namespace Matrix.Cli.Vectors

open System
open System.IO
open System.Threading
open System.Threading.Tasks
open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Properties.Vectors
open Matrix.Properties.Vectors.Generation

type CheckArguments =
    | [<MainCommand; Mandatory>] Files of FILE: string list
    | [<Unique>] Differing
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Files _ -> "files of vectors, or folders of them."
            | Differing -> "prints only cases whose answer differs."
            | Format _ -> OutputFormat.TextByDefault

type RunArguments =
    | [<MainCommand>] Files of FILE: string list
    | [<Unique>] Against of COMMAND: string
    | [<Unique>] Timeout of SECONDS: float
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Files _ -> "the files of vectors. Default: all of tests/vectors."
            | Against _ -> "the command to run. It speaks the protocol of tests/vectors/FORMAT.md."
            | Timeout _ -> "the time limit for one answer. Default: 10."
            | Format _ -> OutputFormat.TextByDefault

type AnswerArguments =
    | [<Hidden>] Nothing

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Nothing -> ""

type GenerateArguments =
    | [<MainCommand; ExactlyOnce>] Folder of DIR: string
    | [<Unique>] Check

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Folder _ ->
                "the folder of vectors, such as tests/vectors. Generated files are written; all others are read."
            | Check -> "writes nothing, and reports which generated files are out of date."

[<RequireSubcommand>]
type VectorsArguments =
    | [<CliPrefix(CliPrefix.None)>] Check of ParseResults<CheckArguments>
    | [<CliPrefix(CliPrefix.None)>] Run of ParseResults<RunArguments>
    | [<CliPrefix(CliPrefix.None)>] Answer of ParseResults<AnswerArguments>
    | [<CliPrefix(CliPrefix.None)>] Generate of ParseResults<GenerateArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Check _ -> "checks this implementation against files of test vectors."
            | Run _ -> "checks another implementation, through a pipe."
            | Answer _ -> "answers questions from standard input, so that `run` can check this implementation."
            | Generate _ -> "writes the generated vectors. Takes minutes."

module internal VectorsCommand =
    let private ending (good: bool) = if good then Done else Finding

    let private check (arguments: ParseResults<CheckArguments>) =
        match VectorFiles.readAll (arguments.GetResult CheckArguments.Files) with
        | Error ending -> ending
        | Ok files ->
            let results = [
                for name, file in files do
                    for vector in file.Vectors do
                        let found =
                            match Vectors.answer VectorFiles.ed25519 file.Kind vector.Question with
                            | Error fault -> string fault
                            | Ok answer ->
                                Vectors.differences file.Kind true vector answer
                                |> List.map string
                                |> String.concat "; "

                        name, vector, found
            ]

            let differing = results |> List.filter (fun (_, _, found) -> found <> "")

            let shown = if arguments.Contains Differing then differing else results

            Report.print (arguments.GetResult(CheckArguments.Format, Text)) {
                Facts = [
                    "files", Count(int64 files.Length)
                    "vectors", Count(int64 results.Length)
                    "differing", Count(int64 differing.Length)
                ]
                Tables = [
                    {
                        Name = "cases"
                        Columns = [ "file"; "place"; "version"; "result"; "name" ]
                        Rows = [
                            for file, vector, found in shown ->
                                [
                                    Word file
                                    Word vector.Place
                                    Word vector.Version
                                    Word(if found = "" then "ok" else found)
                                    Word vector.Name
                                ]
                        ]
                    }
                ]
            }

            ending differing.IsEmpty

    let private defaultPatience = 10.0

    /// The vectors that were not asked or not answered, counted by reason.
    let private leftOut (fates: (string * string * Fate) list) : ((string * string) * int) list =
        fates
        |> List.choose (fun (kind, version, fate) ->
            match fate with
            | Fate.Agreed
            | Fate.Differed
            | Fate.Optional -> None
            | Fate.Skipped why -> Some(kind, why)
            | Fate.KindUnknown -> Some(kind, "it does not know this kind")
            | Fate.VersionUnknown -> Some(kind, $"it does not know room version {version}")
            | Fate.NotAsked -> Some(kind, "the run ended before"))
        |> List.countBy id

    let private complaints (name: string) (complaints: Complaint list) : Table = {
        Name = name
        Columns = [ "file"; "place"; "version"; "what"; "name" ]
        Rows = [
            for c in complaints -> [ Word c.File; Word c.Place; Word c.Version; Word c.What; Word c.Name ]
        ]
    }

    /// The results of another implementation: totals, by kind and version, what was left out, and the differences.
    let private report (format: OutputFormat) (asked: Asked) =
        let count (fates: (string * string * Fate) list) (isSo: Fate -> bool) =
            Count(fates |> List.filter (fun (_, _, fate) -> isSo fate) |> List.length |> int64)

        let isUnsupported (fate: Fate) =
            fate.IsKindUnknown || fate.IsVersionUnknown

        Report.print format {
            Facts = [
                "evaluator", Word asked.Evaluator
                "agreed", count asked.Fates _.IsAgreed
                "findings", Count(int64 asked.Complaints.Length)
                "optional", Count(int64 asked.Differing.Length)
                "unsupported", count asked.Fates isUnsupported
                "skipped", count asked.Fates _.IsSkipped
                "not_asked", count asked.Fates _.IsNotAsked
            ]
            Tables = [
                {
                    Name = "totals"
                    Columns = [
                        "kind"
                        "version"
                        "vectors"
                        "agreed"
                        "differing"
                        "optional"
                        "skipped"
                        "unsupported"
                        "not_asked"
                    ]
                    Rows = [
                        for (kind, version), fates in asked.Fates |> List.groupBy (fun (k, v, _) -> k, v) ->
                            [
                                Word kind
                                Word version
                                Count(int64 fates.Length)
                                count fates _.IsAgreed
                                count fates _.IsDiffered
                                count fates _.IsOptional
                                count fates _.IsSkipped
                                count fates isUnsupported
                                count fates _.IsNotAsked
                            ]
                    ]
                }
                {
                    Name = "left_out"
                    Columns = [ "kind"; "vectors"; "why" ]
                    Rows = [
                        for (kind, why), n in leftOut asked.Fates -> [ Word kind; Count(int64 n); Word why ]
                    ]
                }
                complaints "optional_answers" asked.Differing
                complaints "complaints" asked.Complaints
            ]
        }

    let private ask (arguments: ParseResults<RunArguments>) =
        let patience = arguments.GetResult(Timeout, defaultPatience)

        let files =
            match arguments.GetResult(RunArguments.Files, []) with
            | [] ->
                match VectorFiles.ofCheckout () with
                | Some folder -> Ok [ folder ]
                | None -> Error(Misused "no FILE is given, and there is no tests/vectors here")
            | files -> Ok files

        if not (patience >= 0.001 && patience <= 3600.0) then
            Misused $"--timeout: expected 0.001 to 3600 seconds, found {patience}"
        else
            match arguments.TryGetResult Against, files |> Result.bind VectorFiles.readAll with
            | None, _ -> Misused "--against: expected a command to run"
            | _, Error ending -> ending
            | Some command, Ok files ->

                let asked =
                    (External.run command (TimeSpan.FromSeconds patience) files).GetAwaiter().GetResult()

                report (arguments.GetResult(RunArguments.Format, Text)) asked
                ending (asked.Complaints.IsEmpty && asked.Count _.IsAgreed > 0)

    /// Answers each line of standard input.
    let private answer () : Task<Ending> =
        task {
            use input = Console.OpenStandardInput()
            use output = Console.OpenStandardOutput()
            let lines = Lines(input, Protocol.LongestLine)

            let say (line: string) =
                output.WriteAsync(ReadOnlyMemory<byte>(Text.Encoding.UTF8.GetBytes(line + "\n")))

            let mutable isOpen = true

            while isOpen do
                match! lines.ReadAsync CancellationToken.None with
                | VectorLine.Read line -> do! say (Protocol.answer VectorFiles.ed25519 "Matrix.Hybrid" line)
                | VectorLine.TooLong -> do! say (Protocol.refusal $"a line of more than {Protocol.LongestLine} bytes")
                | VectorLine.None -> isOpen <- false

            return Done
        }

    /// Prints the names of generated files that the folder has otherwise, or not at all.
    let private compare (folder: string) (files: (string * string) list) : Ending =
        let differing =
            files
            |> List.filter (fun (name, text) ->
                let file = Path.Combine(folder, name)
                not (File.Exists file) || File.ReadAllText file <> text)

        for name, _ in differing do
            Console.Out.WriteLine $"{name} is out of date: run mx vectors generate"

        ending differing.IsEmpty

    let private write (folder: string) (files: (string * string) list) : Ending =
        for name, text in files do
            let file = Path.Combine(folder, name)
            Directory.CreateDirectory(nonNull (Path.GetDirectoryName file)) |> ignore
            File.WriteAllText(file, text)

        Done

    let private generate (arguments: ParseResults<GenerateArguments>) =
        match Reading.path (arguments.GetResult GenerateArguments.Folder) with
        | Error ending -> ending
        | Ok folder when not (Directory.Exists folder) -> Misused $"{folder}: there is no such folder"
        | Ok folder ->
            let others =
                VectorFiles.inFolder folder
                |> List.filter (fun file ->
                    not (List.contains (Path.GetRelativePath(folder, file)) GeneratedVectors.files))

            let mutants files =
                use progress = new Progress()
                GeneratedVectors.mutants files progress.Show

            match VectorFiles.readAll others with
            | Error ending -> ending
            | Ok files ->
                match mutants files with
                | Error fault -> Refused $"the generated vectors are malformed: {fault}"
                | Ok mutants ->
                    [
                        GeneratedVectors.ClausesFile, GeneratedVectors.clauses ()
                        GeneratedVectors.MutantsFile, mutants
                        GeneratedVectors.RedactionsFile, GeneratedVectors.redactions ()
                        GeneratedVectors.ResolutionsFile, GeneratedVectors.resolutions ()
                        GeneratedVectors.PdusFile, GeneratedVectors.pdus VectorFiles.ed25519
                    ]
                    |> if arguments.Contains GenerateArguments.Check then
                           compare folder
                       else
                           write folder

    let run (arguments: ParseResults<VectorsArguments>) =
        match arguments.GetSubCommand() with
        | Check arguments -> check arguments
        | Run arguments -> ask arguments
        | Answer _ -> (answer ()).GetAwaiter().GetResult()
        | Generate arguments -> generate arguments
