namespace Matrix.Cli.Admin

open Argu
open Matrix.Cli.Input
open Matrix.Cli.Output

[<RequireSubcommand>]
type JobArguments =
    | [<CliPrefix(CliPrefix.None)>] List of ParseResults<PageArguments>
    | [<CliPrefix(CliPrefix.None)>] Show of ParseResults<ThingArguments>
    | [<CliPrefix(CliPrefix.None)>] Wait of ParseResults<ThingArguments>
    | [<CliPrefix(CliPrefix.None)>] Cancel of ParseResults<ThingArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | List _ -> "lists jobs, the newest first; --search takes a room or user."
            | Show _ -> "shows a job."
            | Wait _ -> "waits until a job has ended."
            | Cancel _ -> "ends a job after its current step."

[<RequireSubcommand>]
type TokenArguments =
    | [<CliPrefix(CliPrefix.None)>] List of ParseResults<PageArguments>
    | [<CliPrefix(CliPrefix.None)>] Create of ParseResults<NewTokenArguments>
    | [<CliPrefix(CliPrefix.None)>] Delete of ParseResults<ThingArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | List _ -> "lists registration tokens."
            | Create _ -> "makes a registration token."
            | Delete _ -> "deletes a registration token."

[<RequireSubcommand>]
type ReportArguments =
    | [<CliPrefix(CliPrefix.None)>] List of ParseResults<PageArguments>
    | [<CliPrefix(CliPrefix.None)>] Show of ParseResults<ThingArguments>
    | [<CliPrefix(CliPrefix.None)>] Delete of ParseResults<ThingArguments>

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | List _ -> "lists reported events; --search takes a user. `mx reports` lists reports of all kinds."
            | Show _ -> "shows a report with the event."
            | Delete _ -> "deletes a report."

