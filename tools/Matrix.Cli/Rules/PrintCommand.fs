namespace Matrix.Cli.Rules

open System
open System.IO
open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Rules
open Matrix.Rules.Printing

type PrintArguments =
    | [<MainCommand; ExactlyOnce>] Folder of DIR: string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Folder _ -> "the folder to write to. It is created if it does not exist."

module internal PrintCommand =
    /// Writes every version, and its difference from its parent, as Markdown.
    let run (arguments: ParseResults<PrintArguments>) : Ending =
        match Reading.folderFor (arguments.GetResult PrintArguments.Folder) with
        | Error ending -> ending
        | Ok folder ->
            let pages = Pages.all

            for name, lines in pages do
                File.WriteAllText(Path.Combine(folder, name), String.Join('\n', lines) + "\n")

            Console.Out.WriteLine(string pages.Length + " files in " + folder)
            Done
