namespace Matrix.Cli.Events

open System.IO
open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Host.Sodium

type GenerateArguments =
    | [<Unique>] Out of FILE: string
    | [<Unique>] Key_Version of NAME: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Out _ -> "the file to create, readable by its owner only. Default: the key is printed."
            | Key_Version _ -> "the part of the key id after the colon: letters, digits and _. Default: random."
            | Format _ -> OutputFormat.TextByDefault

[<RequireSubcommand>]
type KeysArguments =
    | [<CliPrefix(CliPrefix.None)>] Generate of ParseResults<GenerateArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Generate _ -> "creates a signing key, in the format of the server's `signing.key`."

module internal KeysCommand =

    let private generate (arguments: ParseResults<GenerateArguments>) =
        let format = arguments.GetResult(GenerateArguments.Format, Text)
        let version = arguments.TryGetResult Key_Version

        let file = arguments.TryGetResult Out

        match version, file |> Option.bind Reading.unwritable with
        | Some version, _ when not (SigningKeyFile.IsVersion version) ->
            Misused $"--key-version: expected letters, digits and _: this is '{version}'"
        | _, Some ending -> ending
        | _ when file |> Option.exists File.Exists ->
            Refused $"{Option.get file}: there is a file already; it was not changed"
        | version, None ->
            let generated = SigningKeyFile.Generate()
            let key = SigningKey(defaultArg version generated.Version, generated.Key)

            file |> Option.iter (fun file -> SigningKeyFile.Write(file, key))

            match format, file with
            | Text, None -> printf "%s" (SigningKeyFile.LineOf key)
            | _ ->
                Report.print format {
                    Facts = [
                        "key_id", Word key.Id
                        "public_key", Word key.PublicKeyText
                        match file with
                        | Some file -> "file", Word file
                        | None -> "line", Word((SigningKeyFile.LineOf key).TrimEnd())
                    ]
                    Tables = []
                }

            Done

    let run (arguments: ParseResults<KeysArguments>) =
        match arguments.GetSubCommand() with
        | Generate arguments -> generate arguments
