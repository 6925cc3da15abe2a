namespace Matrix.Cli.Admin

open Argu
open Matrix.Cli.Output

/// The help of what many commands take.
module internal Usages =
    [<Literal>]
    let Config =
        "the server's configuration. Default: MATRIX_CONFIG, or homeserver.yaml in the data folder."

type PageArguments =
    | [<Unique>] Search of TEXT: string
    | [<Unique>] From of TOKEN: string
    | [<Unique>] Limit of N: int
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Search _ -> "only what has this in its name."
            | From _ -> "the next page: what the one before says."
            | Limit _ -> "how many. Default: 100."
            | Config _ -> Usages.Config
            | Format _ -> OutputFormat.TextByDefault

type ThingArguments =
    | [<MainCommand; ExactlyOnce>] Thing of ID: string
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Thing _ -> "its id, as the list shows it."
            | Config _ -> Usages.Config
            | Format _ -> OutputFormat.TextByDefault

type RoomAndUserArguments =
    | [<MainCommand; ExactlyOnce>] Both of ROOM: string * USER: string
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Both _ -> "the room's id or alias, and the user's id."
            | Config _ -> Usages.Config
            | Format _ -> OutputFormat.TextByDefault

type RoomDeleteArguments =
    | [<MainCommand; ExactlyOnce>] Room of ROOM: string
    | [<Unique>] Block
    | [<Unique>] No_Purge
    | [<Unique>] Force
    | [<Unique>] New_Room_User of USER: string
    | [<Unique>] Room_Name of NAME: string
    | [<Unique>] Message of TEXT: string
    | [<Unique>] No_Wait
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room _ -> "the room's id."
            | Block -> "blocks the room too: local users cannot join it again."
            | No_Purge -> "local users leave; what is stored of the room stays."
            | Force -> "deletes it also if a local user cannot leave."
            | New_Room_User _ -> "the local user who makes a new room, to which the members move."
            | Room_Name _ -> "the name of that room."
            | Message _ -> "the message that members find there."
            | No_Wait -> "prints the job's id, and does not wait for its end."
            | Config _ -> Usages.Config
            | Format _ -> OutputFormat.TextByDefault

type PurgeHistoryArguments =
    | [<MainCommand; ExactlyOnce>] Room of ROOM: string
    | [<Unique>] Before of EVENT: string
    | [<Unique>] Until of MILLISECONDS: int64
    | [<Unique>] Local
    | [<Unique>] No_Wait
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Room _ -> "the room's id."
            | Before _ -> "the first event that stays."
            | Until _ -> "a time in milliseconds since 1970, instead: messages up to it go."
            | Local -> "messages of this server's users go too."
            | No_Wait -> "prints the job's id, and does not wait for its end."
            | Config _ -> Usages.Config
            | Format _ -> OutputFormat.TextByDefault

type DeactivateArguments =
    | [<MainCommand; ExactlyOnce>] User of USER: string
    | [<Unique>] Erase
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | User _ -> "the user's id, as @NAME:SERVER."
            | Erase -> "erases the user: those who join later do not see their messages."
            | Config _ -> Usages.Config
            | Format _ -> OutputFormat.TextByDefault

type ResetPasswordArguments =
    | [<MainCommand; ExactlyOnce>] User of USER: string
    | [<Unique>] Password_Stdin
    | [<Unique>] Keep_Sessions
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | User _ -> "the user's id, as @NAME:SERVER."
            | Password_Stdin -> "reads the password from standard input instead of asking for it."
            | Keep_Sessions -> "the user's devices stay logged in."
            | Config _ -> Usages.Config
            | Format _ -> OutputFormat.TextByDefault

type RedactArguments =
    | [<MainCommand; ExactlyOnce>] User of USER: string
    | [<Unique>] Reason of TEXT: string
    | [<Unique>] Limit of N: int
    | [<Unique>] No_Wait
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | User _ -> "the user's id, as @NAME:SERVER."
            | Reason _ -> "why, for the members of the rooms."
            | Limit _ -> "the most messages in each room, the newest first. Default: all."
            | No_Wait -> "prints the job's id, and does not wait for its end."
            | Config _ -> Usages.Config
            | Format _ -> OutputFormat.TextByDefault

type NewTokenArguments =
    | [<Unique>] Token of TOKEN: string
    | [<Unique>] Uses of N: int
    | [<Unique>] Expires of MILLISECONDS: int64
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Token _ -> "the token. Default: a random one."
            | Uses _ -> "how many may register with it. Default: any number."
            | Expires _ -> "when it ends, in milliseconds since 1970. Default: never."
            | Config _ -> Usages.Config
            | Format _ -> OutputFormat.TextByDefault

type PurgeRemoteArguments =
    | [<ExactlyOnce>] Before of MILLISECONDS: int64
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Before _ -> "copies that nobody read since this time go, in milliseconds since 1970."
            | Config _ -> Usages.Config
            | Format _ -> OutputFormat.TextByDefault
