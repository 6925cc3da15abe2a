/// Where a password comes from: never from the command line, which others on the machine can read.
module internal Matrix.Cli.Users.Passwords

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
        Error(Misused "the two are not the same")
    else
        Ok password

/// From standard input if that was asked for, else from the person at the terminal.
let read isFromInput =
    if isFromInput then
        fromInput ()
    elif Terminal.canAsk () then
        fromPerson ()
    else
        Error(Misused "nobody is there to ask for a password: give it on standard input, with --password-stdin")
