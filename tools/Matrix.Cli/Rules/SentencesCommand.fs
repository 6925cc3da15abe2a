namespace Matrix.Cli.Rules

open System.IO
open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Cli.Rules.SpecPages
open Matrix.Rules
open Matrix.Rules.Printing

type SentencesArguments =
    | [<MainCommand; ExactlyOnce>] Repository of PATH: string
    | [<Unique>] Base of COMMIT: string
    | [<Unique>] Write of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Repository _ -> "a clone of the specification's repository, bare or not."
            | Base _ -> Editions.BaseHelp
            | Write _ -> "writes the table anew, as rules/sentences.json, instead of comparing."
            | Format _ -> OutputFormat.TextByDefault

module internal SentencesCommand =

    /// Every row's sentence; the rows whose sentence the edition does not have are errors.
    let private read (addressed: Specification) : Result<SentenceEntry, string * string> list = [
        for version in Versions.all do
            for row, address in Addresses.ofVersion Areas.all version do
                match address with
                | None -> ()
                | Some address ->
                    match Sentences.find addressed address with
                    | None -> Error(version.Id, row.Id)
                    | Some node ->
                        Ok {
                            Version = version.Id
                            Id = row.Id
                            Address = address
                            File = node.File
                            Digest = Markdown.digest (Sentences.text node)
                        }
    ]

    let private report format (count: int) (faults: (string * string * string) list) : Ending =
        Report.print format {
            Facts = [ "sentences", Count(int64 count); "faults", Count(int64 faults.Length) ]
            Tables = [
                if not faults.IsEmpty then
                    {
                        Name = "rules"
                        Columns = [ "version"; "rule"; "fault" ]
                        Rows = [ for version, id, fault in faults -> [ Word version; Word id; Word fault ] ]
                    }
            ]
        }

        if faults.IsEmpty then Done else Finding

    let private missing (found: Result<SentenceEntry, string * string> list) =
        found
        |> List.choose (function
            | Error(version, id) -> Some(version, id, "missing")
            | Ok _ -> None)

    let private compared (found: Result<SentenceEntry, string * string> list) =
        let known =
            Map.ofList [
                for entry in SentenceTable.entries.Value -> (entry.Version, entry.Id), entry.Digest
            ]

        missing found
        @ (found
           |> List.choose (function
               | Ok entry when Map.tryFind (entry.Version, entry.Id) known <> Some entry.Digest ->
                   Some(entry.Version, entry.Id, "differs")
               | _ -> None))

    /// Compares the sentences with their digests, or writes the table of both anew.
    let run (arguments: ParseResults<SentencesArguments>) : Ending =
        let path = arguments.GetResult SentencesArguments.Repository
        let format = arguments.GetResult(SentencesArguments.Format, Text)

        let unwritable =
            arguments.TryGetResult SentencesArguments.Write
            |> Option.bind Reading.unwritable

        match unwritable, Editions.addressed path (arguments.TryGetResult SentencesArguments.Base) with
        | Some ending, _
        | None, Error ending -> ending
        | None, Ok addressed ->
            let found = read addressed

            match arguments.TryGetResult SentencesArguments.Write, missing found with
            | None, _ -> report format found.Length (compared found)
            | Some _, (_ :: _ as missing) -> report format found.Length missing
            | Some file, [] ->
                let entries =
                    found
                    |> List.choose (function
                        | Ok entry -> Some entry
                        | Error _ -> None)

                File.WriteAllText(file, SentenceTable.write addressed.Repository.Commit entries)
                report format entries.Length []
