namespace Matrix.Cli

open System
open System.Reflection
open Argu
open Matrix.Cli.Output

type VersionArguments =
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Format _ -> OutputFormat.TextByDefault

module internal VersionCommand =
    /// The version, and the commit that it was built from, if the build knew it.
    let private built =
        match Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>() with
        | null -> "", ""
        | attribute ->
            match attribute.InformationalVersion.Split('+', 2) with
            | [| version; commit |] -> version, commit
            | parts -> parts[0], ""

    let run (arguments: ParseResults<VersionArguments>) =
        let version, commit = built

        Report.print (arguments.GetResult(VersionArguments.Format, Text)) {
            Facts = [
                "version", Word version
                if commit <> "" then
                    "commit", Word commit
                "runtime", Word $".NET {Environment.Version}"
            ]
            Tables = []
        }

        Done
