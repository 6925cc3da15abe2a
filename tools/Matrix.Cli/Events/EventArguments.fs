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
            | File _ -> "the event; standard input without it."

type HashArguments =
    | [<Mandatory; Unique>] Room_Version of VERSION: string
    | [<Unique>] Format of OutputFormat
    | [<MainCommand; Unique>] File of FILE: string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room_Version _ -> "the version of the event's room."
            | Format _ -> OutputFormat.TextUnlessSaid
            | File _ -> "the event; standard input without it."

type SignArguments =
    | [<Mandatory; Unique>] Room_Version of VERSION: string
    | [<Mandatory; Unique>] Key of FILE: string
    | [<Mandatory; Unique>] Server of NAME: string
    | [<MainCommand; Unique>] File of FILE: string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room_Version _ -> "the version of the event's room."
            | Key _ -> "the signing key, as `mx keys generate` makes it."
            | Server _ -> "the server that signs."
            | File _ -> "the event; standard input without it."

type VerifyArguments =
    | [<Mandatory; Unique>] Room_Version of VERSION: string
    | Keys of FILE: string
    | Public_Key of SERVER: string * KEY_ID: string * KEY: string
    | [<Unique>] Format of OutputFormat
    | [<MainCommand; Unique>] File of FILE: string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room_Version _ -> "the version of the event's room."
            | Keys _ ->
                "servers' keys, as they answer `/_matrix/key/v2/server`: one, a list, or as `server_keys`. May be given several times."
            | Public_Key _ -> "a server's name, the id of a key of its, and the key in base64. May be given several times."
            | Format _ -> OutputFormat.TextUnlessSaid
            | File _ -> "the event; standard input without it."

[<RequireSubcommand>]
type EventArguments =
    | [<CliPrefix(CliPrefix.None)>] Canonical of ParseResults<EventFileArguments>
    | [<CliPrefix(CliPrefix.None)>] Hash of ParseResults<HashArguments>
    | [<CliPrefix(CliPrefix.None)>] Id of ParseResults<EventFileArguments>
    | [<CliPrefix(CliPrefix.None)>] Redact of ParseResults<EventFileArguments>
    | [<CliPrefix(CliPrefix.None)>] Sign of ParseResults<SignArguments>
    | [<CliPrefix(CliPrefix.None)>] Verify of ParseResults<VerifyArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Canonical _ -> "prints an event as canonical JSON."
            | Hash _ -> "prints an event's content hash and reference hash."
            | Id _ -> "prints an event's id."
            | Redact _ -> "prints an event without what redaction removes."
            | Sign _ -> "prints an event with its content hash and one signature more."
            | Verify _ -> "says whether an event's content hash and the signatures that it needs hold; 1 if not."
