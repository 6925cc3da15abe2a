namespace Matrix.Cli.Events

open System
open System.IO
open Argu
open Matrix.Cli.Config
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Host.Crypto

type KeyGenerateArguments =
    | [<Unique>] Out of FILE: string
    | [<Unique>] Key_Version of NAME: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Out _ -> "the file to create, readable by its owner only. Default: the key is printed."
            | Key_Version _ -> "the part of the key id after the colon: letters, digits and _. Default: random."
            | Format _ -> OutputFormat.TextByDefault

type RotateArguments =
    | [<Unique>] Key_Version of NAME: string
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Key_Version _ -> "the part of the new key's id after the colon: letters, digits and _. Default: random."
            | Config _ -> "the server's configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."
            | Format _ -> OutputFormat.TextByDefault

[<RequireSubcommand>]
type KeysArguments =
    | [<CliPrefix(CliPrefix.None)>] Generate of ParseResults<KeyGenerateArguments>
    | [<CliPrefix(CliPrefix.None)>] Rotate of ParseResults<RotateArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Generate _ -> "creates a signing key, in the format of the server's `signing.key`."
            | Rotate _ ->
                "gives the server a new signing key. The former one stays published. The server may be running."

module internal KeysCommand =

    let private badVersion (version: string) =
        Misused $"--key-version: expected letters, digits and _: this is '{version}'"

    let private newKey (version: string option) =
        let generated = SigningKeyFile.Generate()
        SigningKey(defaultArg version generated.Version, generated.Key)

    let private generate (arguments: ParseResults<KeyGenerateArguments>) =
        let format = arguments.GetResult(KeyGenerateArguments.Format, Text)
        let version = arguments.TryGetResult KeyGenerateArguments.Key_Version

        let file = arguments.TryGetResult Out

        match version, file |> Option.bind Reading.unwritable with
        | Some version, _ when not (SigningKeyFile.IsVersion version) -> badVersion version
        | _, Some ending -> ending
        | _ when file |> Option.exists File.Exists ->
            Refused $"{Option.get file}: there is a file already; it was not changed"
        | version, None ->
            let key = newKey version

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

    let private rotateFile (format: OutputFormat) (version: string option) (file: string) =
        let key = newKey version
        let keys = SigningKeyFile.Rotate(file, key)

        Report.print format {
            Facts = [
                "key_id", Word key.Id
                "public_key", Word key.PublicKeyText
                "former_key_id", Word keys.Former[0].Id
                "file", Word file
            ]
            Tables = []
        }

        Done

    let private rotate (arguments: ParseResults<RotateArguments>) =
        let format = arguments.GetResult(RotateArguments.Format, Text)

        match
            arguments.TryGetResult RotateArguments.Key_Version,
            LoadedConfig.load (arguments.TryGetResult RotateArguments.Config)
        with
        | _, Error ending -> ending
        | Some version, _ when not (SigningKeyFile.IsVersion version) -> badVersion version
        | version, Ok settings ->
            let file = settings.SigningKeyFile

            if not (File.Exists file) then
                Refused $"{file}: there is no key yet; the server makes one when it starts for the first time"
            else
                try
                    rotateFile format version file
                with
                | :? InvalidDataException as fault -> Refused fault.Message
                | :? UnauthorizedAccessException
                | :? IOException as fault -> Refused $"{file} was not changed: {fault.Message}"

    let run (arguments: ParseResults<KeysArguments>) =
        match arguments.GetSubCommand() with
        | Generate arguments -> generate arguments
        | Rotate arguments -> rotate arguments
