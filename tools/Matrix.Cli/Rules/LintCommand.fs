namespace Matrix.Cli.Rules

open Argu
open Matrix.Cli.Output
open Matrix.Cli.Rules.SpecPages
open Matrix.Rules

type LintArguments =
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Format _ -> OutputFormat.TextByDefault

module internal LintCommand =

    /// Checks the tables of all versions, that each amendment touches what it declares, and that each row has a
    /// sentence of the specification.
    let run (arguments: ParseResults<LintArguments>) : Ending =
        let findings =
            [
                for f in Lint.all Versions.withUnstable -> [ Word f.Where; Word f.Name; Word f.What ]
            ]
            @ [
                for fault in SentenceTable.faults () ->
                    [ Word "rules/sentences.json"; Word fault.Name; Word fault.What ]
            ]

        Report.print (arguments.GetResult(LintArguments.Format, Text)) {
            Facts = [
                "versions", Count(int64 Versions.withUnstable.Length)
                "findings", Count(int64 findings.Length)
            ]
            Tables = [
                if not findings.IsEmpty then
                    {
                        Name = "findings"
                        Columns = [ "where"; "name"; "what" ]
                        Rows = findings
                    }
            ]
        }

        if findings.IsEmpty then Done else Finding
