namespace Matrix.Cli.Events

open Argu
open Matrix.Cli.Output

type EventFileArguments =
    | [<Mandatory; Unique>] Room_Version of VERSION: string
    | [<MainCommand; Unique>] File of FILE: string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room_Version _ -> "the version of the event's room."
            | File _ -> "the event. Default: standard input."

type HashArguments =
    | [<Mandatory; Unique>] Room_Version of VERSION: string
    | [<Unique>] Format of OutputFormat
    | [<MainCommand; Unique>] File of FILE: string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room_Version _ -> "the version of the event's room."
            | Format _ -> OutputFormat.TextByDefault
            | File _ -> "the event. Default: standard input."

type SignArguments =
    | [<Mandatory; Unique>] Room_Version of VERSION: string
    | [<Mandatory; Unique>] Key of FILE: string
    | [<Mandatory; Unique>] Server of NAME: string
    | [<MainCommand; Unique>] File of FILE: string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room_Version _ -> "the version of the event's room."
            | Key _ -> "the signing key's file, in the format of `mx keys generate`."
            | Server _ -> "the server that signs."
            | File _ -> "the event. Default: standard input."

type EventVerifyArguments =
    | [<Mandatory; Unique>] Room_Version of VERSION: string
    | Keys of FILE: string
    | Public_Key of SERVER: string * KEY_ID: string * KEY: string
    | [<Unique>] Format of OutputFormat
    | [<MainCommand; Unique>] File of FILE: string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room_Version _ -> "the version of the event's room."
            | Keys _ -> "responses of `/_matrix/key/v2/server`: one, a list, or `server_keys`. May be repeated."
            | Public_Key _ -> "a server name, a key id and the key in base64. May be repeated."
            | Format _ -> OutputFormat.TextByDefault
            | File _ -> "the event. Default: standard input."

[<RequireSubcommand>]
type EventArguments =
    | [<CliPrefix(CliPrefix.None)>] Canonical of ParseResults<EventFileArguments>
    | [<CliPrefix(CliPrefix.None)>] Hash of ParseResults<HashArguments>
    | [<CliPrefix(CliPrefix.None)>] Id of ParseResults<EventFileArguments>
    | [<CliPrefix(CliPrefix.None)>] Redact of ParseResults<EventFileArguments>
    | [<CliPrefix(CliPrefix.None)>] Sign of ParseResults<SignArguments>
    | [<CliPrefix(CliPrefix.None)>] Verify of ParseResults<EventVerifyArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Canonical _ -> "prints an event as canonical JSON."
            | Hash _ -> "prints an event's content hash and reference hash."
            | Id _ -> "prints an event's id."
            | Redact _ -> "prints an event without what redaction removes."
            | Sign _ -> "prints an event with its content hash and a signature added."
            | Verify _ -> "checks an event's content hash and required signatures. Exits with 1 if one is wrong."
