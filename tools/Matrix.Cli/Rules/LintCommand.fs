namespace Matrix.Cli.Rules

open Argu
open Matrix.Cli.Output
open Matrix.Rules

type LintArguments =
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Format _ -> OutputFormat.TextByDefault

module internal LintCommand =

    /// Checks the tables of all versions, and that each amendment touches what it declares.
    let run (arguments: ParseResults<LintArguments>) : Ending =
        let findings = Lint.all Versions.withUnstable

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
                        Rows = [ for f in findings -> [ Word f.Where; Word f.Name; Word f.What ] ]
                    }
            ]
        }

        if findings.IsEmpty then Done else Finding
