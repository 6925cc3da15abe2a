/// Reads a password, never from the command line, which other users of the machine can see.
module internal Matrix.Cli.Input.Passwords

open System
open Matrix.Cli.Output

let private fromInput () =
    match (Console.In.ReadToEnd()).TrimEnd('\r', '\n') with
    | "" -> Error(Misused "--password-stdin: expected the password on standard input, found nothing")
    | password when password.Contains '\n' ->
        Error(Misused "--password-stdin: expected one line on standard input, found more")
    | password -> Ok password

let private fromPerson () =
    let password = Terminal.askSecretly "Password: "

    if password = "" then
        Error(Misused "the password is empty")
    elif Terminal.askSecretly "Again: " <> password then
        Error(Misused "the two passwords differ")
    else
        Ok password

/// From standard input if `isFromInput`, else from the terminal.
let read isFromInput =
    if isFromInput then
        fromInput ()
    elif Terminal.canAsk () then
        fromPerson ()
    else
        Error(Misused "there is no terminal to ask for a password: use standard input, with --password-stdin")
