namespace Matrix.Cli.Rules

open System
open System.IO
open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Cli.Rules.Site
open Matrix.Rules

type HtmlArguments =
    | [<MainCommand; ExactlyOnce>] Folder of DIR: string
    | [<Unique>] Only of VERSIONS: string list

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Folder _ -> "the folder to write to. It is created if it does not exist."
            | Only _ -> "writes only these versions and their differences. Default: all."

module internal HtmlCommand =
    let private wanted (ids: string list option) : Result<RoomVersion list, Ending> =
        match ids with
        | None -> Ok Versions.withUnstable
        | Some ids ->
            ids
            |> Ending.all RoomVersions.find
            |> Result.map (fun some ->
                // In the order of the versions, not of the arguments.
                Versions.withUnstable
                |> List.filter (fun v -> some |> List.exists (fun s -> s.Id = v.Id)))

    /// The files, with progress on a terminal.
    let private files (versions: RoomVersion list) : (string * string)[] =
        use progress = new Progress()
        Site.files versions (fun all finished -> progress.Show $"{finished} of {all} files")

    /// Writes a page for each version and each difference. The pages need no network and no scripts.
    let run (arguments: ParseResults<HtmlArguments>) : Ending =
        let made =
            wanted (arguments.TryGetResult HtmlArguments.Only)
            |> Result.bind (fun versions ->
                Reading.folderFor (arguments.GetResult HtmlArguments.Folder)
                |> Result.map (fun folder -> versions, folder))

        match made with
        | Error ending -> ending
        | Ok(versions, folder) ->
            let files = files versions

            for name, text in files do
                File.WriteAllText(Path.Combine(folder, name), text)

            Console.Out.WriteLine(string files.Length + " files in " + folder)
            Done