/// The commands that the administration API of the running server carries out.
module internal AdminCommands =

    let page
        (arguments: ParseResults<PageArguments>)
        (path: string)
        (searchName: string)
        (more: (string * string option) list)
        : Ending =
        let query =
            AdminApi.query (
                [
                    searchName, arguments.TryGetResult Search
                    "from", arguments.TryGetResult From
                    "limit", arguments.TryGetResult PageArguments.Limit |> Option.map string
                ]
                @ more
            )

        AdminApi.run
            (arguments.TryGetResult PageArguments.Config)
            (arguments.GetResult(PageArguments.Format, Text))
            "GET"
            (path + query)
            null

    /// One thing: the verb, and the path with its id.
    let thing
        (arguments: ParseResults<ThingArguments>)
        (verb: string)
        (path: string -> string)
        (body: string | null)
        : Ending =
        AdminApi.run
            (arguments.TryGetResult ThingArguments.Config)
            (arguments.GetResult(ThingArguments.Format, Text))
            verb
            (path (AdminApi.escaped (arguments.GetResult Thing)))
            body

    let job (arguments: ParseResults<JobArguments>) : Ending =
        match arguments.GetSubCommand() with
        | JobArguments.List page' -> page page' (AdminApi.V1 + "jobs") "subject" []
        | JobArguments.Show one -> thing one "GET" (fun id -> AdminApi.V1 + "jobs/" + id) null
        | JobArguments.Cancel one -> thing one "DELETE" (fun id -> AdminApi.V1 + "jobs/" + id) null
        | JobArguments.Wait one ->
            AdminApi.wait
                (one.TryGetResult ThingArguments.Config)
                (one.GetResult(ThingArguments.Format, Text))
                (one.GetResult Thing)

    let private create (arguments: ParseResults<NewTokenArguments>) : Ending =
        let body =
            AdminApi.body [
                "token", arguments.TryGetResult Token |> Option.map Word
                "uses_allowed", arguments.TryGetResult Uses |> Option.map (int64 >> Count)
                "expiry_time", arguments.TryGetResult Expires |> Option.map Count
            ]

        AdminApi.run
            (arguments.TryGetResult NewTokenArguments.Config)
            (arguments.GetResult(NewTokenArguments.Format, Text))
            "POST"
            (AdminApi.V1 + "registration_tokens/new")
            body

    let token (arguments: ParseResults<TokenArguments>) : Ending =
        match arguments.GetSubCommand() with
        | TokenArguments.List page' -> page page' (AdminApi.V1 + "registration_tokens") "search" []
        | TokenArguments.Create made -> create made
        | TokenArguments.Delete one -> thing one "DELETE" (fun id -> AdminApi.V1 + "registration_tokens/" + id) null

    let report (arguments: ParseResults<ReportArguments>) : Ending =
        match arguments.GetSubCommand() with
        | ReportArguments.List page' -> page page' (AdminApi.V1 + "event_reports") "user_id" []
        | ReportArguments.Show one -> thing one "GET" (fun id -> AdminApi.V1 + "event_reports/" + id) null
        | ReportArguments.Delete one -> thing one "DELETE" (fun id -> AdminApi.V1 + "event_reports/" + id) null

    // Users.

    let users (arguments: ParseResults<PageArguments>) : Ending =
        page arguments (AdminApi.V2 + "users") "name" [ "deactivated", Some "true" ]

    let resetPassword (arguments: ParseResults<ResetPasswordArguments>) : Ending =
        match Passwords.read (arguments.Contains ResetPasswordArguments.Password_Stdin) with
        | Error ending -> ending
        | Ok password ->
            AdminApi.run
                (arguments.TryGetResult ResetPasswordArguments.Config)
                (arguments.GetResult(ResetPasswordArguments.Format, Text))
                "POST"
                (AdminApi.V1
                 + "reset_password/"
                 + AdminApi.escaped (arguments.GetResult ResetPasswordArguments.User))
                (AdminApi.body [
                    "new_password", Some(Word password)
                    "logout_devices", Some(Truth(not (arguments.Contains Keep_Sessions)))
                ])

    let deactivate (arguments: ParseResults<DeactivateArguments>) : Ending =
        AdminApi.run
            (arguments.TryGetResult DeactivateArguments.Config)
            (arguments.GetResult(DeactivateArguments.Format, Text))
            "POST"
            (AdminApi.V1
             + "deactivate/"
             + AdminApi.escaped (arguments.GetResult DeactivateArguments.User))
            (AdminApi.body [ "erase", Some(Truth(arguments.Contains Erase)) ])

    let makeAdmin (isAdmin: bool) (arguments: ParseResults<ThingArguments>) : Ending =
        thing
            arguments
            "PUT"
            (fun id -> AdminApi.V1 + "users/" + id + "/admin")
            (AdminApi.body [ "admin", Some(Truth isAdmin) ])

    let redact (arguments: ParseResults<RedactArguments>) : Ending =
        let members =
            AdminApi.body [
                "reason", arguments.TryGetResult Reason |> Option.map Word
                "limit", arguments.TryGetResult RedactArguments.Limit |> Option.map (int64 >> Count)
            ]

        // An empty list is all rooms.
        let separator = if members = "{}" then "" else ","

        AdminApi.job
            (arguments.TryGetResult RedactArguments.Config)
            (arguments.GetResult(RedactArguments.Format, Text))
            "POST"
            (AdminApi.V1
             + "user/"
             + AdminApi.escaped (arguments.GetResult RedactArguments.User)
             + "/redact")
            ("{\"rooms\":[]" + separator + members.Substring 1)
            "redact_id"
            (not (arguments.Contains RedactArguments.No_Wait))

    // Rooms.

    let rooms (arguments: ParseResults<PageArguments>) : Ending =
        page arguments (AdminApi.V1 + "rooms") "search_term" []

    let blocks (isBlocked: bool) (arguments: ParseResults<ThingArguments>) : Ending =
        thing
            arguments
            "PUT"
            (fun id -> AdminApi.V1 + "rooms/" + id + "/block")
            (AdminApi.body [ "block", Some(Truth isBlocked) ])

    let withUser (path: string -> string) (arguments: ParseResults<RoomAndUserArguments>) : Ending =
        let room, user = arguments.GetResult Both

        AdminApi.run
            (arguments.TryGetResult RoomAndUserArguments.Config)
            (arguments.GetResult(RoomAndUserArguments.Format, Text))
            "POST"
            (path (AdminApi.escaped room))
            (AdminApi.body [ "user_id", Some(Word user) ])

    let deleteRoom (arguments: ParseResults<RoomDeleteArguments>) : Ending =
        AdminApi.job
            (arguments.TryGetResult RoomDeleteArguments.Config)
            (arguments.GetResult(RoomDeleteArguments.Format, Text))
            "DELETE"
            (AdminApi.V2
             + "rooms/"
             + AdminApi.escaped (arguments.GetResult RoomDeleteArguments.Room))
            (AdminApi.body [
                "block", Some(Truth(arguments.Contains Block))
                "purge", Some(Truth(not (arguments.Contains No_Purge)))
                "force_purge", Some(Truth(arguments.Contains Force))
                "new_room_user_id", arguments.TryGetResult New_Room_User |> Option.map Word
                "room_name", arguments.TryGetResult Room_Name |> Option.map Word
                "message", arguments.TryGetResult Message |> Option.map Word
            ])
            "delete_id"
            (not (arguments.Contains RoomDeleteArguments.No_Wait))

    let purgeHistory (arguments: ParseResults<PurgeHistoryArguments>) : Ending =
        AdminApi.job
            (arguments.TryGetResult PurgeHistoryArguments.Config)
            (arguments.GetResult(PurgeHistoryArguments.Format, Text))
            "POST"
            (AdminApi.V1
             + "purge_history/"
             + AdminApi.escaped (arguments.GetResult PurgeHistoryArguments.Room))
            (AdminApi.body [
                "purge_up_to_event_id", arguments.TryGetResult PurgeHistoryArguments.Before |> Option.map Word
                "purge_up_to_ts", arguments.TryGetResult Until |> Option.map Count
                "delete_local_events", Some(Truth(arguments.Contains Local))
            ])
            "purge_id"
            (not (arguments.Contains PurgeHistoryArguments.No_Wait))

    // Media.

    let purgeRemote (arguments: ParseResults<PurgeRemoteArguments>) : Ending =
        let before = arguments.GetResult PurgeRemoteArguments.Before

        AdminApi.run
            (arguments.TryGetResult PurgeRemoteArguments.Config)
            (arguments.GetResult(PurgeRemoteArguments.Format, Text))
            "POST"
            $"{AdminApi.V1}purge_media_cache?before_ts={before}"
            null
