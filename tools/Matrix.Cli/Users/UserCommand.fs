namespace Matrix.Cli.Users

open System
open Argu
open Matrix.Cli.Admin
open Matrix.Cli.Config
open Matrix.Cli.Input
open Matrix.Cli.Output
open Matrix.Cli.Users.SharedSecretRegistration

type CreateArguments =
    | [<MainCommand; ExactlyOnce>] Name of NAME: string
    | [<Unique>] Admin
    | [<Unique>] Password_Stdin
    | [<Unique>] Server of URL: string
    | [<Unique>] Config of FILE: string
    | [<Unique>] Format of OutputFormat

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Name _ -> "the user's name: the part of the user id before the colon."
            | Admin -> "makes the user an administrator of the server."
            | Password_Stdin -> "reads the password from standard input instead of asking for it."
            | Server _ -> "the server's address. Default: listeners.client of the configuration."
            | Config _ ->
                "the configuration with registration.shared_secret. MATRIX_REGISTRATION__SHARED_SECRET overrides it."
            | Format _ -> OutputFormat.TextByDefault

[<RequireSubcommand>]
type UserArguments =
    | [<CliPrefix(CliPrefix.None)>] Create of ParseResults<CreateArguments>
    | [<CliPrefix(CliPrefix.None)>] List of ParseResults<PageArguments>
    | [<CliPrefix(CliPrefix.None)>] Show of ParseResults<ThingArguments>
    | [<CliPrefix(CliPrefix.None)>] Rooms of ParseResults<ThingArguments>
    | [<CliPrefix(CliPrefix.None)>] Devices of ParseResults<ThingArguments>
    | [<CliPrefix(CliPrefix.None)>] Reset_Password of ParseResults<ResetPasswordArguments>
    | [<CliPrefix(CliPrefix.None)>] Deactivate of ParseResults<DeactivateArguments>
    | [<CliPrefix(CliPrefix.None)>] Make_Admin of ParseResults<ThingArguments>
    | [<CliPrefix(CliPrefix.None)>] Unmake_Admin of ParseResults<ThingArguments>
    | [<CliPrefix(CliPrefix.None)>] Redact of ParseResults<RedactArguments>
    | [<CliPrefix(CliPrefix.None)>] Lock of ParseResults<ThingArguments>
    | [<CliPrefix(CliPrefix.None)>] Unlock of ParseResults<ThingArguments>
    | [<CliPrefix(CliPrefix.None)>] Suspend of ParseResults<ThingArguments>
    | [<CliPrefix(CliPrefix.None)>] Unsuspend of ParseResults<ThingArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Create _ -> "creates an account on a running server, with its shared secret."
            | List _ -> "lists the users."
            | Show _ -> "shows a user."
            | Rooms _ -> "lists the rooms that a user is in."
            | Devices _ -> "lists a user's devices."
            | Reset_Password _ -> "gives a user another password."
            | Deactivate _ -> "ends an account, for good."
            | Make_Admin _ -> "makes a user an administrator of the server."
            | Unmake_Admin _ -> "takes the right to administer the server."
            | Redact _ -> "redacts a user's messages."
            | Lock _ -> "locks an account: its user can only log out."
            | Unlock _ -> "unlocks an account: its sessions go on."
            | Suspend _ -> "suspends an account: its user can read, and neither send nor join."
            | Unsuspend _ -> "ends the suspension of an account."

module internal UserCommand =
    let private addressOf (given: string option) (settings: Matrix.Host.Configuration.OperatorSettings) =
        match given with
        | None ->
            match settings.ClientAddress with
            | null ->
                Error(Misused "--server: expected the server's address (the configuration has no listeners.client)")
            | address -> Ok address
        | Some text ->
            match Uri.TryCreate(text, UriKind.Absolute) with
            | true, NonNull url when url.Scheme = "http" || url.Scheme = "https" -> Ok url
            | _ -> Error(Misused $"--server: expected an address such as http://127.0.0.1:8008, found {text}")

    let private secretOf (settings: Matrix.Host.Configuration.OperatorSettings) =
        match settings.SharedSecret with
        | "" ->
            Error(
                Misused
                    $"{settings.File}: expected registration.shared_secret, or MATRIX_REGISTRATION__SHARED_SECRET for \
                      the server and mx"
            )
        | secret -> Ok secret

    let private explain (server: Uri) account failure =
        match failure with
        | Declined reason -> Refused $"{account.Name} was not created: {reason}"
        | NotOffered -> Refused $"{server}: the server was started without registration.shared_secret"
        | WrongSecret -> Refused $"{server}: the server has another registration.shared_secret"
        | NoAnswer reason -> Refused $"{server}: {reason}"

    let private create (arguments: ParseResults<CreateArguments>) =
        let name = arguments.GetResult Name
        let isAdmin = arguments.Contains Admin

        let made =
            LoadedConfig.load (arguments.TryGetResult Config)
            |> Result.bind (fun settings ->
                addressOf (arguments.TryGetResult Server) settings
                |> Result.bind (fun server -> secretOf settings |> Result.map (fun secret -> server, secret)))
            |> Result.bind (fun (server, secret) ->
                Passwords.read (arguments.Contains Password_Stdin)
                |> Result.map (fun password -> server, secret, password))
            |> Result.bind (fun (server, secret, password) ->
                let account = {
                    Name = name
                    Password = password
                    IsAdmin = isAdmin
                }

                let created =
                    (SharedSecretRegistration.create server secret account).GetAwaiter().GetResult()

                created |> Result.mapError (explain server account))

        match made with
        | Error ending -> ending
        | Ok userId ->
            Report.print (arguments.GetResult(CreateArguments.Format, Text)) {
                Facts = [ "user_id", Word userId; "admin", Truth isAdmin ]
                Tables = []
            }

            Done

    let run (arguments: ParseResults<UserArguments>) =
        match arguments.GetSubCommand() with
        | Create arguments -> create arguments
        | List arguments -> AdminCommands.users arguments
        | Show arguments -> AdminCommands.thing arguments "GET" (fun id -> AdminApi.V2 + "users/" + id) null
        | Rooms arguments ->
            AdminCommands.thing arguments "GET" (fun id -> AdminApi.V1 + "users/" + id + "/joined_rooms") null
        | Devices arguments ->
            AdminCommands.thing arguments "GET" (fun id -> AdminApi.V2 + "users/" + id + "/devices") null
        | Reset_Password arguments -> AdminCommands.resetPassword arguments
        | Deactivate arguments -> AdminCommands.deactivate arguments
        | Make_Admin arguments -> AdminCommands.makeAdmin true arguments
        | Unmake_Admin arguments -> AdminCommands.makeAdmin false arguments
        | Redact arguments -> AdminCommands.redact arguments
        | Lock arguments -> ModerationCommand.lock' arguments
        | Unlock arguments -> ModerationCommand.unlock arguments
        | Suspend arguments -> ModerationCommand.suspend arguments
        | Unsuspend arguments -> ModerationCommand.unsuspend arguments
