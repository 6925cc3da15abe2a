namespace Matrix.Cli.Users

open Argu
open Matrix.Cli.Admin
open Matrix.Cli.Output

/// Has the running server lock or suspend an account.
module internal ModerationCommand =

    /// One act of the server, and what it makes of the account.
    let private change (act: string) (state: string) (value: bool) (arguments: ParseResults<ThingArguments>) : Ending =
        let user = arguments.GetResult Thing

        AdminApi.act
            (arguments.TryGetResult ThingArguments.Config)
            (arguments.GetResult(ThingArguments.Format, Text))
            "PUT"
            (AdminApi.V1 + act + "/" + AdminApi.escaped user)
            (AdminApi.body [ act, Some(Truth value) ])
            [ "user_id", Word user; state, Truth value ]

    let lock' arguments = change "lock" "locked" true arguments

    let unlock arguments = change "lock" "locked" false arguments

    let suspend arguments =
        change "suspend" "suspended" true arguments

    let unsuspend arguments =
        change "suspend" "suspended" false arguments
