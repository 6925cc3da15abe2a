/// What is shown differently to a person at a terminal than in a pipe.
module internal Matrix.Cli.Output.Terminal

open System

let private isSet name =
    not (String.IsNullOrEmpty(Environment.GetEnvironmentVariable name))

let private hasColours =
    not Console.IsOutputRedirected
    && not (isSet "NO_COLOR")
    && Environment.GetEnvironmentVariable "TERM" <> "dumb"

let private paint code text =
    if hasColours then
        $"\u001b[{code}m{text}\u001b[0m"
    else
        text

/// A heading.
let bold text = paint "1" text

/// What is wrong.
let red text = paint "31" text

/// What is new.
let green text = paint "32" text

/// What is not as it was.
let yellow text = paint "33" text

/// What explains the line above.
let faint text = paint "2" text

/// Whether a person can be asked.
let canAsk () = not Console.IsInputRedirected

/// Asks for a line that is not shown while it is typed.
let askSecretly (question: string) =
    Console.Error.Write question
    let typed = Text.StringBuilder()
    let mutable key = Console.ReadKey true

    while key.Key <> ConsoleKey.Enter do
        if key.Key = ConsoleKey.Backspace then
            if typed.Length > 0 then
                typed.Length <- typed.Length - 1
        elif key.KeyChar <> '\000' then
            typed.Append key.KeyChar |> ignore

        key <- Console.ReadKey true

    Console.Error.WriteLine()
    typed.ToString()
